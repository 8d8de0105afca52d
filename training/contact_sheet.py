"""Paint one photo in every style of a network: the picture in the README.

    python training/contact_sheet.py photo.jpg weights/paintings.webp --weights paintings

The photo is one of Gradio's samples if its name is among them, such as tower.jpg.
"""

import argparse
import sys
from pathlib import Path

from fastnst.errors import FastnstError
from fastnst.images import save_picture
from fastnst.ui.samples import SAMPLE_PATHS
from fastnst.ui.sheet import paint_sheet
from fastnst.ui.studio import Studio


def main() -> None:
    parser = argparse.ArgumentParser(description="Paint one photo in every style of a network.")
    parser.add_argument("photo", help="a file, or the name of one of Gradio's samples")
    parser.add_argument("output", type=Path, help="the picture to write")
    parser.add_argument("--weights", default="paintings", help="shipped name or checkpoint file")
    arguments = parser.parse_args()
    try:
        studio = Studio(arguments.weights)
        studio.open()
        photo = SAMPLE_PATHS.get(arguments.photo, Path(arguments.photo))
        sheet = paint_sheet(studio, photo, lambda: False, lambda done: None)
        save_picture(sheet, arguments.output)
    except FastnstError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
