"""The Upscale tab: a picture in, a picture four or eight times the size out."""

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr

from fastnst.errors import FastnstError, PictureError
from fastnst.ui import status
from fastnst.ui.enlarging import (
    Enlargement,
    Wish,
    enlarge,
    foretell,
    longest_side,
)
from fastnst.ui.files import keep_file, stem
from fastnst.ui.panel import Panel, Updates, draw_download, draw_slider, draw_status
from fastnst.ui.samples import SAMPLE_PATHS, UPSCALED_SAMPLE
from fastnst.ui.status import dimensions
from fastnst.ui.studio import Studio
from fastnst.ui.stylize import StylizeTab
from fastnst.ui.tab import AT_ONCE, LAST_AT_ONCE, LONG_RUN, NO_PHOTO, SHORT_RUN, Tab
from fastnst.ui.upload import draw_photo, receive, uploaded_file
from fastnst.ui.visit import Visit, VisitorPhoto
from fastnst.upscaler import SMALLEST_SIDE

TAB = "upscale"
OPENING_SCALE = 4


@dataclass(frozen=True)
class UpscaleControls:
    """The components that say how to enlarge, in the order of the fields of `Wish`.

    Attributes:
        network: shown once there are others than those that ship.
        plan: what the result will be, and about how long it takes.
        go: starts it.
    """

    scale: gr.Radio
    detail: gr.Slider
    size: gr.Number
    network: gr.Dropdown
    plan: gr.HTML
    go: gr.Button

    @property
    def inputs(self) -> list[Any]:
        return [self.scale, self.detail, self.size, self.network]


@dataclass(frozen=True)
class UpscaleTab(Tab):
    """The components of the tab, and its handlers."""

    controls: UpscaleControls
    smallest_photo: ClassVar[int] = SMALLEST_SIDE

    @property
    def outputs(self) -> list[Any]:
        controls = self.controls
        return [*super().outputs, controls.scale, controls.size, controls.plan]

    def welcome(self, visit: Visit, file_format: str, *choices: Any) -> Iterator[Updates]:
        """The first picture of a visit: a sample, so that one sees what the tool does."""
        if visit.photo is not None:
            yield self.panel.keep()
            return
        photo = yield from self.receive(visit, lambda: UPSCALED_SAMPLE.path)
        if photo is None:
            return
        wish = Wish(*choices)
        yield self.show_photo(photo, wish.scale)
        whole = replace(wish, size=None)
        yield from self.show_enlargement(visit, file_format, *astuple(whole))

    def take_upload(
        self, visit: Visit, file_format: str, payload: Any, *choices: Any
    ) -> Iterator[Updates]:
        """Take in a picture of the visitor's, or wait for one when they remove it."""
        if payload is None:
            visit.take(None)
            yield {**self.panel.finish(status.message(NO_PHOTO)), self.controls.plan: ""}
            return
        yield from self._take(visit, Wish(*choices), lambda: uploaded_file(payload))

    def take_sample(
        self, visit: Visit, file_format: str, name: str, *choices: Any
    ) -> Iterator[Updates]:
        """Take in one of the sample photos."""
        yield from self._take(visit, Wish(*choices), lambda: SAMPLE_PATHS[name])

    def _take(self, visit: Visit, wish: Wish, find: Callable[[], Path]) -> Iterator[Updates]:
        photo = yield from self.receive(visit, find)
        if photo is not None:
            visit.shown = None
            yield {**self.show_photo(photo, wish.scale), **self.await_start(photo)}

    def take_result(self, visit: Visit, painted: Path | None) -> Updates:
        """Take in what another tab shows.

        Raises:
            gr.Error: it is no longer there, or cannot be worked on.
        """
        try:
            if painted is None:
                raise PictureError("There is no picture yet; choose a style.")
            photo = receive(painted, self.smallest_photo)
        except FastnstError as error:
            raise gr.Error(str(error), print_exception=False) from error
        visit.take(photo)
        visit.shown = None
        return {**self.show_photo(photo, OPENING_SCALE), **self.await_start(photo)}

    def show_photo(self, photo: VisitorPhoto, scale: int) -> Updates:
        """A photo, and what would become of it."""
        side = longest_side(photo.size, scale)
        return {
            self.photo: str(photo.preview),
            self.controls.scale: scale,
            self.controls.size: side,
            self.controls.plan: self.plan(photo, Wish(scale, size=side)),
        }

    def await_start(self, photo: VisitorPhoto) -> Updates:
        """The photo in the place of the result, which is still to be made."""
        return {
            self.panel.slider: (str(photo.preview), str(photo.preview)),
            self.panel.download: gr.update(value=None, interactive=False),
            **self.panel.finish(status.message("Ready: press Upscale.")),
        }

    def plan(self, photo: VisitorPhoto, wish: Wish) -> str:
        """What will become of a photo, or why it cannot."""
        try:
            return status.message(foretell(self.studio, photo.size, wish))
        except FastnstError as error:
            return status.message(str(error))

    def change_scale(self, visit: Visit, *choices: Any) -> Updates:
        """Offer the whole enlargement by another factor."""
        if visit.photo is None:
            return {self.controls.plan: ""}
        wish = Wish(*choices)
        updates = self.show_photo(visit.photo, wish.scale)
        return {part: updates[part] for part in (self.controls.size, self.controls.plan)}

    def replan(self, visit: Visit, *choices: Any) -> str:
        """Say what would become of the photo as chosen now."""
        return "" if visit.photo is None else self.plan(visit.photo, Wish(*choices))

    def show_enlargement(self, visit: Visit, file_format: str, *choices: Any) -> Iterator[Updates]:
        """Enlarge the photo as chosen, and show it."""
        photo, wish = visit.photo, Wish(*choices)
        if photo is None:
            yield self.panel.finish(status.message(NO_PHOTO))
            return
        state: list[tuple[str, float | None]] = [("Waiting", None)]

        def work(cancelled: Callable[[], bool]) -> Enlargement:
            def note(text: str, share: float | None) -> None:
                state[0] = (text, share)

            return enlarge(self.studio, photo.path, wish, visit.known_before(), note, cancelled)

        result = yield from self.run(visit, work, lambda: state[0])
        if result is None:
            return
        name = wish.file_stem(photo.path)
        if result.before is not None:
            visit.before = keep_file(result.before, f"{stem(photo.path)}.png")
            visit.before_size = result.shown_size
        assert visit.before is not None
        visit.shown = keep_file(result.after, f"{name}.png")
        seen = visit.shown if result.shown is None else keep_file(result.shown, f"{name}-small.png")
        small = f"Shown at {dimensions(result.shown_size)}; the download has it all."
        caption = status.finished(
            result.size,
            result.seconds,
            self.studio.upscaler(wish.scale, wish.network).device,
            note="" if result.shown is None else small,
        )
        download = self.download(visit.shown, file_format)
        yield self.panel.show_picture(visit.before, seen, caption, download)


def draw_upscale(studio: Studio, shown: Any) -> UpscaleTab:
    """Draw the tab into the current block, and connect it.

    Args:
        studio: enlarges.
        shown: the event that the visitor has come to the tab.
    """
    with gr.Row(elem_classes="workbench"):
        with gr.Column(elem_classes="choices", min_width=300, scale=1):
            photo, samples = draw_photo(TAB)
            controls = draw_controls(studio)
        with gr.Column(elem_classes="result", min_width=300, scale=2):
            slider = draw_slider(TAB)
            caption, stop = draw_status(TAB, "Add a photo, or choose a sample.")
            with gr.Row(elem_classes="actions"):
                download, file_format = draw_download(TAB)
    panel = Panel(slider, caption, stop, download, file_format)
    tab = UpscaleTab(studio, gr.State(Visit()), photo, samples, panel, controls)
    connect(tab, shown)
    return tab


def draw_controls(studio: Studio) -> UpscaleControls:
    with gr.Column(elem_classes="fields"):
        scale = gr.Radio(
            [(f"×{scale}", scale) for scale in studio.upscaling_paces],
            value=OPENING_SCALE,
            label="Enlarge",
            elem_id="scale",
        )
        size = gr.Number(label="Long side, pixels", precision=0, elem_id="upscale-size")
        detail = gr.Slider(0, 1, 0.5, step=0.05, label="Faithful ↔ detailed", elem_id="detail")
        network = gr.Dropdown(
            network_choices(studio),
            value="",
            label="Network",
            visible=False,
            filterable=False,
            elem_id="upscale-network",
        )
    plan = gr.HTML("", elem_id="plan")
    go = gr.Button("Upscale", variant="primary", elem_id="go", elem_classes="act")
    return UpscaleControls(scale, detail, size, network, plan, go)


def network_choices(studio: Studio) -> list[tuple[str, str]]:
    """The networks that upscale: title and repository, which is nothing for those that ship."""
    added = studio.pulled.of("super-resolution")
    return [("As shipped", ""), *((f"{each.title} · {each.repo}", each.repo) for each in added)]


def network_dropdown(studio: Studio) -> Any:
    """The update that offers the networks, if there is a choice."""
    choices = network_choices(studio)
    return gr.update(choices=choices, visible=len(choices) > 1)


def connect(tab: UpscaleTab, shown: Any) -> None:
    """Say which handler answers which event. Whatever starts a run first ends the one before it."""
    controls = tab.controls
    choices = controls.inputs
    tab.on(tab.end_run_at(tab.samples.input), tab.take_sample, [tab.samples, *choices], SHORT_RUN)
    tab.on(
        tab.end_run_at(tab.photo.input),
        tab.take_upload,
        [tab.photo, *choices],
        SHORT_RUN,
        preprocess=False,  # see `uploaded_file`
    )
    planned = [tab.visit, *choices]
    shown(lambda: network_dropdown(tab.studio), None, controls.network, **AT_ONCE)
    controls.scale.input(tab.change_scale, planned, [controls.size, controls.plan], **AT_ONCE)
    controls.size.input(tab.replan, planned, controls.plan, **LAST_AT_ONCE)
    for ran in (
        tab.on(shown, tab.welcome, choices, SHORT_RUN),
        tab.on(tab.end_run_at(controls.go.click), tab.show_enlargement, choices, LONG_RUN),
    ):
        ran.then(tab.replan, planned, controls.plan, **AT_ONCE)  # the pace is known better now
    tab.connect_panel()


def enlarge_result(stylize: StylizeTab, upscale: UpscaleTab, tabs: gr.Tabs) -> None:
    """Connect ×4 of the Stylize tab: it takes what is shown there to the Upscale tab."""

    def hand_over(visit: Visit, painted: Visit) -> Updates:
        return {tabs: gr.Tabs(selected=TAB), **upscale.take_result(visit, painted.shown)}

    handed = stylize.panel.enlarge.click(
        hand_over, [upscale.visit, stylize.visit], [tabs, *upscale.outputs], **AT_ONCE
    )
    upscale.on(handed.success, upscale.show_enlargement, upscale.controls.inputs, LONG_RUN)
