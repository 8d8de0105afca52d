"""A visit: what the server remembers of one visitor in one tab, and the one run it does there."""

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class VisitorPhoto:
    """A photo that a visitor works on: the untouched file.

    Attributes:
        path: of the file.
        size: width and height, upright.
        preview: a small picture of it, for the page.
    """

    path: Path
    size: tuple[int, int]
    preview: Path


@dataclass
class Visit:
    """Session state. It never leaves the server, so its paths can be trusted.

    Attributes:
        photo: what is worked on; none after the visitor removed it.
        shown: the lossless file of the result.
        made: how the result was made; none if something else is shown, or being made.
        network: whose styles are offered to be mixed in; empty for the one of the page.
        trained: the ids of the visitor's trainings.
        before: where the photo was last written for the before/after slider.
        before_size: at which size.
    """

    photo: VisitorPhoto | None = None
    shown: Path | None = None
    made: Hashable | None = None
    network: str = ""
    trained: list[str] = field(default_factory=list)
    before: Path | None = None
    before_size: tuple[int, int] | None = None
    _stop: threading.Event | None = None
    _stopped_by_hand: bool = False

    def take(self, photo: VisitorPhoto | None) -> None:
        """Work on another photo from now on."""
        self.end()
        self.photo, self.made, self.before, self.before_size = photo, None, None, None

    def known_before(self) -> tuple[int, int] | None:
        """The size at which the photo is still there as the slider shows it."""
        kept = self.before is not None and self.before.is_file()
        return self.before_size if kept else None

    def begin(self) -> threading.Event:
        """Start a run, which ends the one before it. The event tells the run to end."""
        self.end()
        self.made = None
        self._stopped_by_hand = False
        self._stop = threading.Event()
        return self._stop

    def end(self, by_hand: bool = False) -> None:
        """Tell the current run, if there is one, to end."""
        if self._stop is not None:
            self._stopped_by_hand = by_hand
            self._stop.set()

    @property
    def kept(self) -> bool:
        """Whether the visitor stopped the last run, and has not begun or chosen anything since."""
        return self._stopped_by_hand

    def stopped_by_hand(self, stop: threading.Event) -> bool:
        """Whether it was the visitor, not a newer run, who ended the run of an event."""
        return stop is self._stop and self._stopped_by_hand
