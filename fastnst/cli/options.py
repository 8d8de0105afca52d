"""The options that several commands have, and what people type for one as a value."""

import re
from typing import Annotated

import typer

from fastnst.catalog import DEFAULT_STYLES
from fastnst.choices import Blend, Size
from fastnst.errors import PictureError, StyleError
from fastnst.images import OUTPUT_FORMATS, SMALLEST_SIDE, OutputFormat, check_size

Source = Annotated[
    str, typer.Argument(metavar="IN", help="A picture, a folder of pictures, or - for stdin.")
]
Output = Annotated[
    str,
    typer.Option("--output", "-o", metavar="OUT", help="A file name, a folder, or - for stdout."),
]
ResultSize = Annotated[
    str | None, typer.Option(help="Of the result: the long side (1024) or both (1920x1080).")
]
Weights = Annotated[
    str,
    typer.Option(
        help=f"{DEFAULT_STYLES}, which ships, a checkpoint file, a folder, or USER/NAME on the Hub."
    ),
]
Engine = Annotated[str, typer.Option(help="auto, openvino or torch.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Format = Annotated[
    str | None, typer.Option("--format", help="png, jpeg, webp or tiff; for a folder or stdout.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print one line of JSON for each picture.")]


def parse_blend(texts: list[str]) -> Blend | None:
    """A style, a blend ("udnie=0.7,the_scream=0.3"; no weight is 1), or none from the options."""
    parts = [part.strip() for text in texts for part in text.split(",")]
    weights: dict[str, float] = {}
    for part in parts:
        name, equals, weight = part.partition("=")
        if name in weights:
            raise StyleError(f"The style {name} is given twice.")
        try:
            weights[name] = float(weight) if equals else 1.0
        except ValueError:
            raise StyleError(
                f"The weight of {name} is {weight[:40]!r}; it is a number, 0 at least."
            ) from None
    if len(parts) == 1 and "=" not in parts[0]:
        return parts[0]
    return weights or None


def parse_size(text: str | None) -> Size | None:
    """The long side ("1024"), both sides ("1920x1080"), or none."""
    if text is None:
        return None
    if text.isdecimal() and len(text) <= 6:
        if int(text) < SMALLEST_SIDE:
            raise PictureError(
                f"The long side is {text} pixels; it needs {SMALLEST_SIDE} at least."
            )
        return int(text)
    return parse_sides(text, "the long side (1024) or both (1920x1080)")


def parse_sides(text: str, allowed: str = "width and height, as 1920x1080") -> tuple[int, int]:
    """Width and height."""
    match = re.fullmatch(r"(\d{1,6})[xX×](\d{1,6})", text, re.ASCII)
    if match is None:
        raise PictureError(f"The size is {text[:40]!r}; allowed is {allowed}.")
    width, height = int(match[1]), int(match[2])
    check_size(width, height, what="The result")
    return width, height


def parse_format(name: str | None) -> OutputFormat | None:
    """A format by its name or by one of its suffixes, or none."""
    if name is None:
        return None
    for each in OUTPUT_FORMATS.values():
        if f".{name.lower()}" in (f".{each.name.lower()}", *each.suffixes):
            return each
    allowed = ", ".join(each.lower() for each in OUTPUT_FORMATS)
    raise PictureError(f"There is no format {name[:40]!r} to write; allowed are {allowed}.")
