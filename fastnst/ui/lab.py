"""The Lab tab: the slow methods that the networks replace, to watch and to compare."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from fastnst.images import encode_picture
from fastnst.ui import status
from fastnst.ui.experiments import OWN_PAINTING, Wish
from fastnst.ui.files import QUICK_PNG, keep_file, stem
from fastnst.ui.lab_controls import LabControls, draw_controls, offer
from fastnst.ui.lab_plot import draw_plot
from fastnst.ui.live import Live, stand_back
from fastnst.ui.panel import Panel, Updates, draw_download, draw_slider, draw_status
from fastnst.ui.samples import OPENING_PHOTO, SAMPLE_PATHS
from fastnst.ui.status import dimensions
from fastnst.ui.studio import Studio
from fastnst.ui.tab import AT_ONCE, LAB_RUN, NO_PHOTO, SHORT_RUN, Tab
from fastnst.ui.upload import draw_photo, receive, uploaded_file
from fastnst.ui.visit import Visit

TAB = "lab"


@dataclass
class LabVisit(Visit):
    """A visit that may bring a painting too."""

    painting: Path | None = None


@dataclass(frozen=True)
class LabTab(Tab):
    """The components of the tab, and its handlers.

    Attributes:
        plot: the objective against time.
    """

    controls: LabControls
    plot: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        controls = self.controls
        return [*super().outputs, controls.painting, controls.style, self.plot]

    def welcome(self, visit: LabVisit, file_format: str) -> Iterator[Updates]:
        """A sample photo, to begin with."""
        if visit.photo is not None:
            yield self.panel.keep()
            return
        yield from self._take(visit, lambda: OPENING_PHOTO.path)

    def take_upload(self, visit: LabVisit, file_format: str, payload: Any) -> Iterator[Updates]:
        """Take in a photo of the visitor's, or wait for one when they remove it."""
        if payload is None:
            visit.take(None)
            yield self.panel.finish(status.message(NO_PHOTO))
            return
        yield from self._take(visit, lambda: uploaded_file(payload))

    def take_sample(self, visit: LabVisit, file_format: str, name: str) -> Iterator[Updates]:
        """Take in one of the sample photos."""
        yield from self._take(visit, lambda: SAMPLE_PATHS[name])

    def _take(self, visit: LabVisit, find: Callable[[], Path]) -> Iterator[Updates]:
        photo = yield from self.receive(visit, find)
        if photo is not None:
            visit.shown = None
            preview = str(photo.preview)
            ready = status.message(f"{dimensions(photo.size)} · press Start.")
            yield {
                self.photo: preview,
                self.panel.slider: (preview, preview),
                self.panel.download: gr.update(value=None, interactive=False),
                self.plot: "",
                **self.panel.finish(ready),
            }

    def take_painting(self, visit: LabVisit, file_format: str, payload: Any) -> Iterator[Updates]:
        """Take in a painting of the visitor's; its style is the chosen one then."""
        visit.painting = None
        if payload is None:
            yield self.panel.keep()
            return
        painting = yield from self.run(
            visit,
            lambda cancelled: receive(uploaded_file(payload)),
            lambda: ("Reading the painting", None),
        )
        if painting is None:
            yield {self.controls.painting: None}
            return
        visit.painting = painting.path
        yield {
            self.controls.painting: str(painting.preview),
            self.controls.style: OWN_PAINTING,
            **self.panel.finish(status.message(f"{dimensions(painting.size)} · press Start.")),
        }

    def experiment(self, visit: LabVisit, file_format: str, *choices: Any) -> Iterator[Updates]:
        """Do what was chosen, and show it as it goes; Stop keeps what there is."""
        wish = Wish(*choices)
        photo = visit.photo.path if visit.photo else None
        live, trials = Live("Loading VGG-16"), list[tuple[Any, Path]]()

        def work(cancelled: Callable[[], bool]) -> bool:
            stand_back()
            from fastnst.ui.trials import TRIALS, Material  # they bring torch

            trial = TRIALS[wish.experiment](wish, Material(photo, visit.painting, self.studio))
            before = keep_file(encode_picture(trial.before, QUICK_PNG), "before.png")
            trials.append((trial, before))
            live.finish = trial.finish
            return live.drive(trial.steps, cancelled)

        def plot() -> str:
            return draw_plot(live.curve, trials[0][0].one_pass if trials else None)

        def so_far() -> Updates:
            preview = live.new_preview()
            if preview is None:
                return {}
            return {
                **self.panel.show_so_far(trials[0][1], preview),
                self.plot: plot(),
            }

        run = self.run(visit, work, lambda: (live.text, live.share), so_far)
        done = yield from run
        if not (done or visit.kept) or live.made is None:
            return
        name = f"{stem(photo) if photo else 'style'}-{wish.experiment}.png"
        visit.shown = keep_file(encode_picture(live.made, QUICK_PNG), name)
        caption = status.message(f"{dimensions(live.made.size)} · {live.told}")
        download = self.download(visit.shown, file_format)
        yield {
            **self.panel.show_picture(trials[0][1], visit.shown, caption, download),
            self.plot: plot(),
        }


def draw_lab(studio: Studio, shown: Any) -> LabTab:
    """Draw the tab into the current block, and connect it.

    Args:
        studio: has the networks for comparison.
        shown: the event that the visitor has come to the tab.
    """
    with gr.Row(elem_classes="workbench"):
        with gr.Column(elem_classes="choices", min_width=300, scale=1):
            photo, samples = draw_photo(TAB)
            controls = draw_controls(studio)
        with gr.Column(elem_classes="result", min_width=300, scale=2):
            slider = draw_slider(TAB)
            caption, stop = draw_status(TAB, NO_PHOTO)
            plot = gr.HTML("", elem_id="lab-plot")
            with gr.Row(elem_classes="actions"):
                download, file_format = draw_download(TAB)
    panel = Panel(slider, caption, stop, download, file_format)
    tab = LabTab(studio, gr.State(LabVisit()), photo, samples, panel, controls, plot)
    connect(tab, shown)
    return tab


def connect(tab: LabTab, shown: Any) -> None:
    """Say which handler answers which event. Whatever starts a run first ends the one before it."""
    controls = tab.controls
    tab.on(shown, tab.welcome, [], SHORT_RUN)
    tab.on(tab.end_run_at(tab.samples.input), tab.take_sample, [tab.samples], SHORT_RUN)
    uploads = ((tab.photo, tab.take_upload), (controls.painting, tab.take_painting))
    for component, handler in uploads:
        tab.on(
            tab.end_run_at(component.input),
            handler,
            [component],
            SHORT_RUN,
            preprocess=False,  # see `uploaded_file`
        )
    tab.on(tab.end_run_at(controls.go.click), tab.experiment, controls.inputs, LAB_RUN)
    controls.experiment.input(
        offer,
        controls.experiment,
        [
            controls.style,
            controls.start,
            controls.layer,
            controls.layers,
            controls.steps,
            controls.painting,
            controls.about,
        ],
        **AT_ONCE,
    )
    tab.connect_panel()
