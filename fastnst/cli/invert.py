"""`fastnst invert`."""

import time
from typing import Annotated

import typer
from PIL import Image

from fastnst.cli.descending import Descender, Descent, DescentMethod, DescentSize, Steps
from fastnst.cli.options import Format, JsonLines, Output, Source, parse_format, parse_size
from fastnst.cli.pictures import Done, Facts, Pictures, about
from fastnst.cli.reporting import reporting
from fastnst.errors import SettingError
from fastnst.loss_layers import check_layers


def invert(
    photo: Source,
    output: Output,
    layer: Annotated[
        str | None, typer.Option(help="relu1_1 to relu5_3; relu4_3, or the one of --fast.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="By the network that was trained to, in one pass.")
    ] = False,
    steps: Steps = 200,
    method: DescentMethod = "safe",
    smoothness: Annotated[float, typer.Option(min=0, help="Weight of the total variation.")] = 1.0,
    size: DescentSize = None,
    picture_format: Format = None,
    as_json: JsonLines = False,
) -> None:
    """Show what a layer of VGG-16 keeps of a photo. Ctrl-C keeps what there is."""
    with reporting(as_json):
        pictures = Pictures(photo, output, parse_format(picture_format), as_json)
        wanted = parse_size(size)
        if layer is not None:
            check_layers([layer])
        from fastnst.canvas import Canvas
        from fastnst.descent import OptimizeSettings, shared_loss_network
        from fastnst.inversion import invert as descend
        from fastnst.inverter import Inverter

        if fast:
            inverter = Inverter(shared_loss_network())
            if layer not in (None, inverter.layer):
                raise SettingError(
                    f"--fast inverts {inverter.layer}, not {layer}; leave one of them out."
                )

            def pass_through(given: Image.Image, done: Done) -> tuple[Image.Image, Facts]:
                canvas = Canvas.usual(given, wanted)
                started = time.perf_counter()
                made = canvas.finish(inverter(canvas.picture))
                seconds = time.perf_counter() - started
                device = f"{shared_loss_network().mean.device.type.upper()} fp32"
                return made, about(made, seconds, device, layer=inverter.layer)

            pictures.each(pass_through)
            return
        settings = OptimizeSettings(steps, method)
        settings.check()
        chosen = layer or "relu4_3"

        def begin(given: Image.Image) -> Descent:
            canvas = Canvas.usual(given, wanted)
            inverting = descend(canvas.picture, chosen, shared_loss_network(), settings, smoothness)
            return Descent(inverting, canvas.finish)

        Descender().each(pictures, begin, layer=chosen)
