"""`fastnst stylize`."""

import time
from typing import Annotated, Any

import typer
from PIL import Image

from fastnst.catalog import DEFAULT_STYLES
from fastnst.checkpoint import Checkpoint
from fastnst.choices import BRUSHES, STRENGTHS, blend_shares, check_number
from fastnst.cli.options import (
    Device,
    Engine,
    Format,
    JsonLines,
    Output,
    ResultSize,
    Source,
    Weights,
    parse_blend,
    parse_format,
    parse_size,
)
from fastnst.cli.pictures import Done, Facts, Pictures, about
from fastnst.cli.reporting import reporting
from fastnst.cli.styles import load_styles
from fastnst.stylizer import Stylizer


def stylize(
    source: Source,
    output: Output,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style", "-s", help="A style, or a blend: udnie=0.7,the_scream=0.3. See: styles."
        ),
    ] = None,
    strength: Annotated[float, typer.Option(help="0 is the photo, 1 the style, up to 1.5.")] = 1.0,
    keep_colors: Annotated[
        bool, typer.Option("--keep-colors", help="Keep the photo's colours.")
    ] = False,
    brush: Annotated[float, typer.Option(help="Size of the strokes, 0.5 to 2.")] = 1.0,
    size: ResultSize = None,
    weights: Weights = DEFAULT_STYLES,
    engine: Engine = "auto",
    device: Device = "auto",
    picture_format: Format = None,
    as_json: JsonLines = False,
) -> None:
    """Repaint a picture, or all pictures in a folder."""
    with reporting(as_json):
        pictures = Pictures(source, output, parse_format(picture_format), as_json)
        painter = _Painter(
            {
                "style": parse_blend(style or []),
                "strength": strength,
                "keep_colors": keep_colors,
                "brush": brush,
                "size": parse_size(size),
            },
            load_styles(weights),
            {"engine": engine, "device": device},
        )
        pictures.each(painter.paint)


class _Painter:
    """The settings of all pictures, and a `Stylizer` made when the first one needs it."""

    def __init__(
        self, settings: dict[str, Any], checkpoint: Checkpoint, machine: dict[str, str]
    ) -> None:
        names = [style.name for style in checkpoint.styles]
        self._settings = settings
        self._checkpoint = checkpoint
        self._machine = machine
        self._stylizer: Stylizer | None = None
        # Before seconds are spent on the network.
        blend_shares(settings["style"] or names[0], names)
        check_number("strength", settings["strength"], STRENGTHS)
        check_number("brush", settings["brush"], BRUSHES)

    def paint(self, photo: Image.Image, done: Done) -> tuple[Image.Image, Facts]:
        if self._stylizer is None:
            self._stylizer = Stylizer(self._checkpoint, **self._machine)
        start = time.perf_counter()
        made = self._stylizer(photo, **self._settings)
        seconds = time.perf_counter() - start
        style = self._settings["style"] or self._stylizer.styles[0]
        return made, about(made, seconds, self._stylizer.device, style=style)
