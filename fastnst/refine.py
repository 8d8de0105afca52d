"""Refine: a few seconds of optimisation that start from what the network painted.

Training and optimisation descend the same objective. The network is there at once, and where it
stops short, for this photo, optimisation goes on.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import torch
from PIL import Image

from fastnst.canvas import Canvas
from fastnst.choices import BRUSHES, SECONDS, Blend, Size, check_number
from fastnst.descent import OptimizeProgress, OptimizeSettings, check_workable, descend
from fastnst.fit import choose_precision
from fastnst.grams import Grams, style_grams
from fastnst.images import resized
from fastnst.networks.vgg import LossNetwork
from fastnst.optimize import StyleObjective, content_target
from fastnst.settings import StyleSettings
from fastnst.style_samples import strength_weight
from fastnst.stylizer import Stylizer, with_colors_of
from fastnst.tensors import to_picture

# Time is what ends it.
ENDLESS = OptimizeSettings(iterations=1_000_000, method="safe")


@dataclass(frozen=True)
class RefineProgress(OptimizeProgress):
    """Where refining stands, and the best picture so far, whose losses these are."""

    finish: Callable[[Image.Image], Image.Image] = field(repr=False, compare=False, kw_only=True)

    def picture(self) -> Image.Image:
        """As `Stylizer` gives one: at the size asked for, with what the photo came with."""
        return self.finish(to_picture(self.pixels))


def refine(
    stylizer: Stylizer,
    photo: Image.Image,
    style: Blend | None = None,
    strength: float = 1.0,
    keep_colors: bool = False,
    brush: float = 1.0,
    size: Size | None = None,
    *,
    seconds: float,
    loss_network: LossNetwork,
    grams: Grams | None = None,
    settings: OptimizeSettings = ENDLESS,
) -> Iterator[RefineProgress]:
    """Repaint a photo and go on from there; yields the network's picture, then each iteration.

    Args:
        stylizer: paints what is refined.
        photo, style, strength, keep_colors, brush, size: as `Stylizer.__call__` takes them. The
            style weighs as much at a strength as in training.
        seconds: of optimisation, 0 to 3600.
        loss_network: φ.
        grams: layer → (1, C, C), of the painting; by default those that the network knows.
        settings: how to descend.

    Raises:
        PictureError, StyleError, SettingError: see `Stylizer.__call__`,
            `fastnst.grams.style_grams` and `fastnst.descent.descend`.
        TrainingError: see `fastnst.descent.descend`.
    """
    check_number("seconds", seconds, SECONDS)
    check_number("brush", brush, BRUSHES)
    style = style if style is not None else stylizer.styles[0]
    grams = grams or style_grams(stylizer.checkpoint, style)
    canvas = Canvas.of(photo, size)
    whole = np.asarray(canvas.picture)
    # What the network itself works on: at half the size, strokes are twice as large.
    inner = (round(canvas.picture.width / brush), round(canvas.picture.height / brush))
    check_workable(*inner)
    pixels = Image.fromarray(resized(whole, inner))
    start = stylizer(pixels, style, strength)
    usual = StyleSettings()
    weight = usual.style_weight * float(strength_weight(torch.tensor(strength)))
    weighted = replace(usual, style_weight=weight)
    content = content_target(pixels, loss_network, weighted)
    objective = StyleObjective(loss_network, content, grams, weighted, inner)

    def finish(picture: Image.Image) -> Image.Image:
        made = resized(np.asarray(picture), canvas.picture.size)
        return canvas.finish(Image.fromarray(with_colors_of(whole, made) if keep_colors else made))

    return _best(descend(objective, start, settings, seconds, half=halves()), finish)


@cache
def halves() -> bool:
    """Whether this machine is faster in bfloat16: twice where it is, and no worse a curve."""
    return choose_precision("auto") == "bf16"


def _best(
    steps: Iterator[OptimizeProgress], finish: Callable[[Image.Image], Image.Image]
) -> Iterator[RefineProgress]:
    """The same steps, with the best picture so far: without a line search one may be worse."""
    least = math.inf
    for step in steps:
        if step.objective < least:
            least, losses, pixels = step.objective, step.losses, step.pixels.detach().clone()
        yield RefineProgress(
            step.iteration, step.share, losses, step.seconds, pixels, finish=finish
        )
