"""The result panel of a tab: the before/after slider, its caption, its download."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from fastnst.ui import status
from fastnst.ui.files import DOWNLOADS

Updates = dict[Any, Any]


@dataclass(frozen=True)
class Panel:
    """Its components, and the updates that bring it from one state to another."""

    slider: gr.ImageSlider
    caption: gr.HTML
    stop: gr.Button
    download: gr.DownloadButton
    file_format: gr.Dropdown

    @property
    def outputs(self) -> list[Any]:
        """What a handler that returns these updates has as outputs."""
        return [self.slider, self.caption, self.stop, self.download]

    def show_picture(self, before: Path, after: Path, caption: str, download: Path) -> Updates:
        """A photo and what became of it."""
        return {
            self.slider: gr.update(value=(str(before), str(after)), visible=True),
            **self.finish(caption, download),
        }

    def show_progress(self, text: str, share: float | None) -> Updates:
        """That something is being done, and a way to stop it."""
        return {
            self.caption: status.working(text, share),
            self.stop: gr.update(visible=True),
        }

    def show_so_far(self, before: Path | None, preview: Path | None) -> Updates:
        """What a result looks like by now, if there is something new to see."""
        if before is None or preview is None:
            return {}
        return {self.slider: gr.update(value=(str(before), str(preview)), visible=True)}

    def keep(self) -> Updates:
        """That all stays as it is."""
        return {self.caption: gr.skip()}

    def finish(self, caption: str, download: Path | None = None) -> Updates:
        """That nothing is being done any more."""
        updates: Updates = {self.caption: caption, self.stop: gr.update(visible=False)}
        if download is not None:
            updates[self.download] = gr.update(value=str(download), interactive=True)
        return updates


def draw_slider(tab: str) -> gr.ImageSlider:
    """Draw the before/after slider of a tab into the current block.

    It zooms with the wheel, or with two fingers; its "1:1" and a double click show a pixel of the
    picture as a pixel of the screen (`page.js`).
    """
    return gr.ImageSlider(
        label="Before and after",
        show_label=False,
        format="png",
        type="filepath",
        interactive=False,
        buttons=["fullscreen", gr.Button("1:1", elem_classes="zoom")],
        elem_id=f"{tab}-slider",
        elem_classes="compare",
    )


def draw_status(tab: str, text: str) -> tuple[gr.HTML, gr.Button]:
    """Draw the line under the result, with Stop: the caption, which says `text`, and the button."""
    with gr.Row(elem_classes="status-row"):
        caption = gr.HTML(status.message(text), elem_id=f"{tab}-caption", elem_classes="caption")
        stop = gr.Button(
            "Stop",
            variant="stop",
            size="sm",
            visible=False,
            elem_id=f"{tab}-stop",
            elem_classes="stop",
        )
    return caption, stop


def draw_download(tab: str) -> tuple[gr.DownloadButton, gr.Dropdown]:
    """Draw the download and the choice of its format."""
    download = gr.DownloadButton(
        "Download",
        variant="primary",
        interactive=False,
        elem_id=f"{tab}-download",
        elem_classes=["download", "act"],
    )
    file_format = gr.Dropdown(
        list(DOWNLOADS),
        value=next(iter(DOWNLOADS)),
        label="Download format",
        show_label=False,
        container=False,
        filterable=False,
        elem_id=f"{tab}-format",
        elem_classes="format",
    )
    return download, file_format
