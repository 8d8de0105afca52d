"""What the tabs with a picture and a result share: runs, their progress and end, downloads."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import gradio as gr

from fastnst.errors import CancelledError, FastnstError, PictureError
from fastnst.images import SMALLEST_SIDE
from fastnst.ui import status
from fastnst.ui.background import in_background
from fastnst.ui.files import keep_file, pack
from fastnst.ui.panel import Panel, Updates
from fastnst.ui.studio import Studio
from fastnst.ui.upload import receive
from fastnst.ui.visit import Visit, VisitorPhoto

# A run that is shorter than this shows no progress: it would only flicker.
QUIET_SECONDS = 0.25
# Two at a time: while one paints, the other reads, compresses or is told to stop.
SHORT_RUN: dict[str, Any] = {
    "concurrency_id": "cpu",
    "concurrency_limit": 2,
    "trigger_mode": "always_last",  # of many quick changes, only the last is painted
    "show_progress": "minimal",
    "api_visibility": "private",
}
# In a queue of its own: the page stays quick for the others.
LONG_RUN: dict[str, Any] = {**SHORT_RUN, "concurrency_id": "long", "concurrency_limit": 1}
# Minutes long, and for those who watch: see `fastnst.ui.live.stand_back`.
LAB_RUN: dict[str, Any] = {**LONG_RUN, "concurrency_id": "lab"}
# Waiting for the Hub must not keep others from painting.
HUB_RUN: dict[str, Any] = {
    **SHORT_RUN,
    "concurrency_id": "hub",
    "concurrency_limit": 4,
    "show_progress": "hidden",
}
AT_ONCE: dict[str, Any] = {
    "queue": False,
    "trigger_mode": "multiple",
    "show_progress": "hidden",
    "api_visibility": "private",
}
# Of many keystrokes, the last counts.
LAST_AT_ONCE: dict[str, Any] = {**AT_ONCE, "trigger_mode": "always_last"}

NO_PHOTO = "Add a photo, or choose a sample."

Result = TypeVar("Result")


@dataclass(frozen=True)
class Tab:
    """The components of a tab, and the handlers that all tabs have.

    A handler that works for long is a generator: it yields while a thread works, so that it can
    say how far it is, and ends as soon as the visitor chooses something else. It is given the
    visit and the format of the download first.
    """

    studio: Studio
    visit: gr.State
    photo: gr.Image
    samples: gr.HTML
    panel: Panel
    smallest_photo: ClassVar[int] = SMALLEST_SIDE

    @property
    def outputs(self) -> list[Any]:
        """What handlers update."""
        return [self.photo, *self.panel.outputs]

    def on(
        self, after: Any, handler: Any, inputs: Sequence[Any], run: dict[str, Any], **options: Any
    ) -> Any:
        """Say which handler, with which inputs besides, answers an event."""
        common = [self.visit, self.panel.file_format]
        return after(
            handler,
            [*common, *inputs],
            self.outputs,
            show_progress_on=self.panel.caption,
            **run,
            **options,
        )

    def end_run_at(self, *events: Any) -> Any:
        """End the current run at events, past the queue, where it may be in the way: `then`."""
        return gr.on(list(events), end_run, self.visit, None, **AT_ONCE).then

    def connect_panel(self) -> None:
        """Connect what every tab has: Stop, and the format of the download."""
        panel = self.panel
        panel.stop.click(end_run_by_hand, self.visit, None, **AT_ONCE)
        panel.file_format.input(
            self.repack, [self.visit, panel.file_format], panel.download, **AT_ONCE
        )

    def receive(
        self, visit: Visit, find: Callable[[], Path]
    ) -> Generator[Updates, None, VisitorPhoto | None]:
        """Check a photo and work on it from now on; on a bad one, on the one before."""
        photo = yield from self.run(
            visit,
            lambda cancelled: receive(find(), self.smallest_photo),
            lambda: ("Reading the photo", None),
        )
        if photo is None:
            kept = visit.photo is not None and visit.photo.preview.is_file()
            yield {self.photo: str(visit.photo.preview) if visit.photo and kept else None}
        else:
            visit.take(photo)
        return photo

    def run(
        self,
        visit: Visit,
        work: Callable[[Callable[[], bool]], Result],
        progress: Callable[[], tuple[str, float | None]],
        so_far: Callable[[], Updates] = dict,
    ) -> Generator[Updates, None, Result | None]:
        """Work in the background: yields how far it is, returns the result or, if none, none.

        Args:
            visit: whose work it is.
            work: is given a question that is answered yes when it should end.
            progress: what is being done, and the share of it that is.
            so_far: what there is to show of the result already.
        """
        stop = visit.begin()
        clock = status.Clock(None)
        try:
            for result in in_background(work, stop):
                if result is not None:
                    return result
                if clock.elapsed > QUIET_SECONDS:
                    yield {**self.panel.show_progress(*progress()), **so_far()}
        except CancelledError:
            # A generator that ends without a yield would empty all its outputs.
            by_hand = visit.stopped_by_hand(stop)
            yield self.panel.finish(status.message("Stopped.")) if by_hand else self.panel.keep()
        except FastnstError as error:
            tell(error)
            yield self.panel.finish(status.message(str(error)))
        return None

    def repack(self, visit: Visit, file_format: str) -> Updates:
        """The picture that is shown, to download in another format."""
        if visit.shown is None:
            return {self.panel.download: gr.skip()}
        path = self.download(visit.shown, file_format)
        return {self.panel.download: gr.update(value=str(path))}

    def download(self, shown: Path, file_format: str) -> Path:
        """The file to download; the lossless one if the format cannot hold the picture."""
        try:
            if not shown.is_file():
                raise PictureError("The picture is no longer kept here; make it again.")
            data, name = pack(shown, file_format)
        except FastnstError as error:
            tell(error)
            return shown
        return shown if shown.name == name else keep_file(data, name)


def end_run(visit: Visit) -> None:
    """End what is being done: something else was chosen."""
    visit.end()


def end_run_by_hand(visit: Visit) -> None:
    """End what is being done: the visitor pressed Stop."""
    visit.end(by_hand=True)


def tell(error: FastnstError) -> None:
    """Show a visitor what was wrong. Messages are shown as HTML, and quote what they were given."""
    gr.Warning(escape(str(error)))
