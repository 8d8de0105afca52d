"""`fastnst reconstruct`."""

from typing import Annotated

import typer
from PIL import Image

from fastnst.cli.descending import Descender, Descent, DescentMethod, Steps, Strokes
from fastnst.cli.options import (
    Format,
    JsonLines,
    Output,
    ResultSize,
    Source,
    parse_format,
    parse_size,
)
from fastnst.cli.pictures import Pictures
from fastnst.cli.reporting import reporting
from fastnst.loss_layers import check_layers


def reconstruct(
    painting: Source,
    output: Output,
    layers: Annotated[
        str, typer.Option(help="Whose Gram matrices count, with commas between.")
    ] = "relu1_2,relu2_2,relu3_3,relu4_3",
    steps: Steps = 200,
    method: DescentMethod = "safe",
    strokes: Strokes = 384,
    size: ResultSize = None,
    picture_format: Format = None,
    as_json: JsonLines = False,
) -> None:
    """Show what layers of VGG-16 hold of a painting's style. Ctrl-C keeps what there is."""
    with reporting(as_json):
        pictures = Pictures(painting, output, parse_format(picture_format), as_json)
        wanted = parse_size(size)
        names = [layer.strip() for layer in layers.split(",")]
        check_layers(names)
        from fastnst.canvas import Canvas
        from fastnst.choices import output_size
        from fastnst.descent import OptimizeSettings, shared_loss_network
        from fastnst.paintings import check_painting
        from fastnst.reconstruction import reconstruct as descend
        from fastnst.tensors import fit_short_side

        settings = OptimizeSettings(steps, method)
        settings.check()

        def begin(given: Image.Image) -> Descent:
            check_painting("given", given)
            seen = fit_short_side(Canvas.of(given, None).picture, strokes)
            sides = output_size(seen.size, wanted)
            return Descent(descend(seen, names, shared_loss_network(), settings, sides))

        Descender().each(pictures, begin, layers=names)
