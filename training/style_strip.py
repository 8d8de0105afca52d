"""A painting, a photo, and the photo in styles that were learnt from the painting, side by side.

    python training/style_strip.py in_bed.png tower.jpg weights/new_styles.webp \\
        --weights in_bed-quick.safetensors in_bed-full_60.safetensors

The photo is one of Gradio's samples if its name is among them.
"""

import argparse
import sys
from pathlib import Path

from PIL import Image, ImageOps

from fastnst import Stylizer
from fastnst.errors import FastnstError
from fastnst.images import open_picture, save_picture
from fastnst.paintings import flatten
from fastnst.ui.samples import SAMPLE_PATHS


def make_strip(pictures: list[Image.Image], height: int) -> Image.Image:
    """Pictures in a row, all of one height."""
    scaled = [
        ImageOps.contain(picture, (height * picture.width, height), Image.Resampling.LANCZOS)
        for picture in pictures
    ]
    strip = Image.new("RGB", (sum(picture.width for picture in scaled), height))
    left = 0
    for picture in scaled:
        strip.paste(picture, (left, 0))
        left += picture.width
    return strip


def main() -> None:
    parser = argparse.ArgumentParser(description="Show what was learnt from a painting.")
    parser.add_argument("painting", type=Path, help="a file")
    parser.add_argument("photo", help="a file, or the name of one of Gradio's samples")
    parser.add_argument("output", type=Path, help="the picture to write")
    parser.add_argument("--weights", nargs="+", required=True, help="one file for each picture")
    parser.add_argument("--height", type=int, default=420, help="pixels (default 420)")
    arguments = parser.parse_args()
    try:
        painting = flatten(open_picture(arguments.painting))
        path = SAMPLE_PATHS.get(arguments.photo, Path(arguments.photo))
        photo = flatten(open_picture(path))
        painted = [Stylizer(weights)(photo) for weights in arguments.weights]
        save_picture(make_strip([painting, photo, *painted], arguments.height), arguments.output)
    except FastnstError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
