"""Correct what a checkpoint says of its styles, leave some out, or make some milder.

    python training/describe.py RUN/weights.safetensors STYLES.json weights/paintings.safetensors

STYLES.json is a list of objects with `name` and any of `title`, `artist`, `year` and `licence`.
Nothing is trained again, and the network itself stays as it is. Styles that come without their
network, as `train_style.py --learn styles` makes them, are joined with it.
"""

import argparse
import fnmatch
import json
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from fastnst.adapters import completed
from fastnst.checkpoint import STYLE_TABLE, Checkpoint, Style, is_of_styles
from fastnst.checkpoint_file import load_checkpoint, save_checkpoint
from fastnst.errors import CheckpointError, FastnstError

FACTS = [each.name for each in fields(Style) if each.name != "name"]


def describe(checkpoint: Checkpoint, rows: list[Mapping[str, Any]], licence: str) -> Checkpoint:
    """The same checkpoint with new facts about its styles.

    Raises:
        CheckpointError: a row names a style that the checkpoint does not have.
    """
    facts = {row["name"]: {key: str(row[key]) for key in FACTS if key in row} for row in rows}
    unknown = set(facts) - {style.name for style in checkpoint.styles}
    if unknown:
        raise CheckpointError(f"The checkpoint has no style {', '.join(sorted(unknown))}.")
    styles = (
        replace(style, **{"licence": licence or style.licence, **facts.get(style.name, {})})
        for style in checkpoint.styles
    )
    return replace(checkpoint, styles=tuple(styles))


def without(checkpoint: Checkpoint, names: list[str]) -> Checkpoint:
    """The same style network without some of its styles.

    Args:
        checkpoint: the network.
        names: of the styles; "*_detail_*" means all that are called so.

    Raises:
        CheckpointError: it has none of a name, or nothing would be left.
    """
    gone = {
        name: fnmatch.filter((style.name for style in checkpoint.styles), name) for name in names
    }
    unknown = [name for name, found in gone.items() if not found]
    left_out = {style for found in gone.values() for style in found}
    kept = [row for row, style in enumerate(checkpoint.styles) if style.name not in left_out]
    if unknown or not kept:
        raise CheckpointError(f"Cannot take {', '.join(unknown or names)} away.")
    return replace(
        checkpoint,
        settings={**checkpoint.settings, STYLE_TABLE: len(kept)},
        tensors={
            key: array[kept] if is_of_styles(key) else array
            for key, array in checkpoint.tensors.items()
        },
        styles=tuple(checkpoint.styles[row] for row in kept),
        grams={name: of for name, of in checkpoint.grams.items() if name not in left_out},
    )


def at_strengths(checkpoint: Checkpoint, strengths: Mapping[str, float]) -> Checkpoint:
    """The same style network, where the usual strength of some styles is another than it was.

    Raises:
        CheckpointError: it does not have one of them.
    """
    tensors = {key: np.array(array) for key, array in checkpoint.tensors.items()}
    photo = tensors["photo"]
    names = [style.name for style in checkpoint.styles]
    for name, strength in strengths.items():
        if name not in names:
            raise CheckpointError(f"The checkpoint has no style {name}.")
        row = names.index(name)
        for key in filter(is_of_styles, tensors):
            none = photo if key == STYLE_TABLE else np.float32(0)  # no style mixes nothing
            tensors[key][row] = none + np.float32(strength) * (tensors[key][row] - none)
    return replace(checkpoint, tensors=tensors)


def main() -> None:
    parser = argparse.ArgumentParser(description="Correct what a checkpoint says of its styles.")
    parser.add_argument("source", type=Path, help="checkpoint to read")
    parser.add_argument("table", type=Path, help="JSON with the facts")
    parser.add_argument("target", type=Path, help="checkpoint to write")
    parser.add_argument("--base", type=Path, help="the network of styles that come without theirs")
    parser.add_argument("--licence", default="", help="of every style that the table gives none")
    parser.add_argument(
        "--without", nargs="+", default=[], help="styles to leave out; * is any text"
    )
    parser.add_argument(
        "--strengths", nargs="+", default=[], help="what is the usual strength: the_scream=0.8"
    )
    arguments = parser.parse_args()
    try:
        pairs = (text.partition("=") for text in arguments.strengths)
        strengths = {name: float(number) for name, _, number in pairs}
        rows = json.loads(arguments.table.read_text(encoding="utf-8"))
        base = load_checkpoint(arguments.base) if arguments.base else None
        source = completed(load_checkpoint(arguments.source), base)
        made = describe(source, rows, arguments.licence)
        made = at_strengths(without(made, arguments.without), strengths)
        save_checkpoint(made, arguments.target)
    except (FastnstError, OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
