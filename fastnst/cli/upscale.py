"""`fastnst upscale`."""

import time
from typing import Annotated, Any

import typer
from PIL import Image

from fastnst.catalog import load
from fastnst.choices import DETAILS, check_number, check_scale, upscaled_size
from fastnst.cli.options import (
    Device,
    Engine,
    Format,
    JsonLines,
    Output,
    ResultSize,
    Source,
    parse_format,
    parse_size,
)
from fastnst.cli.pictures import Done, Facts, Pictures, about
from fastnst.cli.reporting import reporting
from fastnst.images import upright_size
from fastnst.upscaler import DEFAULT_DETAIL, DEFAULT_SCALE, SMALLEST_SIDE, Upscaler


def upscale(
    source: Source,
    output: Output,
    scale: Annotated[
        int | None, typer.Option(help="How many times larger: 4 or 8; 4, or as --weights does it.")
    ] = None,
    detail: Annotated[
        float, typer.Option(help="0 keeps to what can be known, 1 paints what is likely.")
    ] = DEFAULT_DETAIL,
    size: ResultSize = None,
    match_histogram: Annotated[
        bool, typer.Option("--match-histogram", help="Keep the picture's distribution of colours.")
    ] = False,
    weights: Annotated[
        str | None,
        typer.Option(help="A checkpoint file, a folder, or USER/NAME on the Hub; else what ships."),
    ] = None,
    engine: Engine = "auto",
    device: Device = "auto",
    picture_format: Format = None,
    as_json: JsonLines = False,
) -> None:
    """Enlarge a picture, or all pictures in a folder, four or eight times each way."""
    with reporting(as_json):
        pictures = Pictures(
            source, output, parse_format(picture_format), as_json, smallest=SMALLEST_SIDE
        )
        checkpoint = None if weights is None else load(weights)
        if scale is None:
            scale = checkpoint.settings.get("scale", DEFAULT_SCALE) if checkpoint else DEFAULT_SCALE
        enlarger = _Enlarger(
            scale,
            {"detail": detail, "size": parse_size(size), "match_histogram": match_histogram},
            {"weights": checkpoint, "engine": engine, "device": device},
        )
        pictures.each(enlarger.enlarge)


class _Enlarger:
    """The settings of all pictures, and an `Upscaler` made when the first one needs it."""

    def __init__(self, scale: int, settings: dict[str, Any], machine: dict[str, Any]) -> None:
        self._scale = scale
        self._settings = settings
        self._machine = machine
        self._upscaler: Upscaler | None = None
        # Before seconds are spent on the network.
        check_scale(scale)
        check_number("detail", settings["detail"], DETAILS)

    def enlarge(self, photo: Image.Image, done: Done) -> tuple[Image.Image, Facts]:
        upscaled_size(upright_size(photo), self._scale, self._settings["size"])
        if self._upscaler is None:
            self._upscaler = Upscaler(self._scale, **self._machine)
        start = time.perf_counter()
        made = self._upscaler(
            photo, **self._settings, progress=lambda tiles, total: done(tiles / total)
        )
        seconds = time.perf_counter() - start
        detail = self._settings["detail"]
        facts = about(made, seconds, self._upscaler.device, scale=self._scale, detail=detail)
        return made, facts
