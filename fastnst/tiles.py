"""Enlarging a picture of any size in tiles, with the same result as in one piece.

An output pixel of a super-resolution network depends on no input pixel further than its radius
away. So each tile is cut with at least that much around it, out of a picture that is continued by
its mirror image, and of what the network makes of it only the inside counts.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fastnst.errors import CancelledError

LONGEST_TILE = 480
# How far, in pixels of the small picture, Lanczos looks: three pixels of the output, which never
# is smaller than the small picture, and one for rounding.
LANCZOS_REACH = 4

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Span:
    """One axis of a tile.

    Attributes:
        seen: what the network is given, in pixels of the small picture with its margins.
        kept: what counts of the network's result, in its pixels.
        box: what is resampled to the output, in pixels of what is kept.
        made: where that goes, in pixels of the output.
    """

    seen: slice
    kept: slice
    box: tuple[float, float]
    made: slice


def enlarge(
    pixels: Pixels,
    network: Callable[[Pixels], Pixels],
    scale: int,
    radius: int,
    size: tuple[int, int],
    *,
    tile: int = LONGEST_TILE,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Pixels:
    """Run a network over a picture, tile by tile.

    Args:
        pixels: (H, W, 3) the small picture.
        network: (h, w, 3) → (scale·h, scale·w, 3). The shapes it is given differ as little as can
            be: engines prepare for each.
        scale: how many times larger its output is.
        radius: how far it sees, in pixels of the small picture.
        size: width and height of the result, no smaller than the picture's. Where they are not
            `scale` times those, the network's result is resampled by Lanczos.
        tile: the longest side of a tile, without what is around it.
        progress: told after each tile how many are done, and of how many.
        cancelled: asked before each tile.

    Returns:
        The result, of that size.

    Raises:
        CancelledError: `cancelled` said so.
    """
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    result = np.empty((size[1], size[0], 3), np.uint8)
    rows = list(_spans(height, size[1], scale, radius, tile))
    columns = list(_spans(width, size[0], scale, radius, tile))
    done, total = 0, len(rows) * len(columns)
    for row in rows:
        for column in columns:
            if cancelled():
                raise CancelledError("Stopped.")
            made = network(np.ascontiguousarray(padded[row.seen, column.seen]))
            place = result[row.made, column.made]
            place[:] = _resampled(made[row.kept, column.kept], row.box, column.box, place.shape)
            done += 1
            progress(done, total)
    return result


def _spans(side: int, target: int, scale: int, radius: int, tile: int) -> Iterator[Span]:
    """Tiles along an axis, all of one length but for a pixel."""
    reach = 0 if target == side * scale else LANCZOS_REACH
    count = math.ceil(side / tile)
    length = min(math.ceil(side / count) + 2 * reach, side) + 2 * radius
    for i in range(count):
        first, last = side * i // count, side * (i + 1) // count
        # The margin makes a pixel's place in the padded picture its own and the radius; so this
        # is where what is seen of the tile begins, moved back where the picture ends.
        start = min(max(first - reach, 0), side + 2 * radius - length)
        low, high = max(first - reach, 0), min(last + reach, side)
        kept = slice((low + radius - start) * scale, (high + radius - start) * scale)
        made = slice(round(first * target / side), round(last * target / side))
        step = side * scale / target
        box = (made.start * step - low * scale, made.stop * step - low * scale)
        box = (max(box[0], 0.0), min(box[1], float(kept.stop - kept.start)))
        yield Span(slice(start, start + length), kept, box, made)


def _resampled(
    made: Pixels,
    rows: tuple[float, float],
    columns: tuple[float, float],
    shape: tuple[int, ...],
) -> Pixels:
    if made.shape == shape:
        return made
    box = (columns[0], rows[0], columns[1], rows[1])
    picture = Image.fromarray(np.ascontiguousarray(made))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.LANCZOS, box))
