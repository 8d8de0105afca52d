"""Correct what a checkpoint says of its styles, without training it again.

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


def main() -> None:
    parser = argparse.ArgumentParser(description="Correct what a checkpoint says of its styles.")
    parser.add_argument("source", type=Path, help="checkpoint to read")
    parser.add_argument("table", type=Path, help="JSON with the facts")
    parser.add_argument("target", type=Path, help="checkpoint to write")
    parser.add_argument("--licence", default="", help="of every style that the table gives none")
    arguments = parser.parse_args()
    try:
        rows = json.loads(arguments.table.read_text(encoding="utf-8"))
        made = describe(load_checkpoint(arguments.source), rows, arguments.licence)
        save_checkpoint(made, arguments.target)
    except (FastnstError, OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
