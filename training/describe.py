"""Correct what a checkpoint says of its styles, or leave some out, without training it again.

    python training/describe.py RUN/weights.safetensors STYLES.json weights/paintings.safetensors

STYLES.json is a list of objects with `name` and any of `title`, `artist`, `year` and `licence`.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from fastnst.checkpoint import Checkpoint, Style, load_checkpoint, save_checkpoint
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

    Raises:
        CheckpointError: it does not have one of them, or nothing would be left.
    """
    unknown = set(names) - {style.name for style in checkpoint.styles}
    kept = [row for row, style in enumerate(checkpoint.styles) if style.name not in names]
    if unknown or not kept:
        raise CheckpointError(f"Cannot take {', '.join(sorted(unknown) or names)} away.")
    return replace(
        checkpoint,
        settings={**checkpoint.settings, "styles": len(kept)},
        tensors={**checkpoint.tensors, "styles": checkpoint.tensors["styles"][kept]},
        styles=tuple(checkpoint.styles[row] for row in kept),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Correct what a checkpoint says of its styles.")
    parser.add_argument("source", type=Path, help="checkpoint to read")
    parser.add_argument("table", type=Path, help="JSON with the facts")
    parser.add_argument("target", type=Path, help="checkpoint to write")
    parser.add_argument("--licence", default="", help="of every style that the table gives none")
    parser.add_argument("--without", nargs="+", default=[], help="names of styles to leave out")
    arguments = parser.parse_args()
    try:
        rows = json.loads(arguments.table.read_text(encoding="utf-8"))
        made = describe(load_checkpoint(arguments.source), rows, arguments.licence)
        save_checkpoint(without(made, arguments.without), arguments.target)
    except (FastnstError, OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
