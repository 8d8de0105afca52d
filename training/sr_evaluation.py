"""How good super-resolution networks are on the benchmark pictures, beside one another.

Protocol of the published tables: the small pictures are made by antialiased bicubic, measured is Y
without as many pixels at each border as the scale. Distances in the loss network are of RGB.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from rich.progress import Progress

from fastnst.catalog import LOSS_NETWORK
from fastnst.choices import SCALES
from fastnst.degradations import bicubic
from fastnst.errors import TrainingError
from fastnst.images import save_picture
from fastnst.losses import content_loss
from fastnst.networks.vgg import LossNetwork, load_loss_network
from fastnst.photos import list_photos, read_rgb
from fastnst.quality import gmsd, luma, psnr, ssim
from fastnst.tensors import to_tensor
from fastnst.upscaler import Upscaler

FEATURE_LAYER = "relu2_2"
# Of the picture strip: what is cut from each picture, in pixels, and how much it is enlarged.
STRIP_SIDE, STRIP_ZOOM, STRIP_CAPTION = 96, 2, 22
BICUBIC = "bicubic"

Enlarge = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Measured:
    """What one method reached on one set: PSNR in dB, and the others, picture by picture."""

    psnr: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    features: list[float] = field(default_factory=list)
    gmsd: list[float] = field(default_factory=list)

    def means(self) -> dict[str, float]:
        return {name: mean(values) for name, values in vars(self).items()}


Results = dict[tuple[int, str], dict[str, Measured]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--benchmarks", type=Path, required=True, help="folder of sets: SET/HR/*.png"
    )
    parser.add_argument("--sets", nargs="+", default=["Set5", "Set14", "BSD100"], help="of them")
    parser.add_argument(
        "--network",
        nargs="+",
        default=[],
        metavar="NAME=FILE",
        help="other networks to measure beside the shipped ones, as weights",
    )
    parser.add_argument(
        "--strip",
        nargs="+",
        default=["Set5/img_002=60,90", "Set14/img_014=120,120", "BSD100/img_066=140,80"],
        metavar="SET/NAME=X,Y",
        help="what the picture strip shows",
    )


def evaluate(arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Measure the shipped flavours and others; see `training/evaluate.py`.

    Returns:
        Every number, as JSON holds it, and the table as Markdown.

    Raises:
        FastnstError: something is missing or unreadable.
    """
    pictures = {name: _read_set(arguments.benchmarks / name / "HR") for name in arguments.sets}
    places = list(_places(arguments.strip, pictures))  # before minutes are spent
    methods = _methods(arguments.network)
    loss_network = load_loss_network(LOSS_NETWORK)
    results: Results = {}
    total = sum(len(each) for each in methods.values()) * sum(map(len, pictures.values()))
    with Progress() as bar:
        task = bar.add_task("measuring", total=total)
        for scale, each in methods.items():
            for name, benchmark in pictures.items():
                rows: dict[str, Measured] = {method: Measured() for method in each}
                for true in benchmark.values():
                    true = _cropped(true, scale)
                    small = made_small(true, scale)
                    for method, enlarge in each.items():
                        _measure(rows[method], enlarge(small), true, scale, loss_network)
                        bar.advance(task)
                results[scale, name] = rows
    strip = make_strip(places, methods[SCALES[0]], SCALES[0])
    save_picture(strip, arguments.out / "sr_strip.png")
    return to_json(results), to_table(results)


def _read_set(folder: Path) -> dict[str, Image.Image]:
    return {path.stem: read_rgb(path) for path in list_photos(folder)}


def _methods(networks: list[str]) -> dict[int, dict[str, Enlarge]]:
    """What to measure at each scale: bicubic, the networks given, the shipped flavours."""
    methods: dict[int, dict[str, Enlarge]] = {scale: {} for scale in SCALES}
    for scale in SCALES:
        methods[scale][BICUBIC] = lambda small, scale=scale: small.resize(  # type: ignore[misc]
            (small.width * scale, small.height * scale), Image.Resampling.BICUBIC
        )
    for text in networks:
        name, _, file = text.partition("=")
        if not file:
            raise TrainingError(f"--network is {text!r}; it is NAME=FILE.")
        upscaler = Upscaler(weights=file)
        methods[upscaler.scale][name] = upscaler
    for scale in SCALES:
        upscaler = Upscaler(scale)
        for name, detail in (("fidelity", 0.0), ("half-way", 0.5), ("detail", 1.0)):
            methods[scale][f"fastnst, {name}"] = lambda small, upscaler=upscaler, detail=detail: (  # type: ignore[misc]
                upscaler(small, detail)
            )
    return methods


def _cropped(picture: Image.Image, scale: int) -> Image.Image:
    """Without what is left over at the right and below, so that the sides are multiples."""
    return picture.crop((0, 0, picture.width - picture.width % scale,
                         picture.height - picture.height % scale))  # fmt: skip


def made_small(picture: Image.Image, scale: int) -> Image.Image:
    """A picture whose sides are multiples of the scale, made small as the benchmarks are."""
    pixels = np.asarray(picture, np.float32).transpose(2, 0, 1) / 255
    small = bicubic(pixels, scale).transpose(1, 2, 0) * 255
    return Image.fromarray(np.round(small).astype(np.uint8))


@torch.no_grad()
def _measure(
    row: Measured, made: Image.Image, true: Image.Image, scale: int, loss_network: LossNetwork
) -> None:
    first, second = luma(made, scale), luma(true, scale)
    row.psnr.append(psnr(first, second))
    row.ssim.append(ssim(first, second))
    row.gmsd.append(gmsd(first, second))
    features = [
        loss_network(to_tensor(each), [FEATURE_LAYER])[FEATURE_LAYER] for each in (made, true)
    ]
    row.features.append(float(content_loss(*features)))


def to_json(results: Results) -> dict[str, Any]:
    return {
        f"x{scale}": {
            name: {method: row.means() for method, row in rows.items()}
            for (each, name), rows in results.items()
            if each == scale
        }
        for scale in dict.fromkeys(scale for scale, _ in results)
    }


def to_table(results: Results) -> str:
    """A table a scale: PSNR / SSIM of each set, and the means of both distances over the sets."""
    parts = []
    for scale in dict.fromkeys(scale for scale, _ in results):
        sets = {name: rows for (each, name), rows in results.items() if each == scale}
        lines = [
            f"| ×{scale} | {' | '.join(sets)} | features | GMSD |",
            f"|---|{'--:|' * (len(sets) + 2)}",
        ]
        for method in next(iter(sets.values())):
            means = [rows[method].means() for rows in sets.values()]
            cells = [f"{each['psnr']:.2f} / {each['ssim']:.4f}" for each in means]
            for name in ("features", "gmsd"):
                cells.append(f"{mean(each[name] for each in means):.4f}")
            lines.append(f"| {method} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    parts.append(
        "PSNR in dB / SSIM, both of Y, protocol of the published tables; higher is better. "
        f"Features: relative squared distance at {FEATURE_LAYER} of VGG-16; GMSD: gradient "
        "magnitude similarity deviation (Xue et al. 2014); both means over the sets, lower is "
        "better."
    )
    return "\n\n".join(parts) + "\n"


def make_strip(
    places: Iterable[tuple[Image.Image, tuple[int, int]]],
    methods: Mapping[str, Enlarge],
    scale: int,
) -> Image.Image:
    """A row a place: what each method makes of it, and the truth; pixels enlarged."""
    rows = []
    for picture, (x, y) in places:
        true = _cropped(picture, scale)
        small = made_small(true, scale)
        made = {method: enlarge(small) for method, enlarge in methods.items()} | {"truth": true}
        box = (x, y, x + STRIP_SIDE, y + STRIP_SIDE)
        rows.append({method: each.crop(box) for method, each in made.items()})
    side = STRIP_SIDE * STRIP_ZOOM
    strip = Image.new(
        "RGB", (len(methods) * side + side, len(rows) * side + STRIP_CAPTION), "white"
    )
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(13)
    for column, method in enumerate([*methods, "truth"]):
        draw.text((column * side + 4, 3), method, "black", font)
        for index, row in enumerate(rows):
            crop = row[method].resize((side, side), Image.Resampling.NEAREST)
            strip.paste(crop, (column * side, STRIP_CAPTION + index * side))
    return strip


def _places(
    places: list[str], pictures: Mapping[str, Mapping[str, Image.Image]]
) -> Iterator[tuple[Image.Image, tuple[int, int]]]:
    """The pictures that the strip shows, and which corner of each."""
    for text in places:
        name, _, corner = text.partition("=")
        benchmark, _, stem = name.partition("/")
        if stem not in pictures.get(benchmark, {}):
            raise TrainingError(f"There is no picture {name} for the strip.")
        picture = pictures[benchmark][stem]
        try:
            x, y = (int(each) for each in corner.split(","))
        except ValueError as error:
            raise TrainingError(f"{text!r} is not SET/NAME=X,Y.") from error
        if max(x + STRIP_SIDE - picture.width, y + STRIP_SIDE - picture.height) > 0:
            raise TrainingError(
                f"{name} has {picture.width}×{picture.height} pixels; {STRIP_SIDE} from {x},{y} "
                "pass its border."
            )
        yield picture, (x, y)
