"""Paintings to learn from: what is taken of them, and which are refused."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fastnst.errors import TrainingError
from fastnst.images import take_apart
from fastnst.losses import gram_matrices
from fastnst.networks.vgg import LossNetwork
from fastnst.tensors import fit_short_side, to_tensor

LARGEST_PAINTING = 2048
SMALLEST_PAINTING = 64
LEAST_SPREAD = 2.0  # of 255, the standard deviation of a channel: less is noise on one colour


def flatten(painting: Image.Image) -> Image.Image:
    """A painting as upright RGB, on white where it is transparent, of a bounded size."""
    taken = take_apart(painting)
    picture = Image.fromarray(taken.pixels)
    if taken.alpha is not None:
        white = Image.new("RGB", picture.size, "white")
        picture = Image.composite(picture, white, Image.fromarray(taken.alpha))
    picture.thumbnail((LARGEST_PAINTING, LARGEST_PAINTING), Image.Resampling.LANCZOS)
    return picture


def check_painting(name: str, painting: Image.Image) -> None:
    """Refuse a painting that has no style to learn.

    Raises:
        TrainingError: it is smaller than 64 pixels, or of one colour.
    """
    if min(painting.size) < SMALLEST_PAINTING:
        raise TrainingError(
            f"The painting {name} is {painting.width}×{painting.height} pixels; "
            f"it needs {SMALLEST_PAINTING} on its short side at least."
        )
    if np.asarray(painting.convert("RGB")).std(axis=(0, 1)).max() < LEAST_SPREAD:
        raise TrainingError(f"The painting {name} is of one colour; there is no style to learn.")


def painting_grams(
    painting: Image.Image, loss_network: LossNetwork, layers: Sequence[str], side: int
) -> dict[str, Tensor]:
    """The Gram matrices of a painting at a size: layer → (1, C, C)."""
    pixels = to_tensor(fit_short_side(painting, side)).to(loss_network.mean.device)
    with torch.no_grad():
        features = loss_network(pixels, layers)
    return gram_matrices(features)


def painting_factors(text: str, names: Sequence[str]) -> Tensor:
    """The factor of the style weight for each painting, 1 where `text` says nothing.

    Args:
        text: as `StyleSettings.painting_weights`.
        names: of the paintings, in their order.

    Raises:
        TrainingError: a name is unknown, or a factor is not a positive number.
    """
    factors = dict.fromkeys(names, 1.0)
    for part in filter(None, text.split(",")):
        name, _, number = part.partition("=")
        if name not in factors:
            raise TrainingError(
                f"--painting-weights names {name!r}; the paintings are {', '.join(names)}."
            )
        try:
            factors[name] = float(number)
        except ValueError:
            factors[name] = math.nan
        if not 0 < factors[name] < math.inf:
            raise TrainingError(f"The factor of {name} is {number!r}; it is a number over 0.")
    return torch.tensor(list(factors.values()))
