"""From a visitor's choices to a painting: what the Stylize tab shows and hands out."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastnst.choices import output_size
from fastnst.errors import PictureError, StyleError
from fastnst.images import check_size, encode_picture
from fastnst.ui.files import QUICK_PNG, open_kept, stem
from fastnst.ui.pulled import split_style
from fastnst.ui.status import dimensions
from fastnst.ui.studio import Studio
from fastnst.ui.trained import family

OWN_SIZE = 0
LONG_SIDES = (512, 1024, 1920, 2880)
NO_STYLE = ""


@dataclass(frozen=True)
class Choices:
    """What a visitor chose, in the words of the page.

    Attributes:
        style: its name, as in `fastnst.ui.pulled`.
        second: of the style that is mixed in, or nothing.
        balance: share of the second style, 0 to 1.
        strength, keep_colors, brush: as `Stylizer` takes them.
        size: long side of the result, or `OWN_SIZE`.
    """

    style: str
    strength: float = 1.0
    second: str = NO_STYLE
    balance: float = 0.5
    keep_colors: bool = False
    brush: float = 1.0
    size: int = OWN_SIZE

    @property
    def network(self) -> str:
        """The network of the style: "USER/NAME", or nothing for the one of the page."""
        return split_style(self.style)[0]

    @property
    def networks(self) -> set[str]:
        """Of the style, and of the one that is mixed in."""
        return {split_style(name)[0] for name in (self.style, self.second or self.style)}

    @property
    def blend(self) -> dict[str, float]:
        """Style → weight, with the names that they have in their network.

        Raises:
            StyleError: a style is not a name, the balance is not a share, or the styles are of two
                networks.
        """
        for name in (self.style, self.second):
            if not isinstance(name, str):
                raise StyleError(f"A style is named by a text, not {name!r:.40}.")
        if not isinstance(self.balance, int | float) or not 0 <= self.balance <= 1:
            raise StyleError(f"The balance is {self.balance!r:.40}; allowed is 0 to 1.")
        name = split_style(self.style)[1]
        if not self.second or self.second == self.style:
            return {name: 1.0}
        network, second = split_style(self.second)
        if family(network) != family(self.network):
            raise StyleError(
                "Only styles of one network can be mixed; "
                f"{self.style!r:.80} and {self.second!r:.80} are of two."
            )
        weights = {name: 1.0 - self.balance, second: float(self.balance)}
        return {name: weight for name, weight in weights.items() if weight}

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `Stylizer.__call__`, photo apart."""
        return {
            "style": self.blend,
            "strength": self.strength,
            "keep_colors": self.keep_colors,
            "brush": self.brush,
            "size": self.size or None,
        }

    def file_stem(self, photo: Path) -> str:
        """What a download of the result is called: `tower-udnie`."""
        return "-".join([stem(photo), *self.blend])


@dataclass(frozen=True)
class Painting:
    """A result, as files in memory.

    Attributes:
        after: the result, PNG.
        before: the photo at the size of the result, PNG; none if the page has it already.
        size: width and height.
        seconds: that the stylizer took.
    """

    after: bytes
    before: bytes | None
    size: tuple[int, int]
    seconds: float


def paint(
    studio: Studio,
    photo: Path,
    choices: Choices,
    known: tuple[int, int] | None,
    cancelled: Callable[[], bool],
) -> Painting:
    """Repaint a photo.

    Args:
        studio: paints it.
        photo: the file.
        choices: how.
        known: the size at which the page has the photo already.
        cancelled: a yes stops the work.

    Raises:
        PictureError, StyleError: see `Stylizer.__call__`.
        CancelledError: `cancelled` said so.
    """
    picture, arguments = open_kept(photo), choices.arguments
    stylizer = studio.style_network(*choices.networks)
    started = time.perf_counter()
    made = stylizer(picture, **arguments, cancelled=cancelled)
    seconds = time.perf_counter() - started
    with ThreadPoolExecutor(1) as pool:  # compressing frees the interpreter: both at once
        after = pool.submit(encode_picture, made, QUICK_PNG)
        before = None
        if made.size != known:
            untouched = stylizer(picture, strength=0.0, size=made.size, cancelled=cancelled)
            before = encode_picture(untouched, QUICK_PNG)
        painting = Painting(after.result(), before, made.size, seconds)
    studio.pace.note(made.size, time.perf_counter() - started)
    return painting


def size_choices(photo: tuple[int, int]) -> list[tuple[str, int]]:
    """The output sizes for a photo, with the pixels each will have: label and long side."""
    choices = [(f"As the photo · {dimensions(photo)}", OWN_SIZE)]
    for side in LONG_SIDES:
        try:
            check_size(*output_size(photo, side))
        except PictureError:
            continue
        choices.append((dimensions(output_size(photo, side)), side))
    return choices
