"""Histogram matching, with which the paper finishes each super-resolution."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def with_histogram_of(
    photo: Pixels,
    made: Pixels,
    photo_alpha: Pixels | None = None,
    made_alpha: Pixels | None = None,
) -> Pixels:
    """A picture with the distribution of another, channel by channel.

    A level becomes the photo's level of the same rank. Pixels of one level stay of one level: to
    tell them apart, as a match to the last pixel would have to, is to invent noise.

    Args:
        photo: (h, w, 3).
        made: (H, W, 3), of any size.
        photo_alpha: (h, w) opacity; what is wholly transparent does not count.
        made_alpha: (H, W) the same.

    Returns:
        (H, W, 3), a new array.
    """
    picture = Image.fromarray(made)
    shares = _shares(picture, made_alpha)
    ranks = shares.cumsum(1) - shares / 2
    reached = _shares(Image.fromarray(photo), photo_alpha).cumsum(1)
    table = [
        np.searchsorted(*channel).clip(max=255) for channel in zip(reached, ranks, strict=True)
    ]
    return np.asarray(picture.point(np.concatenate(table).tolist()))


def _shares(picture: Image.Image, alpha: Pixels | None) -> NDArray[np.float64]:
    """(3, 256) the share of pixels that each level of each channel has."""
    mask = None if alpha is None or not alpha.any() else Image.fromarray(alpha)
    counts = np.asarray(picture.histogram(mask), float).reshape(3, 256)
    shares: NDArray[np.float64] = counts / counts.sum(1, keepdims=True)
    return shares
