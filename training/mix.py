"""Mix two networks of one shape: all weights between theirs.

    python training/mix.py FIRST.safetensors SECOND.safetensors MIXED.safetensors --share 0.5

A network that was trained on from another is joined to it by a line of good networks: what it has
learnt too much of can be had by half.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from fastnst.checkpoint import Checkpoint
from fastnst.checkpoint_file import load_checkpoint, save_checkpoint
from fastnst.errors import CheckpointError, FastnstError


def mix(first: Checkpoint, second: Checkpoint, share: float) -> Checkpoint:
    """The second network by a share, the first by the rest.

    Raises:
        CheckpointError: they are not of one shape.
    """
    kinds = [(each.architecture, dict(each.settings)) for each in (first, second)]
    if kinds[0] != kinds[1]:
        raise CheckpointError(
            f"Only networks of one shape can be mixed, not {kinds[0]} and {kinds[1]}."
        )
    weight = np.float32(share)
    tensors = {
        key: (1 - weight) * array + weight * second.tensors[key]
        for key, array in first.tensors.items()
    }
    return replace(second, tensors=tensors)


def main() -> None:
    parser = argparse.ArgumentParser(description="Mix two networks of one shape.")
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("mixed", type=Path, help="file to write")
    parser.add_argument("--share", type=float, default=0.5, help="of the second (default 0.5)")
    arguments = parser.parse_args()
    try:
        first, second = load_checkpoint(arguments.first), load_checkpoint(arguments.second)
        save_checkpoint(mix(first, second, arguments.share), arguments.mixed)
    except FastnstError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
