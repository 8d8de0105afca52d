"""The result panel: the before/after slider or the contact sheet, its caption, its actions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from fastnst.ui import status
from fastnst.ui.painting import DOWNLOADS

Updates = dict[Any, Any]


@dataclass(frozen=True)
class Panel:
    """Its components, and the updates that bring it from one state to another."""

    slider: gr.ImageSlider
    sheet: gr.Image
    caption: gr.HTML
    stop: gr.Button
    download: gr.DownloadButton
    file_format: gr.Dropdown
    all_styles: gr.Button
    back: gr.Button

    @property
    def outputs(self) -> list[Any]:
        """What a handler that returns these updates has as outputs."""
        return [
            self.slider, self.sheet, self.caption, self.stop, self.download, self.all_styles,
            self.back,
        ]  # fmt: skip

    def show_picture(self, before: Path, after: Path, caption: str, download: Path) -> Updates:
        """A photo and what became of it."""
        return {
            self.slider: gr.update(value=(str(before), str(after)), visible=True),
            self.sheet: gr.update(visible=False),
            self.all_styles: gr.update(visible=True),
            self.back: gr.update(visible=False),
            **self.finish(caption, download),
        }

    def show_sheet(self, sheet: Path, caption: str, download: Path) -> Updates:
        """A contact sheet, in the place of the slider."""
        return {
            self.slider: gr.update(visible=False),
            self.sheet: gr.update(value=str(sheet), visible=True),
            self.all_styles: gr.update(visible=False),
            self.back: gr.update(visible=True),
            **self.finish(caption, download),
        }

    def show_progress(self, text: str, share: float | None) -> Updates:
        """That something is being done, and a way to stop it."""
        return {
            self.caption: status.working(text, share),
            self.stop: gr.update(visible=True),
        }

    def keep(self) -> Updates:
        """That all stays as it is."""
        return {self.caption: gr.skip()}

    def finish(self, caption: str, download: Path | None = None) -> Updates:
        """That nothing is being done any more."""
        updates: Updates = {self.caption: caption, self.stop: gr.update(visible=False)}
        if download is not None:
            updates[self.download] = gr.update(value=str(download), interactive=True)
        return updates


def draw_panel() -> Panel:
    """Draw the panel into the current block."""
    slider = gr.ImageSlider(
        label="Photo and result",
        show_label=False,
        format="png",
        type="filepath",
        interactive=False,
        buttons=["fullscreen"],
        elem_id="slider",
    )
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
    with gr.Row(elem_id="status"):
        caption = gr.HTML(status.message("Mixing the paint…"), elem_id="caption")
        stop = gr.Button("Stop", variant="stop", size="sm", visible=False, elem_id="stop")
    with gr.Row(elem_id="actions"):
        download = gr.DownloadButton(
            "Download", variant="primary", interactive=False, elem_id="download"
        )
        file_format = gr.Dropdown(
            list(DOWNLOADS),
            value=next(iter(DOWNLOADS)),
            label="Download format",
            show_label=False,
            container=False,
            filterable=False,
            elem_id="format",
        )
        all_styles = gr.Button("All styles", elem_id="all-styles")
        back = gr.Button("Back to the picture", visible=False, elem_id="back")
    return Panel(slider, sheet, caption, stop, download, file_format, all_styles, back)
