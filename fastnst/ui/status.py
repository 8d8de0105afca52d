"""The one line under the result: what it is, or how far it is."""

import time
from html import escape

from fastnst.checkpoint import Style
from fastnst.ui.cards import credit
from fastnst.ui.painting import Painting, dimensions


def message(text: str) -> str:
    return f'<p class="status">{escape(text)}</p>'


def finished(painting: Painting, device: str, styles: list[Style]) -> str:
    """`1920 × 1080 · 0.21 s · CPU bf16`, and the credit of the paintings."""
    facts = f"{dimensions(painting.size)} · {painting.seconds:.2f} s · {device}"
    credits = "<br>".join(escape(credit(style)) for style in styles)
    return f'<p class="status">{escape(facts)}</p><p class="credit">{credits}</p>'


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
        if not self._expected or self._expected - self.elapsed < 1:
            return ""
        return f" · about {self._expected - self.elapsed:.0f} s left"
