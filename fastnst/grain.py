"""Grain: a little coarse noise added to a photo before a style network sees it.

In a flat area, say a night sky, a feed-forward network has nothing to hang a stroke on and
paints one plain patch. Grain at the scale of strokes gives it something. It is always the same, so
a picture stylized twice is the same picture.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

TILE = 512
OCTAVES = (4, 8, 16, 32)


@lru_cache(maxsize=1)
def grain_tile() -> NDArray[np.float32]:
    """(3, TILE, TILE) noise of mean 0 and variance 1 that repeats without a seam.

    The sum of one white noise an octave, each enlarged linearly by that many pixels.
    """
    rng = np.random.default_rng(0)
    tile = np.zeros((3, TILE, TILE), np.float32)
    for size in OCTAVES:
        noise = rng.standard_normal((3, TILE // size, TILE // size), np.float32)
        for axis in (1, 2):
            noise = _enlarge(noise, size, axis)
        tile += noise / noise.std()
    tile -= tile.mean()
    tile /= tile.std()
    tile.setflags(write=False)
    return tile


def grain(height: int, width: int, shift: tuple[int, int] = (0, 0)) -> NDArray[np.float32]:
    """(3, height, width) of it, the tile repeated; it starts `shift` pixels down and across."""
    rows, columns = (
        np.arange(size) + start for size, start in zip((height, width), shift, strict=True)
    )
    return grain_tile()[:, rows[:, None] % TILE, columns % TILE]


def _enlarge(noise: NDArray[np.float32], size: int, axis: int) -> NDArray[np.float32]:
    """Linear interpolation by `size` along an axis that wraps around."""
    ramp = np.arange(size, dtype=np.float32) / size
    steps = np.moveaxis(noise, axis, -1)
    following = np.roll(steps, -1, -1)
    fine = steps[..., None] * (1 - ramp) + following[..., None] * ramp
    flat: NDArray[np.float32] = fine.reshape(*steps.shape[:-1], -1).astype(np.float32)
    return np.moveaxis(flat, -1, axis)
