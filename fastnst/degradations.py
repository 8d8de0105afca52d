"""How a picture becomes a small one: what super-resolution is trained to undo.

Pictures are (3, H, W) float32 RGB in [0, 1] here. What comes out has been rounded to 8 bits, as
every small picture that a network will meet has been.
"""

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.float32]
Degradation = Callable[[Pixels, int, np.random.Generator], Pixels]

# Of `photo`: what happens to a picture before somebody uploads it. The share of small pictures to
# which each happens, and its range.
CLEAN_SHARE = 0.7  # nothing but bicubic
BLUR_SHARE = 0.4
BLURS = (0.05, 0.3)  # standard deviation, as a part of the scale
NOISE_SHARE = 0.3
NOISES = (0.5, 4.0)  # standard deviation, of 255
JPEG_SHARE = 0.5
QUALITIES = (70, 98)
RESAMPLINGS = (
    Image.Resampling.BICUBIC,
    Image.Resampling.BILINEAR,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
)
PAPER_BLUR = 1.0


def bicubic(pixels: Pixels, scale: int, rng: np.random.Generator | None = None) -> Pixels:
    """Antialiased bicubic, as MATLAB's `imresize` and all published benchmarks have it.

    Args:
        pixels: (3, H, W); sides are multiples of the scale.
        scale: how many times smaller, each way.
        rng: not used; every degradation is called alike.

    Returns:
        (3, H / scale, W / scale).
    """
    height, width = pixels.shape[1:]
    rows = _resizing(height, height // scale)
    columns = _resizing(width, width // scale)
    # Rows first, and rounded in between: so does MATLAB, and overshoots are cut off there.
    return _eight_bits(_eight_bits(rows @ pixels) @ columns.T)


def paper(pixels: Pixels, scale: int, rng: np.random.Generator | None = None) -> Pixels:
    """A Gaussian blur of σ = 1 pixel, then bicubic (Johnson et al. 2016, section 4.2)."""
    return bicubic(_blur(pixels, PAPER_BLUR), scale)


def photo(pixels: Pixels, scale: int, rng: np.random.Generator) -> Pixels:
    """What real uploads have suffered: blur, some way of resizing, noise, JPEG; or none of it."""
    if rng.random() < CLEAN_SHARE:
        return bicubic(pixels, scale)
    if rng.random() < BLUR_SHARE:
        pixels = _blur(pixels, scale * rng.uniform(*BLURS))
    size = (pixels.shape[2] // scale, pixels.shape[1] // scale)
    resampling = RESAMPLINGS[rng.integers(len(RESAMPLINGS))]
    small = _pixels(_picture(pixels).resize(size, resampling))
    if rng.random() < NOISE_SHARE:
        # Grains of colour and of light alone both occur.
        channels = 3 if rng.random() < 0.5 else 1
        grains = rng.normal(0, rng.uniform(*NOISES) / 255, (channels, *small.shape[1:]))
        small = _eight_bits(small + grains)
    if rng.random() < JPEG_SHARE:
        small = _jpeg(small, int(rng.integers(*QUALITIES)))
    return small


DEGRADATIONS: Mapping[str, Degradation] = {"bicubic": bicubic, "paper": paper, "photo": photo}


@lru_cache(maxsize=64)
def _resizing(before: int, after: int) -> NDArray[np.float32]:
    """The matrix (after, before) that resizes one side, as MATLAB does: mirrored at the ends."""
    scale = after / before
    stretch = min(scale, 1.0)  # antialiasing: the kernel covers what becomes one pixel
    centres = (np.arange(after) + 0.5) / scale - 0.5
    reach = 2 / stretch
    places = np.floor(centres - reach).astype(int)[:, None] + np.arange(math.ceil(2 * reach) + 2)
    weights = _cubic((centres[:, None] - places) * stretch)
    weights /= weights.sum(1, keepdims=True)
    places = np.mod(places, 2 * before)
    places = np.where(places < before, places, 2 * before - 1 - places)
    matrix = np.zeros((after, before))
    np.add.at(matrix, (np.arange(after)[:, None], places), weights)
    return matrix.astype(np.float32)


def _cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys's kernel with a = −½."""
    x = np.abs(distance)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _eight_bits(pixels: NDArray[np.floating]) -> Pixels:
    return (np.round(np.clip(pixels, 0, 1) * 255) / 255).astype(np.float32)


def _picture(pixels: Pixels) -> Image.Image:
    values = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(values.transpose(1, 2, 0)))


def _pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture, np.float32).transpose(2, 0, 1) / 255


def _blur(pixels: Pixels, deviation: float) -> Pixels:
    return _pixels(_picture(pixels).filter(ImageFilter.GaussianBlur(deviation)))


def _jpeg(pixels: Pixels, quality: int) -> Pixels:
    file = BytesIO()
    _picture(pixels).save(file, "JPEG", quality=quality)
    return _pixels(Image.open(file))
