"""The controls of the Stylize tab: the styles, and the Adjust fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from fastnst.checkpoint import Checkpoint, Style
from fastnst.stylizer import BRUSHES, STRENGTHS
from fastnst.ui.cards import style_gallery
from fastnst.ui.painting import NO_STYLE, OWN_SIZE, size_choices
from fastnst.ui.pulled import split_style
from fastnst.ui.trained import family

OPENING_STYLE = "starry_night"


@dataclass(frozen=True)
class Controls:
    """The components that say what to paint, in the order of the fields of `Choices`."""

    style: gr.HTML
    strength: gr.Slider
    second: gr.Dropdown
    balance: gr.Slider
    keep_colors: gr.Checkbox
    brush: gr.Slider
    size: gr.Dropdown

    @property
    def inputs(self) -> list[Any]:
        return [
            self.style, self.strength, self.second, self.balance, self.keep_colors, self.brush,
            self.size,
        ]  # fmt: skip

    @property
    def changes(self) -> list[Any]:
        """The events after which the picture is out of date."""
        return [
            self.style.input, self.strength.release, self.second.input, self.balance.release,
            self.keep_colors.input, self.brush.release, self.size.input,
        ]  # fmt: skip


def draw_controls(checkpoint: Checkpoint) -> Controls:
    """Draw the controls into the current block."""
    styles = checkpoint.styles
    names = [style.name for style in styles]
    gallery = style_gallery(styles, OPENING_STYLE if OPENING_STYLE in names else names[0])
    with gr.Accordion("Adjust", open=False, elem_id="adjust", elem_classes="fields"):
        strength = gr.Slider(*STRENGTHS, 1, step=0.05, label="Strength", elem_id="strength")
        brush = gr.Slider(*BRUSHES, 1, step=0.1, label="Brush size", elem_id="brush")
        second = gr.Dropdown(
            second_choices(styles, ""), value=NO_STYLE, label="Second style", elem_id="second"
        )
        balance = gr.Slider(
            0, 1, 0.5, step=0.05, label="Its share", interactive=False, elem_id="balance"
        )
        size = gr.Dropdown(
            [("As the photo", OWN_SIZE)],
            value=OWN_SIZE,
            label="Output size",
            filterable=False,
            elem_id="size",
        )
        keep_colors = gr.Checkbox(label="Keep the photo's colours", elem_id="keep-colors")
    return Controls(gallery, strength, second, balance, keep_colors, brush, size)


def second_choices(styles: Sequence[Style], network: str) -> list[tuple[str, str]]:
    """The styles that can be mixed in: of the same network, or family of networks."""
    mixed = [style for style in styles if family(split_style(style.name)[0]) == family(network)]
    return [("None", NO_STYLE), *((style.title or style.name, style.name) for style in mixed)]


def second_dropdown(styles: Sequence[Style], network: str) -> Any:
    """The update that offers the styles of a network, none of them chosen."""
    return gr.update(choices=second_choices(styles, network), value=NO_STYLE)


def size_dropdown(photo: tuple[int, int], chosen: int) -> Any:
    """The update that offers the output sizes for a photo."""
    return gr.update(choices=size_choices(photo), value=chosen)


def possible_size(photo: tuple[int, int], chosen: int) -> int:
    """The chosen output size, if a photo can have it; else its own."""
    return chosen if chosen in [side for _, side in size_choices(photo)] else OWN_SIZE
