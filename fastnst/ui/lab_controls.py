"""The controls of the Lab tab: the experiment, and what it is done with."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from fastnst.loss_layers import LAYERS
from fastnst.ui import status
from fastnst.ui.experiments import (
    EXPERIMENTS,
    MOST_STEPS,
    OWN_PAINTING,
    SIDES,
    STARTS,
    STYLE_LAYERS,
)
from fastnst.ui.studio import Studio

OPENING = next(iter(EXPERIMENTS))


@dataclass(frozen=True)
class LabControls:
    """The components that say what to do, in the order of the fields of `Wish`.

    Attributes:
        about: what the experiment does.
        painting: of the visitor's own.
        go: starts it.
    """

    experiment: gr.Radio
    style: gr.Dropdown
    start: gr.Dropdown
    layer: gr.Dropdown
    layers: gr.CheckboxGroup
    steps: gr.Slider
    side: gr.Dropdown
    about: gr.HTML
    painting: gr.Image
    go: gr.Button

    @property
    def inputs(self) -> list[Any]:
        return [
            self.experiment, self.style, self.start, self.layer, self.layers, self.steps, self.side,
        ]  # fmt: skip


def draw_controls(studio: Studio) -> LabControls:
    """Draw the controls into the current block."""
    styles = [(style.title or style.name, style.name) for style in studio.checkpoint.styles]
    experiment = gr.Radio(
        [(each.label, name) for name, each in EXPERIMENTS.items()],
        value=OPENING,
        label="Experiment",
        elem_id="lab-experiment",
    )
    about = gr.HTML(status.message(EXPERIMENTS[OPENING].about), elem_id="lab-about")
    with gr.Column(elem_classes="fields"):
        style = gr.Dropdown(
            [*styles, ("My painting", OWN_PAINTING)],
            value=styles[0][1],
            label="Style",
            elem_id="lab-style",
        )
        painting = gr.Image(
            label="My painting",
            type="filepath",
            image_mode=None,
            format="png",
            sources=["upload", "clipboard"],
            buttons=[],
            height=110,
            placeholder="Drop a painting",
            alt_text="Your painting",
            elem_id="lab-painting",
        )
        start = gr.Dropdown(
            list(STARTS.items()), value="photo", label="Start from", filterable=False,
            elem_id="lab-start",
        )  # fmt: skip
        layer = gr.Dropdown(
            list(LAYERS), value="relu4_3", label="Layer", visible=False, elem_id="lab-layer"
        )
        layers = gr.CheckboxGroup(
            STYLE_LAYERS, value=STYLE_LAYERS, label="Layers", visible=False, elem_id="lab-layers"
        )
        steps = gr.Slider(1, MOST_STEPS, 100, step=1, label="Iterations", elem_id="lab-steps")
        side = gr.Dropdown(
            [(f"{side} pixels", side) for side in SIDES],
            value=SIDES[0],
            label="Long side",
            filterable=False,
            elem_id="lab-side",
        )
    go = gr.Button("Start", variant="primary", elem_id="lab-go", elem_classes="act")
    return LabControls(experiment, style, start, layer, layers, steps, side, about, painting, go)


def offer(experiment: str) -> list[Any]:
    """The controls that an experiment uses, and what it is."""
    chosen = EXPERIMENTS[experiment]
    names = ("style", "start", "layer", "layers", "steps", "style")
    return [
        *(gr.update(visible=name in chosen.uses) for name in names),
        status.message(chosen.about),
    ]
