"""The Stylize tab: a photo, the styles, and the photo in the chosen one."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import astuple, dataclass, replace
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from PIL import Image

from fastnst.errors import CancelledError, FastnstError, PictureError
from fastnst.images import encode_picture
from fastnst.ui import status
from fastnst.ui.cards import sample_strip, style_cards
from fastnst.ui.controls import Controls, draw_controls, possible_size, size_dropdown
from fastnst.ui.painting import (
    QUICK_PNG,
    Choices,
    dimensions,
    pack,
    paint,
    stem,
)
from fastnst.ui.panel import Panel, Updates, draw_panel
from fastnst.ui.samples import OPENING_PHOTO, SAMPLES
from fastnst.ui.sheet import paint_sheet
from fastnst.ui.studio import Studio, sample_thumbnails
from fastnst.ui.upload import receive, uploaded_file
from fastnst.ui.visit import Visit, in_background, keep_file

# A run that is shorter than this shows no progress: it would only flicker.
QUIET_SECONDS = 0.25
# Two at a time: while one paints, the other reads, compresses or is told to stop.
PAINTING: dict[str, Any] = {
    "concurrency_id": "cpu",
    "concurrency_limit": 2,
    "trigger_mode": "always_last",  # of many quick changes, only the last is painted
    "show_progress": "minimal",
    "api_visibility": "private",
}
AT_ONCE: dict[str, Any] = {
    "queue": False,
    "trigger_mode": "multiple",
    "show_progress": "hidden",
    "api_visibility": "private",
}

NO_PHOTO = "Add a photo, or choose a sample."

Result = TypeVar("Result")


@dataclass(frozen=True)
class StylizeTab:
    """The components of the tab, and its handlers.

    A handler that paints is a generator: it yields while a thread works, so that it can say how
    far it is, and ends as soon as the visitor chooses something else.
    """

    studio: Studio
    photo: gr.Image
    samples: gr.HTML
    controls: Controls
    panel: Panel

    def welcome(self, visit: Visit, file_format: str, *choices: Any) -> Iterator[Updates]:
        """The first picture of a visit, and the thumbnails. Waits for the studio to open."""
        styles, chosen = self.studio.checkpoint.styles, Choices(*choices)
        cards = style_cards(styles, chosen.style, self.studio.thumbnails)
        yield {self.controls.style: gr.update(cards=cards)}
        yield from self._take(visit, file_format, chosen, lambda: OPENING_PHOTO.path)

    def take_upload(
        self, visit: Visit, file_format: str, payload: Any, *choices: Any
    ) -> Iterator[Updates]:
        """Paint a photo of the visitor's, or wait for one when they remove it."""
        if payload is None:
            visit.take(None)
            yield self.panel.finish(status.message(NO_PHOTO))
            return
        yield from self._take(visit, file_format, Choices(*choices), lambda: uploaded_file(payload))

    def take_sample(
        self, visit: Visit, file_format: str, name: str, *choices: Any
    ) -> Iterator[Updates]:
        """Paint one of the sample photos."""
        paths = {sample.file: sample.path for sample in SAMPLES}
        yield from self._take(visit, file_format, Choices(*choices), lambda: paths[name])

    def _take(
        self, visit: Visit, file_format: str, chosen: Choices, find: Callable[[], Path]
    ) -> Iterator[Updates]:
        photo = yield from self._run(
            visit, lambda cancelled: receive(find()), lambda: ("Reading the photo", None)
        )
        if photo is None:
            kept = visit.photo is not None and visit.photo.preview.is_file()
            yield {self.photo: str(visit.photo.preview) if visit.photo and kept else None}
            return
        visit.take(photo)
        chosen = replace(chosen, size=possible_size(photo.size, chosen.size))
        yield {
            self.photo: str(photo.preview),
            self.controls.size: size_dropdown(photo.size, chosen.size),
        }
        yield from self.repaint(visit, file_format, *astuple(chosen))

    def repaint(self, visit: Visit, file_format: str, *choices: Any) -> Iterator[Updates]:
        """Paint the photo as chosen, and show it."""
        photo, chosen = visit.photo, Choices(*choices)
        if photo is None:
            yield self.panel.finish(status.message(NO_PHOTO))
            return
        if visit.painted == chosen and visit.shown and visit.shown.is_file():
            # A dropdown says twice that it was changed: it is painted already.
            yield self.panel.keep()
            return
        clock = status.Clock(self.studio.foretell(photo.size))
        run = self._run(
            visit,
            lambda cancelled: paint(
                self.studio, photo.path, chosen, visit.known_before(), cancelled
            ),
            lambda: (f"Painting {dimensions(photo.size)}{clock.left}", clock.share),
        )
        painting = yield from run
        if painting is None:
            return
        if painting.before is not None:
            visit.before = keep_file(painting.before, f"{stem(photo.path)}.png")
            visit.before_size = painting.size
        assert visit.before is not None
        visit.shown = keep_file(painting.after, f"{chosen.file_stem(photo.path)}.png")
        visit.painted = chosen
        styles = [self.studio.stylizer.describe(name) for name in chosen.blend]
        caption = status.finished(painting, self.studio.stylizer.device, styles)
        download = self._download(visit.shown, file_format)
        yield self.panel.show_picture(visit.before, visit.shown, caption, download)

    def repaint_in_all(self, visit: Visit, file_format: str) -> Iterator[Updates]:
        """Paint the photo in every style, and show the contact sheet."""
        photo, count = visit.photo, len(self.studio.checkpoint.styles)
        if photo is None:
            yield self.panel.finish(status.message(NO_PHOTO))
            return
        done = [0]

        def work(cancelled: Callable[[], bool]) -> Image.Image:
            def note(styles: int) -> None:
                done[0] = styles

            return paint_sheet(self.studio, photo.path, cancelled, note)

        run = self._run(visit, work, lambda: (f"{done[0]} of {count} styles", done[0] / count))
        sheet = yield from run
        if sheet is None:
            return
        name = f"{stem(photo.path)}-all-styles.png"
        visit.shown = keep_file(encode_picture(sheet, QUICK_PNG), name)
        caption = status.message(f"{count} styles · {dimensions(sheet.size)}")
        download = self._download(visit.shown, file_format)
        yield self.panel.show_sheet(visit.shown, caption, download)

    def _run(
        self,
        visit: Visit,
        work: Callable[[Callable[[], bool]], Result],
        progress: Callable[[], tuple[str, float | None]],
    ) -> Generator[Updates, None, Result | None]:
        """Work in the background: yields how far it is, returns the result or, if none, none."""
        stop = visit.begin()
        clock = status.Clock(None)
        try:
            for result in in_background(work, stop):
                if result is not None:
                    return result
                if clock.elapsed > QUIET_SECONDS:
                    yield self.panel.show_progress(*progress())
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
        path = self._download(visit.shown, file_format)
        return {self.panel.download: gr.update(value=str(path))}

    def _download(self, shown: Path, file_format: str) -> Path:
        """The file to download; the lossless one if the format cannot hold the picture."""
        try:
            if not shown.is_file():
                raise PictureError("The picture is no longer kept here; choose a style again.")
            data, name = pack(shown, file_format)
        except FastnstError as error:
            tell(error)
            return shown
        return shown if shown.name == name else keep_file(data, name)


def draw_stylize(studio: Studio, page: gr.Blocks) -> StylizeTab:
    """Draw the tab into the current block of a page, and connect it."""
    with gr.Row(elem_id="stylize"):
        with gr.Column(elem_id="choices", min_width=300, scale=1):
            photo, samples = draw_photo()
            controls = draw_controls(studio.checkpoint)
        with gr.Column(elem_id="result", min_width=300, scale=2):
            panel = draw_panel()
    tab = StylizeTab(studio, photo, samples, controls, panel)
    connect(tab, page)
    return tab


def draw_photo() -> tuple[gr.Image, gr.HTML]:
    with gr.Row(elem_id="photo-row"):
        photo = gr.Image(
            label="Photo",
            type="filepath",
            image_mode=None,
            format="png",
            sources=["upload", "webcam", "clipboard"],
            buttons=[],
            height=136,
            placeholder="Drop a photo\nor click to choose",
            alt_text="Your photo",
            elem_id="photo",
        )
        samples = sample_strip(SAMPLES, sample_thumbnails())
    return photo, samples


def connect(tab: StylizeTab, page: gr.Blocks) -> None:
    """Say which handler answers which event.

    Whatever starts a run first ends the one before it, past the queue: it may be in the way.
    """
    visit = gr.State(Visit())
    panel, controls = tab.panel, tab.controls
    common = [visit, panel.file_format]
    everything = [tab.photo, *controls.inputs, *panel.outputs]

    def run(after: Any, fn: Any, inputs: list[Any], **options: Any) -> None:
        after(fn, [*common, *inputs], everything, show_progress_on=panel.caption,
              **PAINTING, **options)  # fmt: skip

    def end_run_at(*events: Any) -> Any:
        return gr.on(list(events), end_run, visit, None, **AT_ONCE).then

    run(page.load, tab.welcome, controls.inputs)
    run(end_run_at(*controls.changes, panel.back.click), tab.repaint, controls.inputs)
    run(end_run_at(tab.samples.input), tab.take_sample, [tab.samples, *controls.inputs])
    # Gradio's preprocessing would fail on a bad file before anybody can say what is wrong with it.
    run(end_run_at(tab.photo.input), tab.take_upload, [tab.photo, *controls.inputs],
        preprocess=False)  # fmt: skip
    run(end_run_at(panel.all_styles.click), tab.repaint_in_all, [])
    controls.second.input(offer_balance, controls.second, controls.balance, **AT_ONCE)
    panel.stop.click(end_run_by_hand, visit, None, **AT_ONCE)
    panel.file_format.input(tab.repack, common, panel.download, **AT_ONCE)


def offer_balance(second: str) -> Any:
    """There is something to balance once there is a second style."""
    return gr.update(interactive=bool(second))


def end_run(visit: Visit) -> None:
    """End what is being painted: something else was chosen."""
    visit.end()


def end_run_by_hand(visit: Visit) -> None:
    """End what is being painted: the visitor pressed Stop."""
    visit.end(by_hand=True)


def tell(error: FastnstError) -> None:
    """Show a visitor what was wrong. Messages are shown as HTML, and quote what they were given."""
    gr.Warning(escape(str(error)))
