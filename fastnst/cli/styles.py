"""`fastnst styles`."""

import json
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from fastnst.catalog import DEFAULT_STYLES, load
from fastnst.checkpoint import Checkpoint
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
