"""From a visitor's choices to an enlargement: what the Upscale tab shows and hands out."""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from fastnst.choices import largest_side, upscaled_size
from fastnst.errors import PictureError
from fastnst.images import encode_picture, put_together, take_apart
from fastnst.ui.files import QUICK_PNG, open_kept, stem
from fastnst.ui.status import dimensions, duration, time_left
from fastnst.ui.studio import Studio
from fastnst.upscaler import SMALLEST_SIDE

# The slider holds two pictures; what has more pixels than this is shown smaller.
SHOWN_PIXELS = 16_000_000
ENLARGING = Image.Resampling.BICUBIC
SHRINKING = Image.Resampling.LANCZOS

Note = Callable[[str, float | None], None]


@dataclass(frozen=True)
class Wish:
    """What a visitor chose, in the words of the page.

    Attributes:
        scale: 4 or 8.
        detail: 0 is faithful, 1 detailed.
        size: long side of the result, or nothing for the whole enlargement.
        network: "USER/NAME" of one that was added from the Hub, or nothing for those that ship.
    """

    scale: int = 4
    detail: float = 0.5
    size: int | None = None
    network: str = ""

    def result(self, photo: tuple[int, int]) -> tuple[int, int]:
        """Width and height of the result.

        Raises:
            PictureError: it would be too large; it says what fits.
            SettingError: there is no such factor.
        """
        return upscaled_size(photo, self.scale, self.size or None)

    def file_stem(self, photo: Path) -> str:
        """What a download of the result is called: `tower-x4`."""
        return f"{stem(photo)}-x{self.scale}"


@dataclass(frozen=True)
class Enlargement:
    """A result, as files in memory.

    Attributes:
        after: the result, PNG.
        shown: the result as the page shows it, PNG; none if that is the result itself.
        before: the photo enlarged to that size by bicubic interpolation, PNG; none if the page
            has it already.
        size: width and height of the result.
        shown_size: of what the page shows.
        seconds: that the upscaler took.
    """

    after: bytes
    shown: bytes | None
    before: bytes | None
    size: tuple[int, int]
    shown_size: tuple[int, int]
    seconds: float


def enlarge(
    studio: Studio,
    photo: Path,
    wish: Wish,
    known: tuple[int, int] | None,
    note: Note,
    cancelled: Callable[[], bool],
) -> Enlargement:
    """Enlarge a photo.

    Args:
        studio: enlarges it.
        photo: the file.
        wish: how.
        known: the size at which the page has the bicubic enlargement already.
        note: is told what is being done and, if known, the share that is done.
        cancelled: a yes stops the work.

    Raises:
        PictureError: see `Upscaler.__call__`.
        CancelledError: `cancelled` said so.
    """
    picture = open_kept(photo, SMALLEST_SIDE)
    taken = take_apart(picture, SMALLEST_SIDE)
    size = wish.result(taken.size)
    note("Loading the network", None)
    upscaler = studio.upscaler(wish.scale, wish.network)
    effort, pace = worked_on(taken.size, size, wish.scale), studio.upscaling_paces[wish.scale]
    note(f"Upscaling to {dimensions(size)}{time_left(pace.foretell(effort) or 0)}", None)
    started = time.perf_counter()

    def count(done: int, total: int) -> None:
        elapsed = time.perf_counter() - started
        left = time_left(elapsed * (total - done) / done)
        note(f"Upscaling to {dimensions(size)}, {done} of {total} tiles{left}", done / total)

    made = upscaler(picture, wish.detail, size, progress=count, cancelled=cancelled)
    seconds = time.perf_counter() - started
    note("Writing the picture", None)
    with ThreadPoolExecutor(1) as pool:  # compressing frees the interpreter: both at once
        after = pool.submit(encode_picture, made, QUICK_PNG)
        shown_size = small_enough(made.size)
        shown = before = None
        if shown_size != made.size:
            shown = encode_picture(made.resize(shown_size, SHRINKING), QUICK_PNG)
        if shown_size != known:
            whole = put_together(taken.pixels, taken, taken.alpha)
            before = encode_picture(whole.resize(shown_size, ENLARGING), QUICK_PNG)
        result = Enlargement(after.result(), shown, before, made.size, shown_size, seconds)
    pace.note(effort, time.perf_counter() - started)
    return result


def foretell(studio: Studio, photo: tuple[int, int], wish: Wish) -> str:
    """`480 × 270 → 1920 × 1080 · about 2 s`: what a visitor will get, and when.

    Raises:
        PictureError, SettingError: see `Wish.result`.
    """
    size = wish.result(photo)
    effort = worked_on(photo, size, wish.scale)
    seconds = studio.upscaling_paces[wish.scale].foretell(effort) or 0
    text = f"{dimensions(photo)} → {dimensions(size)} · about {duration(seconds)}"
    try:
        upscaled_size(photo, wish.scale)
    except PictureError as error:  # of the whole, not of what is asked for
        return f"{text}. {error}"
    return text


def worked_on(photo: tuple[int, int], size: tuple[int, int], scale: int) -> tuple[int, int]:
    """Width and height of what the network makes: a photo beyond the result is reduced before."""
    return scale * min(photo[0], size[0]), scale * min(photo[1], size[1])


def longest_side(photo: tuple[int, int], scale: int) -> int:
    """The long side of the largest enlargement, up to a factor, within the pixel limit."""
    return min(max(photo) * scale, largest_side(photo))


def small_enough(size: tuple[int, int]) -> tuple[int, int]:
    """A size with the same shape that the slider can hold: the size itself, if it can be."""
    share = math.sqrt(min(1.0, SHOWN_PIXELS / (size[0] * size[1])))
    return max(1, int(size[0] * share)), max(1, int(size[1] * share))
