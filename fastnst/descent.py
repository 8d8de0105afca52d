"""The loop of the slow methods: the pixels of one picture, moved downhill until somebody stops.

`fastnst.optimize`, `inversion`, `reconstruction` and `refine` each say what is descended. All are
generators: who drives one sees every iteration, and stops it by closing it or not asking again.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fastnst.catalog import LOSS_NETWORK
from fastnst.errors import PictureError, SettingError, TrainingError
from fastnst.images import check_size
from fastnst.networks.vgg import LossNetwork, load_loss_network
from fastnst.pixel_optimizers import METHODS
from fastnst.settings import setting
from fastnst.tensors import to_picture, to_tensor

# About 1.2 kB a pixel for φ's maps, and as much again for what L-BFGS remembers: 5 GB.
MOST_PIXELS = 2_000_000


class Objective(Protocol):
    """What is descended.

    Attributes:
        size: width and height of the pictures that it judges.
    """

    size: tuple[int, int]

    @property
    def device(self) -> torch.device:
        """Where it judges them."""

    def __call__(self, pixels: Tensor) -> dict[str, Tensor]:
        """Scalars of a picture (1, 3, H, W) in [0, 1]: "objective", and what it is made of."""


@dataclass(frozen=True)
class OptimizeSettings:
    """How pixels are optimised. Towards what, the objective says."""

    iterations: int = setting(50, "steps of the optimizer")
    method: str = setting("lbfgs", "of optimisation", tuple(METHODS))
    rate: float = setting(0.0, "learning rate; 0 takes the method's own")
    history: int = setting(50, "L-BFGS: past steps kept, each two pictures of memory")
    clip: bool = setting(True, "keep every pixel in [0, 1] after every iteration")

    def check(self) -> None:
        """Refuse what is out of range.

        Raises:
            SettingError: something is.
        """
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise SettingError(f"Unknown method {self.method[:40]!r}; there are {known}.")
        if self.iterations < 0:
            raise SettingError(f"The iterations are {self.iterations}; allowed is 0 or more.")
        if self.history < 1:
            raise SettingError(f"The history is {self.history}; allowed is 1 or more.")
        if not 0 <= self.rate < math.inf:
            raise SettingError(f"The rate is {self.rate}; allowed is a number from 0 up.")


@dataclass(frozen=True)
class OptimizeProgress:
    """Where a descent stands.

    Attributes:
        iteration: steps done; 0 is the start.
        share: of the work that is done, 0 to 1.
        losses: "objective", which is descended, and its terms, of the picture as it is now.
        seconds: of computing so far; what the driver does in between is not counted.
    """

    iteration: int
    share: float
    losses: Mapping[str, float]
    seconds: float
    pixels: Tensor = field(repr=False, compare=False)

    @property
    def objective(self) -> float:
        return self.losses["objective"]

    def picture(self) -> Image.Image:
        """The picture as it is now. To be asked before the next iteration is."""
        return to_picture(self.pixels)


@cache
def shared_loss_network() -> LossNetwork:
    """φ as it ships, on the GPU if there is one; a process loads it once.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    network = load_loss_network(LOSS_NETWORK)
    return network.to("cuda") if torch.cuda.is_available() else network


def noise_picture(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """White noise of a width and height, Gatys' own start."""
    width, height = size
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))


def check_workable(width: int, height: int) -> None:
    """Refuse a picture that is too small, or that a machine's memory cannot hold the maps of.

    Raises:
        PictureError: it is; the message says what fits.
    """
    check_size(width, height)
    if width * height > MOST_PIXELS:
        side = int(max(width, height) * math.sqrt(MOST_PIXELS / (width * height)))
        raise PictureError(
            f"Optimising {width}×{height} pixels would need about "
            f"{2.4e-6 * width * height:.0f} GB of memory; the limit is "
            f"{MOST_PIXELS / 1e6:.0f} megapixels: ask for the size {side}."
        )


def check_fits(picture: Image.Image, objective: Objective) -> None:
    """Refuse a picture of another size than an objective's.

    Raises:
        PictureError: it is of another size.
    """
    if picture.size != objective.size:
        raise PictureError(
            f"The picture is {picture.width}×{picture.height}; "
            f"it must be of the size {objective.size[0]}×{objective.size[1]}."
        )


def descend(
    objective: Objective,
    start: Image.Image,
    settings: OptimizeSettings,
    seconds: float = math.inf,
    half: bool = False,
) -> Iterator[OptimizeProgress]:
    """Optimise a picture, yielding the start and then once an iteration.

    Args:
        objective: what to descend.
        start: what to begin with. It is not changed.
        settings: how.
        seconds: of computing; an iteration that would not fit is not begun.
        half: compute the objective in bfloat16, pixels apart.

    Raises:
        PictureError: the start is of another size than the objective's, or too large.
        SettingError: a setting is out of range.
        TrainingError: the objective is no longer finite.
    """
    check_fits(start, objective)
    check_workable(*start.size)
    settings.check()
    return _descend(objective, to_tensor(start).to(objective.device), settings, seconds, half)


def _descend(
    objective: Objective, pixels: Tensor, settings: OptimizeSettings, limit: float, half: bool
) -> Iterator[OptimizeProgress]:
    pixels.requires_grad_()
    method = METHODS[settings.method]
    rate = settings.rate or method.rate
    optimizer = method.create(pixels, rate, settings.history)
    spent = longest = 0.0
    for iteration in range(settings.iterations + 1):
        last = iteration == settings.iterations
        started = time.perf_counter()
        losses = _evaluate(objective, pixels, gradient=not last, half=half)
        took = time.perf_counter() - started
        spent, longest = spent + took, max(longest, took)
        if not math.isfinite(losses["objective"]):
            raise TrainingError(
                f"The objective became {losses['objective']} at iteration {iteration}; "
                f"try a lower rate than {rate:g}."
            )
        last = last or spent + longest > limit
        share = 1.0 if last else max(iteration / settings.iterations, spent / limit)
        yield OptimizeProgress(iteration, share, losses, spent, pixels)
        if last:
            return
        started = time.perf_counter()
        # The gradient is there already: each iteration evaluates once, and what it finds is
        # yielded before it moves on.
        optimizer.step(partial(float, losses["objective"]))
        if settings.clip:
            with torch.no_grad():
                pixels.clamp_(0, 1)
        spent += time.perf_counter() - started


def _evaluate(objective: Objective, pixels: Tensor, gradient: bool, half: bool) -> dict[str, float]:
    """The losses as numbers; the objective's gradient is left in `pixels.grad`."""
    # Not around the whole loop: between two iterations the driver's own setting holds.
    precision = torch.autocast(pixels.device.type, torch.bfloat16, enabled=half)
    with torch.set_grad_enabled(gradient), precision:
        losses = objective(pixels)
    if gradient:
        pixels.grad = None
        losses["objective"].backward()
    return {name: float(value.detach()) for name, value in losses.items()}
