"""The Stylize tab: a photo, the styles, and the photo in the chosen one."""

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from fastnst.images import encode_picture
from fastnst.ui import status
from fastnst.ui.cards import style_cards
from fastnst.ui.controls import (
    Controls,
    draw_controls,
    possible_size,
    second_choices,
    second_dropdown,
    size_dropdown,
)
from fastnst.ui.files import QUICK_PNG, keep_file, stem
from fastnst.ui.live import Live
from fastnst.ui.painting import NO_STYLE, Choices, paint
from fastnst.ui.painting_panel import PaintingPanel, draw_painting_panel
from fastnst.ui.panel import Updates
from fastnst.ui.pulled import split_style
from fastnst.ui.refining import refine_painting
from fastnst.ui.samples import OPENING_PHOTO, SAMPLE_PATHS
from fastnst.ui.sheet import paint_sheet
from fastnst.ui.status import dimensions
from fastnst.ui.studio import Studio
from fastnst.ui.tab import AT_ONCE, LAB_RUN, NO_PHOTO, SHORT_RUN, Tab
from fastnst.ui.trained import family
from fastnst.ui.upload import draw_photo, uploaded_file
from fastnst.ui.visit import Visit

TAB = "stylize"


@dataclass(frozen=True)
class StylizeTab(Tab):
    """The components of the tab, and its handlers."""

    panel: PaintingPanel
    controls: Controls

    @property
    def outputs(self) -> list[Any]:
        return [*super().outputs, *self.controls.inputs]

    def welcome(
        self, visit: Visit, file_format: str, trained: list[str], *choices: Any
    ) -> Iterator[Updates]:
        """The first picture of a visit, and the thumbnails. Waits for the studio to open."""
        chosen = Choices(*choices)
        visit.trained = trained
        yield self.show_styles(visit, chosen.style)
        yield from self._take(visit, file_format, chosen, lambda: OPENING_PHOTO.path)

    def show_styles(self, visit: Visit, chosen: str) -> Updates:
        """The styles that this visitor has, one of them chosen."""
        styles = self.studio.styles_for(visit.trained)
        cards = style_cards(styles, chosen, self.studio.thumbnails_for(visit.trained))
        mixed = second_choices(styles, split_style(chosen)[0])
        return {
            self.controls.style: gr.update(cards=cards),
            self.controls.second: gr.update(choices=mixed),
        }

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
        yield from self._take(visit, file_format, Choices(*choices), lambda: SAMPLE_PATHS[name])

    def _take(
        self, visit: Visit, file_format: str, chosen: Choices, find: Callable[[], Path]
    ) -> Iterator[Updates]:
        photo = yield from self.receive(visit, find)
        if photo is None:
            return
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
        if visit.made == chosen and visit.shown and visit.shown.is_file():
            # A dropdown says twice that it was changed: it is painted already.
            yield self.panel.keep()
            return
        if visit.network != family(chosen.network):
            visit.network = family(chosen.network)
            chosen = replace(chosen, second=NO_STYLE)
            styles = self.studio.styles_for(visit.trained)
            yield {
                self.controls.second: second_dropdown(styles, visit.network),
                self.controls.balance: offer_balance(chosen.second),
            }
        clock = status.Clock(self.studio.pace.foretell(photo.size))
        run = self.run(
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
        visit.made = chosen
        stylizer = self.studio.style_network(*chosen.networks)
        styles = [stylizer.describe(name) for name in chosen.blend]
        caption = status.finished(painting.size, painting.seconds, stylizer.device, styles)
        download = self.download(visit.shown, file_format)
        yield self.panel.show_picture(visit.before, visit.shown, caption, download)

    def refine(self, visit: Visit, file_format: str, *choices: Any) -> Iterator[Updates]:
        """Go on from the painting for a few seconds; Stop keeps what there is."""
        photo, chosen = visit.photo, Choices(*choices)
        if photo is None:
            yield self.panel.finish(status.message(NO_PHOTO))
            return
        live = Live("Loading VGG-16")
        run = self.run(
            visit,
            lambda cancelled: refine_painting(self.studio, photo.path, chosen, live, cancelled),
            lambda: (live.text, live.share),
            lambda: self.panel.show_so_far(visit.before, live.new_preview()),
        )
        done = yield from run
        if not (done or visit.kept) or live.made is None or visit.before is None:
            return
        made = encode_picture(live.made, QUICK_PNG)
        visit.shown = keep_file(made, f"{chosen.file_stem(photo.path)}-refined.png")
        caption = status.message(f"{dimensions(live.made.size)} · {live.told}")
        download = self.download(visit.shown, file_format)
        yield self.panel.show_picture(visit.before, visit.shown, caption, download)

    def repaint_in_all(self, visit: Visit, file_format: str) -> Iterator[Updates]:
        """Paint the photo in every style, and show the contact sheet."""
        photo, styles = visit.photo, self.studio.styles_for(visit.trained)
        count = len(styles)
        if photo is None:
            yield self.panel.finish(status.message(NO_PHOTO))
            return
        done = [0]

        def work(cancelled: Callable[[], bool]) -> Image.Image:
            def note(styles: int) -> None:
                done[0] = styles

            return paint_sheet(self.studio, photo.path, cancelled, note, styles)

        run = self.run(visit, work, lambda: (f"{done[0]} of {count} styles", done[0] / count))
        sheet = yield from run
        if sheet is None:
            return
        name = f"{stem(photo.path)}-all-styles.png"
        visit.shown = keep_file(encode_picture(sheet, QUICK_PNG), name)
        caption = status.message(f"{count} styles · {dimensions(sheet.size)}")
        download = self.download(visit.shown, file_format)
        yield self.panel.show_sheet(visit.shown, caption, download)


def draw_stylize(studio: Studio, page: gr.Blocks, trained: gr.BrowserState) -> StylizeTab:
    """Draw the tab into the current block of a page, and connect it.

    Args:
        studio: paints.
        page: of the tab.
        trained: the ids of a visitor's trainings.
    """
    with gr.Row(elem_classes="workbench"):
        with gr.Column(elem_id="choices", elem_classes="choices", min_width=300, scale=1):
            photo, samples = draw_photo(TAB)
            controls = draw_controls(studio.checkpoint)
        with gr.Column(elem_classes="result", min_width=300, scale=2):
            panel = draw_painting_panel(TAB)
    tab = StylizeTab(studio, gr.State(Visit()), photo, samples, panel, controls)
    connect(tab, page, trained)
    return tab


def connect(tab: StylizeTab, page: gr.Blocks, trained: gr.BrowserState) -> None:
    """Say which handler answers which event. Whatever starts a run first ends the one before it."""
    panel, controls = tab.panel, tab.controls
    choices = controls.inputs

    tab.on(page.load, tab.welcome, [trained, *choices], SHORT_RUN)
    tab.on(tab.end_run_at(*controls.changes, panel.back.click), tab.repaint, choices, SHORT_RUN)
    tab.on(tab.end_run_at(tab.samples.input), tab.take_sample, [tab.samples, *choices], SHORT_RUN)
    # Gradio's preprocessing would fail on a bad file before anybody can say what is wrong with it.
    tab.on(
        tab.end_run_at(tab.photo.input),
        tab.take_upload,
        [tab.photo, *choices],
        SHORT_RUN,
        preprocess=False,
    )
    tab.on(tab.end_run_at(panel.refine.click), tab.refine, choices, LAB_RUN)
    tab.on(tab.end_run_at(panel.all_styles.click), tab.repaint_in_all, [], SHORT_RUN)
    tab.connect_panel()
    controls.second.input(offer_balance, controls.second, controls.balance, **AT_ONCE)


def offer_balance(second: str) -> Any:
    """There is something to balance once there is a second style."""
    return gr.update(interactive=bool(second))
