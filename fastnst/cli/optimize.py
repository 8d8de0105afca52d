"""`fastnst optimize`."""

from dataclasses import replace
from typing import Annotated

import typer
from PIL import Image

from fastnst.cli.descending import (
    Descender,
    Descent,
    DescentMethod,
    DescentSize,
    Steps,
    Strokes,
    read_grams,
)
from fastnst.cli.options import Format, JsonLines, Output, Source, parse_format, parse_size
from fastnst.cli.pictures import Pictures
from fastnst.cli.reporting import reporting
from fastnst.errors import SettingError

STARTS = ("photo", "noise")


def optimize(
    photo: Source,
    painting: Annotated[
        str,
        typer.Argument(metavar="PAINTING", help="A picture, or the name of a style that ships."),
    ],
    output: Output,
    steps: Steps = 500,
    method: DescentMethod = "safe",
    start: Annotated[str, typer.Option(help="What to begin with: photo or noise.")] = "photo",
    style_weight: Annotated[
        float, typer.Option(min=0, help="More is more style and less photo.")
    ] = 5.0,
    strokes: Strokes = 384,
    size: DescentSize = None,
    picture_format: Format = None,
    as_json: JsonLines = False,
) -> None:
    """Paint by Gatys' method: optimise the pixels. Slow; Ctrl-C keeps what there is."""
    with reporting(as_json):
        pictures = Pictures(photo, output, parse_format(picture_format), as_json)
        wanted = parse_size(size)
        if start not in STARTS:
            raise SettingError(f"Unknown start {start[:40]!r}; there are {', '.join(STARTS)}.")
        from fastnst.canvas import Canvas
        from fastnst.descent import OptimizeSettings, noise_picture, shared_loss_network
        from fastnst.optimize import StyleObjective, content_target
        from fastnst.optimize import optimize as descend
        from fastnst.settings import StyleSettings

        settings = OptimizeSettings(steps, method)
        settings.check()
        weighted = replace(StyleSettings(), style_weight=style_weight)
        grams = read_grams(painting, strokes)

        def begin(given: Image.Image) -> Descent:
            canvas, network = Canvas.usual(given, wanted), shared_loss_network()
            content = content_target(canvas.picture, network, weighted)
            target = StyleObjective(network, content, grams, weighted, canvas.picture.size)
            noise = noise_picture(canvas.picture.size)
            began = canvas.picture if start == "photo" else noise
            return Descent(descend(target, began, settings), canvas.finish)

        Descender().each(pictures, begin, method=method, start=start)
