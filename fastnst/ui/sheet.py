"""The contact sheet: one photo in every style, with titles, as one picture."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unicodedata import normalize

from PIL import Image, ImageDraw, ImageFont

from fastnst.checkpoint import Style
from fastnst.errors import CancelledError
from fastnst.ui.files import open_kept
from fastnst.ui.pulled import split_style
from fastnst.ui.studio import Studio

CELL = 420
GAP = 24
TITLE = 20
ARTIST = 16
CAPTION = 68
PAPER = "#faf9f7"
INK = "#1c1917"
PALE_INK = "#57534e"


def paint_sheet(
    studio: Studio,
    photo: Path,
    cancelled: Callable[[], bool],
    done: Callable[[int], None],
    styles: Sequence[Style] | None = None,
) -> Image.Image:
    """A photo in every style, at full strength.

    Args:
        studio: whose styles.
        photo: the file.
        cancelled: see `Stylizer.__call__`.
        done: is told after each style how many there are.
        styles: in which; by default in those of the studio.

    Raises:
        PictureError: the photo cannot be worked on.
        CancelledError: `cancelled` said so.
    """
    styles = studio.styles if styles is None else styles
    small = studio.stylizer(open_kept(photo), strength=0.0, size=CELL, cancelled=cancelled)
    columns = best_columns(len(styles), small.size)
    rows = math.ceil(len(styles) / columns)
    width, height = small.width + GAP, small.height + CAPTION + GAP
    sheet = Image.new("RGB", (columns * width + GAP, rows * height + GAP), PAPER)
    for index, (style, (left, top)) in enumerate(
        zip(styles, places(columns, rows, (width, height)), strict=False)
    ):
        if cancelled():
            raise CancelledError("Stopped.")
        network, name = split_style(style.name)
        made = studio.style_network(network)(small, name, cancelled=cancelled)
        clear = made if made.has_transparency_data else None
        sheet.paste(made.convert("RGB"), (left, top), clear)
        write_caption(sheet, style, (left, top + small.height + 8), small.width)
        done(index + 1)
    return sheet


def best_columns(count: int, cell: tuple[int, int]) -> int:
    """As many columns as make the sheet closest to 3:2."""

    def distance(columns: int) -> float:
        rows = math.ceil(count / columns)
        ratio = columns * (cell[0] + GAP) / (rows * (cell[1] + CAPTION + GAP))
        return abs(math.log(ratio / 1.5)) + (columns * rows - count) / count

    return min(range(1, count + 1), key=distance)


def places(columns: int, rows: int, cell: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Left and top of each cell."""
    for row in range(rows):
        for column in range(columns):
            yield GAP + column * cell[0], GAP + row * cell[1]


def write_caption(sheet: Image.Image, style: Style, at: tuple[int, int], width: int) -> None:
    """Title and painter, cut to the width of a cell."""
    draw = ImageDraw.Draw(sheet)
    lines = (
        (plain(style.title) or split_style(style.name)[1], TITLE, INK),
        (plain(style.artist), ARTIST, PALE_INK),
    )
    left, top = at
    for text, size, colour in lines:
        font = ImageFont.load_default(size)
        while text and draw.textlength(text, font) > width:
            text = text[:-4].rstrip() + "..." if len(text) > 4 else ""
        draw.text((left, top), text, colour, font)
        top += size + 8


def plain(text: str) -> str:
    """A text without what Pillow's own font lacks: accents, and letters that are not Latin."""
    return normalize("NFKD", text).encode("ascii", "ignore").decode()
