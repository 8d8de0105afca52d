"""The one line under the result: what it is, or how far it is."""

import time
from collections.abc import Sequence
from html import escape

from fastnst.checkpoint import Style
from fastnst.ui.cards import credit

# From here on, minutes say it better.
LONG_SECONDS = 120


def message(text: str) -> str:
    return f'<p class="status">{escape(text)}</p>'


def finished(
    size: tuple[int, int], seconds: float, device: str, styles: Sequence[Style] = (), note: str = ""
) -> str:
    """`1920 × 1080 · 0.21 s · CPU bf16`, a note, and the credit of the paintings."""
    facts = f"{dimensions(size)} · {seconds:.2f} s · {device}"
    rest = "<br>".join(escape(line) for line in (note, *map(credit, styles)) if line)
    return message(facts) + (f'<p class="credit">{rest}</p>' if rest else "")


def working(text: str, share: float | None) -> str:
    """What is being done, with a bar.

    Args:
        text: in a few words.
        share: of the work that is done; none if nobody knows.
    """
    value = "" if share is None else f' value="{min(max(share, 0.0), 1.0):.3f}"'
    return (
        f'<p class="status">{escape(text)}</p>'
        f'<progress aria-label="{escape(text)}" max="1"{value}></progress>'
    )


class Clock:
    """How far a run is that cannot say so itself, from how long it should take."""

    def __init__(self, expected: float | None) -> None:
        self._started = time.monotonic()
        self._expected = expected

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    @property
    def share(self) -> float | None:
        """Never quite all: what was foretold may be too short."""
        return None if not self._expected else min(self.elapsed / self._expected, 0.95)

    @property
    def left(self) -> str:
        """` · about 4 s left`, or nothing."""
        return time_left(self._expected - self.elapsed if self._expected else 0)


def time_left(seconds: float) -> str:
    """` · about 4 s left`, or nothing if that is less than a second."""
    return f" · about {duration(seconds)} left" if seconds >= 1 else ""


def duration(seconds: float) -> str:
    """`4 s`, `3 min`."""
    return f"{max(seconds, 1):.0f} s" if seconds < LONG_SECONDS else f"{seconds / 60:.0f} min"


def dimensions(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"
