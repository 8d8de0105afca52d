"""`fastnst styles`."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from fastnst.adapters import completed, join
from fastnst.catalog import DEFAULT_STYLES, load
from fastnst.checkpoint import Checkpoint
from fastnst.checkpoint_file import SUFFIX
from fastnst.choices import Blend
from fastnst.cli.hub import show_pulled
from fastnst.cli.options import AsJson, Weights
from fastnst.cli.reporting import print_table, reporting
from fastnst.errors import StyleError


def styles(
    weights: Weights = DEFAULT_STYLES,
    from_hub: Annotated[
        bool, typer.Option("--hub", help="Of all networks pulled from the Hub instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the styles of a network."""
    with reporting(as_json):
        if from_hub:
            show_pulled(as_json)
            return
        found = load_styles(weights).styles
        if as_json:
            typer.echo(json.dumps([vars(style) for style in found], indent=2, ensure_ascii=False))
            return
        table = Table("Name", "Title", "Painter", "Year", "Licence")
        for style in found:
            table.add_row(*(Text(text) for text in vars(style).values()))
        print_table(table)


def load_styles(weights: str) -> Checkpoint:
    """The checkpoint that is meant, if it has styles; see `fastnst.catalog.locate`.

    Raises:
        CheckpointError: there is neither, or the file is not a good checkpoint.
        StyleError: it has none.
    """
    checkpoint = load(weights)
    if not checkpoint.styles:
        raise StyleError(f"There are no styles in {weights}.")
    return checkpoint


def with_style_files(
    blend: Blend | None, checkpoint: Checkpoint
) -> tuple[Blend | None, Checkpoint]:
    """A blend whose styles may be files, by names alone, and the network that has them all.

    Raises:
        CheckpointError: a file is no good, or its style belongs to another network than the rest.
        StyleError: a file holds several styles, or two styles have one name.
    """
    names = [blend] if isinstance(blend, str) else list(blend or ())
    files = {name: load(name) for name in names if name.endswith(SUFFIX)}
    for name, file in files.items():
        if len(file.styles) != 1:
            held = ", ".join(style.name for style in file.styles)
            raise StyleError(f"{name} holds the styles {held}; give it as --weights instead.")
    if not files:
        return blend, checkpoint
    called = {name: files[name].styles[0].name if name in files else name for name in names}
    if len(names) == 1:
        file = files[names[0]]
        return called[names[0]], completed(
            file, checkpoint if file.trunk == checkpoint.trunk else None
        )
    whole = join(checkpoint, list(files.values()))
    assert isinstance(blend, Mapping)
    return {called[name]: share for name, share in blend.items()}, whole
