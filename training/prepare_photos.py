"""Shrink a folder of photos, so that training does not decode whole camera files at every step.

    python training/prepare_photos.py CAMERA PHOTOS --side 384

Each photo is turned upright, made `--side` pixels on its short side, and written as a JPEG of the
same name. Files that cannot be read are named and left out.
"""

import argparse
import sys
from pathlib import Path

from rich.progress import track

from fastnst.errors import FastnstError, TrainingError
from fastnst.images import save_picture
from fastnst.photos import list_photos, read_rgb
from fastnst.tensors import fit_short_side


def prepare(source: Path, target: Path, side: int) -> tuple[int, list[str]]:
    """Shrink every photo under `source` into `target`.

    Returns:
        How many were written, and what was wrong with each of the others.
    """
    written, problems = 0, []
    for path in track(list_photos(source), "Shrinking"):
        try:
            photo = read_rgb(path)
        except TrainingError as error:
            problems.append(str(error))
            continue
        if min(photo.size) > side:
            photo = fit_short_side(photo, side)
        name = path.relative_to(source)
        # The old ending stays in the name: one.png and one.jpg are two photos.
        save_picture(photo, target / name.parent / f"{name.stem}_{name.suffix[1:].lower()}.jpg")
        written += 1
    return written, problems


def main() -> None:
    parser = argparse.ArgumentParser(description="Shrink a folder of photos for training.")
    parser.add_argument("source", type=Path, help="folder of photos")
    parser.add_argument("target", type=Path, help="folder to write to")
    parser.add_argument("--side", type=int, default=384, help="short side, pixels (default 384)")
    arguments = parser.parse_args()
    try:
        written, problems = prepare(arguments.source, arguments.target, arguments.side)
    except FastnstError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{written} photos written to {arguments.target}, {len(problems)} left out.")


if __name__ == "__main__":
    main()
