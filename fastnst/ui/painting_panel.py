"""The result panel of the Stylize tab: the slider or the contact sheet, and what can follow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from fastnst.ui.panel import Panel, Updates, draw_download, draw_slider, draw_status


@dataclass(frozen=True)
class PaintingPanel(Panel):
    """A panel that can also show the photo in every style, and hand its picture on."""

    sheet: gr.Image
    all_styles: gr.Button
    back: gr.Button
    enlarge: gr.Button
    refine: gr.Button

    @property
    def outputs(self) -> list[Any]:
        return [*super().outputs, self.sheet, self.all_styles, self.back, self.enlarge, self.refine]

    def show_picture(self, before: Path, after: Path, caption: str, download: Path) -> Updates:
        """A photo and what became of it."""
        return {
            **super().show_picture(before, after, caption, download),
            self.sheet: gr.update(visible=False),
            self.all_styles: gr.update(visible=True),
            self.back: gr.update(visible=False),
            self.enlarge: gr.update(visible=True, interactive=True),
            self.refine: gr.update(visible=True, interactive=True),
        }

    def show_sheet(self, sheet: Path, caption: str, download: Path) -> Updates:
        """A contact sheet, in the place of the slider."""
        return {
            self.slider: gr.update(visible=False),
            self.sheet: gr.update(value=str(sheet), visible=True),
            self.all_styles: gr.update(visible=False),
            self.back: gr.update(visible=True),
            self.enlarge: gr.update(visible=False),
            self.refine: gr.update(visible=False),
            **self.finish(caption, download),
        }


def draw_painting_panel(tab: str) -> PaintingPanel:
    """Draw the panel into the current block."""
    slider = draw_slider(tab)
    sheet = gr.Image(
        label="All styles",
        show_label=False,
        format="png",
        type="filepath",
        interactive=False,
        buttons=["fullscreen"],
        alt_text="The photo in every style",
        visible=False,
        elem_id="sheet",
    )
    caption, stop = draw_status(tab, "Mixing the paint…")
    with gr.Row(elem_classes="actions"):
        download, file_format = draw_download(tab)
        enlarge = gr.Button("×4", interactive=False, elem_id="enlarge")
        refine = gr.Button("Refine", interactive=False, elem_id="refine")
        all_styles = gr.Button("All styles", elem_id="all-styles")
        back = gr.Button("Back to the picture", visible=False, elem_id="back")
    return PaintingPanel(
        slider, caption, stop, download, file_format, sheet, all_styles, back, enlarge, refine
    )
