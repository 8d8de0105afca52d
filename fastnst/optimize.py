"""Gatys' method: the pixels themselves are optimised, against the loss that networks train with.

The yardstick of every trained network (section 4.1 of the paper), and a way to finish a picture
that a network began. A generator: who drives it sees every iteration and stops it by stopping to
ask.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fastnst.errors import StyleError, TrainingError
from fastnst.images import check_size
from fastnst.losses import content_loss, gram_matrices, style_loss
from fastnst.networks.vgg import LossNetwork
from fastnst.settings import StyleSettings, setting
from fastnst.style_training import check_painting, painting_grams, to_picture, to_tensor


@dataclass(frozen=True)
class Method:
    """A way to descend.

    Attributes:
        rate: the learning rate, unless another is asked for.
        create: makes the optimizer of a picture, from its learning rate and settings.
    """

    rate: float
    create: Callable[[Tensor, float, "OptimizeSettings"], torch.optim.Optimizer]


def _lbfgs(pixels: Tensor, rate: float, settings: "OptimizeSettings") -> torch.optim.Optimizer:
    # One iteration a step and no line search, so an iteration costs one evaluation, as everywhere
    # in the literature. Its tolerances are for other scales than that of these gradients.
    return torch.optim.LBFGS(
        [pixels],
        rate,
        max_iter=1,
        history_size=settings.history,
        tolerance_grad=0,
        tolerance_change=0,
    )


def _adam(pixels: Tensor, rate: float, settings: "OptimizeSettings") -> torch.optim.Optimizer:
    return torch.optim.Adam([pixels], rate)


METHODS: Mapping[str, Method] = {"lbfgs": Method(1.0, _lbfgs), "adam": Method(0.02, _adam)}


@dataclass(frozen=True)
class OptimizeSettings:
    """How pixels are optimised. Towards what, the weights and layers of `StyleSettings` say."""

    iterations: int = setting(50, "steps of the optimizer")
    method: str = setting("lbfgs", "of optimisation", tuple(METHODS))
    rate: float = setting(0.0, "learning rate; 0 takes the method's own")
    history: int = setting(50, "L-BFGS: past steps kept, each two pictures of memory")
    clip: bool = setting(True, "keep every pixel in [0, 1] after every iteration")


class StyleObjective:
    """content weight × content + style weight × style, against one photo and one painting.

    Attributes:
        size: width and height of the pictures it judges.
    """

    def __init__(
        self,
        loss_network: LossNetwork,
        content: Tensor,
        grams: Mapping[str, Tensor],
        settings: StyleSettings,
        size: tuple[int, int],
    ) -> None:
        """Take targets that may be shared: one photo's content, one painting's style.

        Args:
            loss_network: φ.
            content: (1, C, H, W), the photo's features; see `content_target`.
            grams: layer → (1, C, C); see `fastnst.style_training.painting_grams`.
            settings: weights and layers.
            size: width and height of the photo.
        """
        self.size = size
        self._loss_network = loss_network
        self._content = content
        self._grams = grams
        self._settings = settings

    @classmethod
    def of(
        cls,
        photo: Image.Image,
        painting: Image.Image,
        loss_network: LossNetwork,
        settings: StyleSettings,
    ) -> "StyleObjective":
        """The objective of a photo, at its own size, and a painting.

        Raises:
            PictureError: the photo is too small or too large.
            TrainingError: the painting is too small, or of one colour.
        """
        check_size(*photo.size, what="The photo")
        check_painting("given", painting)
        layers = settings.style_layers.split(",")
        grams = painting_grams(painting, loss_network, layers, settings.style_size)
        content = content_target(photo, loss_network, settings)
        return cls(loss_network, content, grams, settings, photo.size)

    @property
    def device(self) -> torch.device:
        return self._loss_network.mean.device

    def __call__(self, pixels: Tensor) -> dict[str, Tensor]:
        """The scalars "objective", "content" and "style" of a picture (1, 3, H, W) in [0, 1]."""
        settings = self._settings
        features = self._loss_network(pixels, {settings.content_layer, *self._grams})
        grams = gram_matrices({layer: features[layer] for layer in self._grams})
        content = content_loss(features[settings.content_layer], self._content)[0]
        style = style_loss(grams, self._grams)[0]
        objective = settings.content_weight * content + settings.style_weight * style
        return {"objective": objective, "content": content, "style": style}

    @torch.no_grad()
    def of_picture(self, picture: Image.Image) -> dict[str, float]:
        """As a call, for a finished picture of the photo's size."""
        self.check_start(picture)
        values = self(to_tensor(picture).to(self.device))
        return {name: float(value) for name, value in values.items()}

    def check_start(self, picture: Image.Image) -> None:
        """Refuse a picture of another size than the photo's.

        Raises:
            StyleError: it is of another size.
        """
        if picture.size != self.size:
            raise StyleError(
                f"The picture is {picture.width}×{picture.height}; "
                f"it must be of the photo's size, {self.size[0]}×{self.size[1]}."
            )


@torch.no_grad()
def content_target(
    photo: Image.Image, loss_network: LossNetwork, settings: StyleSettings
) -> Tensor:
    """The features (1, C, H, W) of a photo that its content is judged by."""
    pixels = to_tensor(photo).to(loss_network.mean.device)
    return loss_network(pixels, [settings.content_layer])[settings.content_layer]


@dataclass(frozen=True)
class OptimizeProgress:
    """Where an optimisation stands.

    Attributes:
        iteration: steps done, of `iterations`; 0 is the start.
        objective: what is descended, of the picture as it is now.
        content: the relative content loss in it.
        style: the relative style loss in it.
        seconds: of computing so far; what the driver does in between is not counted.
    """

    iteration: int
    iterations: int
    objective: float
    content: float
    style: float
    seconds: float
    _pixels: Tensor = field(repr=False, compare=False)

    def picture(self) -> Image.Image:
        """The picture as it is now. To be asked before the next iteration is."""
        return to_picture(self._pixels)


def noise_picture(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """White noise of a width and height, Gatys' own start."""
    width, height = size
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))


def optimize(
    objective: StyleObjective, start: Image.Image, settings: OptimizeSettings
) -> Iterator[OptimizeProgress]:
    """Optimise a picture, yielding the start and then once an iteration.

    Args:
        objective: what to descend.
        start: the photo itself, `noise_picture`, or anything else of the photo's size. It is not
            changed.
        settings: how.

    Raises:
        StyleError: the start is of another size than the photo, or a setting is out of range.
        TrainingError: the objective is no longer finite.
    """
    objective.check_start(start)
    _check_settings(settings)
    return _descend(objective, to_tensor(start).to(objective.device), settings)


def _descend(
    objective: StyleObjective, pixels: Tensor, settings: OptimizeSettings
) -> Iterator[OptimizeProgress]:
    pixels.requires_grad_()
    method = METHODS[settings.method]
    optimizer = method.create(pixels, settings.rate or method.rate, settings)
    seconds = 0.0
    for iteration in range(settings.iterations + 1):
        started = time.perf_counter()
        values = _evaluate(objective, pixels, gradient=iteration < settings.iterations)
        seconds += time.perf_counter() - started
        if not math.isfinite(values["objective"]):
            raise TrainingError(
                f"The objective became {values['objective']} at iteration {iteration}; "
                f"try a lower rate than {settings.rate or method.rate:g}."
            )
        yield OptimizeProgress(
            iteration=iteration,
            iterations=settings.iterations,
            seconds=seconds,
            _pixels=pixels,
            **values,
        )
        if iteration == settings.iterations:
            return
        started = time.perf_counter()
        # The gradient is there already: each iteration evaluates once, and what it finds is
        # yielded before it moves on.
        optimizer.step(partial(float, values["objective"]))
        if settings.clip:
            with torch.no_grad():
                pixels.clamp_(0, 1)
        seconds += time.perf_counter() - started


def _evaluate(objective: StyleObjective, pixels: Tensor, gradient: bool) -> dict[str, float]:
    """The losses as numbers; the objective's gradient is left in `pixels.grad`."""
    # Not around the whole loop: between two iterations the driver's own setting holds.
    with torch.set_grad_enabled(gradient):
        losses = objective(pixels)
    if gradient:
        pixels.grad = None
        losses["objective"].backward()
    return {name: float(value.detach()) for name, value in losses.items()}


def _check_settings(settings: OptimizeSettings) -> None:
    if settings.method not in METHODS:
        raise StyleError(f"Unknown method {settings.method!r}; there are {', '.join(METHODS)}.")
    if settings.iterations < 0:
        raise StyleError(f"The iterations are {settings.iterations}; allowed is 0 or more.")
    if settings.history < 1:
        raise StyleError(f"The history is {settings.history}; allowed is 1 or more.")
    if not 0 <= settings.rate < math.inf:
        raise StyleError(f"The rate is {settings.rate}; allowed is a number from 0 up.")
