"""A visit: what the server remembers of one visitor, and the one run it does for them."""

import secrets
import threading
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gradio.utils import get_upload_folder

from fastnst.errors import CancelledError

TICK_SECONDS = 0.15

Result = TypeVar("Result")


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
        shown: the lossless file of what the result panel shows.
        painted: how the photo was painted that is shown; none if something else is.
        before: where the photo was last written for the before/after slider.
        before_size: at which size.
    """

    photo: VisitorPhoto | None = None
    shown: Path | None = None
    painted: Hashable | None = None
    before: Path | None = None
    before_size: tuple[int, int] | None = None
    _stop: threading.Event | None = None
    _stopped_by_hand: bool = False

    def take(self, photo: VisitorPhoto | None) -> None:
        """Work on another photo from now on."""
        self.end()
        self.photo, self.painted, self.before, self.before_size = photo, None, None, None

    def known_before(self) -> tuple[int, int] | None:
        """The size at which the photo is still there as the slider shows it."""
        kept = self.before is not None and self.before.is_file()
        return self.before_size if kept else None

    def begin(self) -> threading.Event:
        """Start a run, which ends the one before it. The event tells the run to end."""
        self.end()
        self.painted = None
        self._stopped_by_hand = False
        self._stop = threading.Event()
        return self._stop

    def end(self, by_hand: bool = False) -> None:
        """Tell the current run, if there is one, to end."""
        if self._stop is not None:
            self._stopped_by_hand = by_hand
            self._stop.set()

    def stopped_by_hand(self, stop: threading.Event) -> bool:
        """Whether it was the visitor, not a newer run, who ended the run of an event."""
        return stop is self._stop and self._stopped_by_hand


def in_background(
    work: Callable[[Callable[[], bool]], Result], stop: threading.Event
) -> Iterator[Result | None]:
    """Do work in a thread of its own: yields none now and then, and last its result.

    Args:
        work: is given a question that is answered yes when it should end.
        stop: ends the work, and this. So does closing the iterator.

    Raises:
        CancelledError: it was stopped.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work(stop.is_set))
        except BaseException as error:  # whatever it is, it is raised where the result is awaited
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        while True:
            try:
                result = future.result(TICK_SECONDS)
                break
            except NotYet:
                if future.done():
                    raise
                if stop.is_set():
                    raise CancelledError("Stopped.") from None
                yield None
        if stop.is_set():
            raise CancelledError("Stopped.")
        yield result
    finally:
        stop.set()


def keep_file(data: bytes, name: str) -> Path:
    """Write a file for one visitor, under a path that nobody can guess.

    It lies in Gradio's folder, where files are served from, and deleted from when they are old.
    """
    folder = Path(get_upload_folder()) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    path = folder / name
    path.write_bytes(data)
    return path
