"""`fastnst stylize`."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from fastnst.catalog import DEFAULT_STYLES
from fastnst.checkpoint import Checkpoint
from fastnst.choices import BRUSHES, SECONDS, STRENGTHS, blend_shares, check_number
from fastnst.cli.descending import Descender, Descent, read_grams
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
from fastnst.cli.styles import load_styles, with_style_files
from fastnst.errors import SettingError
from fastnst.stylizer import Stylizer


def stylize(
    source: Source,
    output: Output,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style", "-s", help="A style, a file with one, or a blend: udnie=0.7,the_scream=0.3."
        ),
    ] = None,
    strength: Annotated[float, typer.Option(help="0 is the photo, 1 the style, up to 1.5.")] = 1.0,
    keep_colors: Annotated[
        bool, typer.Option("--keep-colors", help="Keep the photo's colours.")
    ] = False,
    brush: Annotated[float, typer.Option(help="Size of the strokes, 0.5 to 2.")] = 1.0,
    size: ResultSize = None,
    refine: Annotated[
        float | None, typer.Option(help="Seconds of optimisation that finish the painting.")
    ] = None,
    painting: Annotated[
        Path | None, typer.Option(help="For --refine: the style's painting, if it does not ship.")
    ] = None,
    weights: Weights = DEFAULT_STYLES,
    engine: Engine = "auto",
    device: Device = "auto",
    picture_format: Format = None,
    as_json: JsonLines = False,
) -> None:
    """Repaint a picture, or all pictures in a folder."""
    with reporting(as_json):
        pictures = Pictures(source, output, parse_format(picture_format), as_json)
        blend, checkpoint = with_style_files(parse_blend(style or []), load_styles(weights))
        painter = _Painter(
            {
                "style": blend,
                "strength": strength,
                "keep_colors": keep_colors,
                "brush": brush,
                "size": parse_size(size),
            },
            checkpoint,
            {"engine": engine, "device": device},
        )
        if refine is None:
            if painting is not None:
                raise SettingError("--painting is for --refine, which says for how many seconds.")
            pictures.each(painter.paint)
            return
        check_number("refine", refine, SECONDS)
        from fastnst.settings import StyleSettings  # they bring torch

        grams = read_grams(str(painting), StyleSettings().style_size) if painting else None
        Descender().each(pictures, partial(painter.refine, seconds=refine, grams=grams))


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

    def refine(
        self, photo: Image.Image, *, seconds: float, grams: Mapping[str, Any] | None
    ) -> Descent:
        from fastnst.descent import shared_loss_network
        from fastnst.refine import refine

        stylizer = self._open()
        loss_network = shared_loss_network()
        return Descent(
            refine(
                stylizer,
                photo,
                **self._settings,
                seconds=seconds,
                loss_network=loss_network,
                grams=grams,
            )
        )

    def paint(self, photo: Image.Image, done: Done) -> tuple[Image.Image, Facts]:
        stylizer = self._open()
        start = time.perf_counter()
        made = stylizer(photo, **self._settings)
        seconds = time.perf_counter() - start
        style = self._settings["style"] or stylizer.styles[0]
        return made, about(made, seconds, stylizer.device, style=style)

    def _open(self) -> Stylizer:
        if self._stylizer is None:
            self._stylizer = Stylizer(self._checkpoint, **self._machine)
        return self._stylizer
