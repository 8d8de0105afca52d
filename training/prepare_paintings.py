"""Make more styles out of a folder of paintings: details of each, whose strokes are larger.

    python training/prepare_paintings.py PAINTINGS DETAILS --details 2

A network that is to learn new styles quickly has to know many. A square detail of a painting is a
style of its own: other colours, other shapes, strokes that are nearer. The details are spread over
the painting; one that would be smaller than `--smallest` pixels is left out.
"""

import argparse
import sys
from pathlib import Path

from PIL import Image
from rich.progress import track

from fastnst.errors import FastnstError
from fastnst.images import save_picture
from fastnst.photos import list_photos, read_rgb

PART = 0.6  # of the short side


def details(painting: Image.Image, count: int) -> list[Image.Image]:
    """Square details, each 0.6 of the short side wide, from one corner to the opposite one."""
    side = round(PART * min(painting.size))
    places = [(index + 0.5) / count for index in range(count)]
    boxes = [
        (round(place * (painting.width - side)), round(place * (painting.height - side)))
        for place in places
    ]
    return [painting.crop((left, top, left + side, top + side)) for left, top in boxes]


def prepare(source: Path, target: Path, count: int, smallest: int) -> int:
    """Write the details of every painting under `source` into `target`; returns how many."""
    written = 0
    for path in track(list_photos(source), "Cutting"):
        painting = read_rgb(path)
        if round(PART * min(painting.size)) < smallest:
            continue
        for number, detail in enumerate(details(painting, count), 1):
            save_picture(detail, target / f"{path.stem}_detail_{number}.png")
            written += 1
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Cut details out of paintings.")
    parser.add_argument("source", type=Path, help="folder of paintings")
    parser.add_argument("target", type=Path, help="folder to write to")
    parser.add_argument("--details", type=int, default=2, help="of each painting (default 2)")
    parser.add_argument("--smallest", type=int, default=300, help="pixels (default 300)")
    arguments = parser.parse_args()
    try:
        written = prepare(arguments.source, arguments.target, arguments.details, arguments.smallest)
    except FastnstError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"{written} details written to {arguments.target}.")


if __name__ == "__main__":
    main()
