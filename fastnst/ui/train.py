"""The Train tab: a painting in, and a style of it out that one can try, keep and share."""

from typing import Any

import gradio as gr

from fastnst.ui.panel import Updates
from fastnst.ui.sharing import Sharing, network_choices
from fastnst.ui.studio import Studio
from fastnst.ui.stylize import StylizeTab
from fastnst.ui.tab import AT_ONCE, SHORT_RUN
from fastnst.ui.train_form import draw_form
from fastnst.ui.train_stage import draw_stage
from fastnst.ui.train_tab import Sitting, TrainTab
from fastnst.ui.trained import name_in_page
from fastnst.ui.visit import Visit

TAB = "train"
# A tick that comes while the last is still being answered is not needed.
ONE_AT_ONCE: dict[str, Any] = {**AT_ONCE, "trigger_mode": "once"}


def draw_train(
    studio: Studio,
    page: gr.Blocks,
    shown: Any,
    trained: gr.BrowserState,
    timer: gr.Timer,
    stylize: StylizeTab,
) -> TrainTab:
    """Draw the tab into the current block, and connect it.

    Args:
        studio: where it is trained.
        page: of the tab.
        shown: the event that the visitor has come to the tab.
        trained: the ids of a visitor's trainings.
        timer: see `TrainTab`; outside of the tabs, since it ticks whichever is chosen.
        stylize: the tab where they can be tried.
    """
    with gr.Row(elem_classes="workbench"):
        with gr.Column(elem_id="train-form", elem_classes="choices", min_width=300, scale=1):
            form = draw_form(TAB)
        with gr.Column(elem_classes="result", min_width=300, scale=2):
            stage = draw_stage()
    tab = TrainTab(studio, gr.State(Sitting()), trained, timer, form, stage, stylize)
    connect(tab, page, shown)
    return tab


def connect(tab: TrainTab, page: gr.Blocks, shown: Any) -> None:
    """Say which handler answers which event."""
    form, stage, sitting, trained = tab.form, tab.stage, tab.sitting, tab.trained
    styled = [tab.stylize.visit, tab.stylize.controls.style]

    def on(event: Any, handler: Any, inputs: list[Any], run: dict[str, Any], **more: Any) -> Any:
        shown_on = {"show_progress_on": stage.caption}
        return event(handler, [sitting, *inputs], tab.outputs, **shown_on, **run, **more)

    # See `uploaded_file`.
    on(
        form.painting.input,
        tab.take_painting,
        [trained, form.painting],
        SHORT_RUN,
        preprocess=False,
    )
    on(form.photo.input, tab.take_photo, [form.photo], SHORT_RUN, preprocess=False)
    on(form.samples.input, tab.take_sample, [form.samples], SHORT_RUN)
    on(form.start.click, tab.start, [trained, stage.painting, *form.inputs], SHORT_RUN)
    on(stage.keep.click, tab.keep, [], AT_ONCE)
    on(stage.discard.click, tab.discard, [trained, *styled], AT_ONCE)
    on(tab.timer.tick, tab.look, [trained, *styled], ONE_AT_ONCE)
    on(shown, tab.come, [trained], SHORT_RUN)
    page.load(tab.wake, trained, tab.timer, **AT_ONCE)
    gr.on([shown, form.depth.input], tab.plan, [trained, form.depth], form.plan, **AT_ONCE)
    form.depth.input(tab.fields, form.depth, [form.minutes, form.photos], **AT_ONCE)


def hand_on(train: TrainTab, sharing: Sharing, tabs: gr.Tabs) -> None:
    """Connect *Paint with it* and *Share*: they take the style to the tabs where that is done."""
    stylize = train.stylize
    styles = stylize.controls

    def try_it(sitting: Sitting, trained: list[str], visit: Visit) -> Updates:
        job = sitting.shown
        if job is None or job.made is None:
            return {tabs: gr.skip()}
        visit.trained = trained
        chosen = name_in_page(job)
        updates = stylize.show_styles(visit, chosen)
        updates[styles.style]["value"] = chosen
        return {tabs: gr.Tabs(selected="stylize"), **updates}

    def share(sitting: Sitting, trained: list[str]) -> Updates:
        job = sitting.shown
        if job is None or job.made is None:
            return {tabs: gr.skip()}
        choices = network_choices(train.studio, trained)
        return {
            tabs: gr.Tabs(selected="hub"),
            sharing.network: gr.update(choices=choices, value=job.id),
            sharing.name: job.order.name.replace("_", "-"),
        }

    tried = train.stage.try_it.click(
        try_it,
        [train.sitting, train.trained, stylize.visit],
        [tabs, styles.style, styles.second],
        **AT_ONCE,
    )
    stylize.on(tried.success, stylize.repaint, styles.inputs, SHORT_RUN)
    train.stage.share.click(
        share, [train.sitting, train.trained], [tabs, sharing.network, sharing.name], **AT_ONCE
    )
