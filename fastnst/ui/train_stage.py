"""What the Train tab shows: the painting with the frame in it, the preview, the curve, how far."""

import base64
import re
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from PIL import Image

from fastnst.errors import PictureError
from fastnst.ui import status
from fastnst.ui.embedding import embedded
from fastnst.ui.files import KEEP_SECONDS, SWEEP_SECONDS
from fastnst.ui.panel import Updates
from fastnst.ui.train_curve import draw_curve
from fastnst.ui.training_job import Job

KEPT_MINUTES = (SWEEP_SECONDS + KEEP_SECONDS) // 60
# The frame as CSS has it: how far from the top, right, bottom and left.
WHOLE = "0% 0% 0% 0%"
_share = r"(\d+(?:\.\d+)?)%"
FRAME = re.compile(rf"{_share} {_share} {_share} {_share}", re.ASCII)
HANDLES = ("top left", "top right", "bottom left", "bottom right")
# Dragging the frame moves it, dragging a corner changes its size; so do the arrow keys, and the
# arrow keys with Shift. The value is set when the pointer lets go.
DRAG = """
const SMALLEST = 4;  // per cent
const STEP = 2;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const clamp = (number, low, high) => Math.min(Math.max(number, low), high);
let held = null;
const read = () => props.value.split(' ').map(parseFloat);
const write = (box) => box.map((side) => `${Math.round(side * 100) / 100}%`).join(' ');
function moved([top, right, bottom, left], corner, x, y) {
    if (!corner) {
        x = clamp(x, -left, right);
        y = clamp(y, -top, bottom);
        return [top + y, right - x, bottom - y, left + x];
    }
    if (corner.includes('left')) left = clamp(left + x, 0, 100 - right - SMALLEST);
    else right = clamp(right - x, 0, 100 - left - SMALLEST);
    if (corner.includes('top')) top = clamp(top + y, 0, 100 - bottom - SMALLEST);
    else bottom = clamp(bottom - y, 0, 100 - top - SMALLEST);
    return [top, right, bottom, left];
}
function dragged(event) {
    const area = held.frame.parentElement.getBoundingClientRect();
    const x = (event.clientX - held.x) / area.width * 100;
    const y = (event.clientY - held.y) / area.height * 100;
    return write(moved(held.box, held.corner, x, y));
}
element.addEventListener('pointerdown', (event) => {
    const frame = event.target.closest('.frame');
    if (!frame) return;
    event.preventDefault();
    frame.focus();
    frame.setPointerCapture(event.pointerId);
    const corner = event.target.dataset.corner;
    held = { frame, corner, x: event.clientX, y: event.clientY, box: read() };
});
element.addEventListener('pointermove', (event) => {
    if (held) held.frame.style.inset = dragged(event);
});
element.addEventListener('pointerup', (event) => {
    if (!held) return;
    props.value = dragged(event);
    held = null;
});
element.addEventListener('keydown', (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow || !event.target.closest('.frame')) return;
    event.preventDefault();
    const [x, y] = arrow.map((part) => part * STEP);
    props.value = write(moved(read(), event.shiftKey ? 'bottom right' : '', x, y));
});
"""

NO_PAINTING = (
    '<figure class="painting empty"><div class="canvas"><p>Drop a painting of '
    "your own. Then frame the part here whose strokes and colours you want.</p>"
)


@dataclass(frozen=True)
class Stage:
    """The components, and the updates that bring them from one state to another."""

    painting: gr.HTML
    preview: gr.HTML
    curve: gr.HTML
    caption: gr.HTML
    keep: gr.Button
    discard: gr.Button
    try_it: gr.Button
    download: gr.DownloadButton
    share: gr.Button

    @property
    def outputs(self) -> list[Any]:
        return list(vars(self).values())

    def offer(self, *, keep: bool = False, discard: str = "", made: bool = False) -> Updates:
        """Which buttons there are: *Keep this*, the one that discards, what can follow."""
        return {
            self.keep: gr.update(visible=keep, interactive=keep),
            self.discard: gr.update(visible=bool(discard), value=discard or "Cancel"),
            **{
                button: gr.update(visible=made)
                for button in (self.try_it, self.download, self.share)
            },
        }

    def show_waiting(self, place: int, seconds: float) -> Updates:
        """A place in the line."""
        text = f"{ordinal(place)} in line · starts in about {status.duration(seconds)}"
        return {self.caption: status.working(text, None), **self.offer(discard="Cancel")}

    def show_progress(self, job: Job) -> Updates:
        """How far a training is."""
        now = job.reports[-1] if job.reports else None
        if now is None or job.stopping:
            text, share = ("Keeping it" if job.stopping else job.about), None
        else:
            text = f"{job.title} · step {now.step} of {now.steps}{status.time_left(now.left)}"
            share = now.seconds / max(now.seconds + now.left, 1.0)
        return {
            self.caption: status.working(text, share),
            self.curve: gr.update(value=draw_curve(job.reports)),
            **self.offer(keep=now is not None and not job.stopping, discard="Cancel"),
        }

    def show_end(self, job: Job) -> Updates:
        """What came of a training."""
        if job.made is None:
            return {self.caption: status.message(job.problem), **self.offer(discard="Discard")}
        text = f"{job.title} is ready"
        if job.reports:
            last = job.reports[-1]
            text += f" · {last.step} steps in {status.duration(last.seconds)}"
        size = job.result.stat().st_size if job.result.is_file() else 0
        text += f" · {kilobytes(size)} · kept here for {KEPT_MINUTES} min"
        return {
            self.caption: status.message(text),
            self.curve: gr.update(value=draw_curve(job.reports)),
            **self.offer(discard="Discard", made=True),
        }


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{ending or 'th'}"


def kilobytes(size: int) -> str:
    return f"{size / 1e3:.0f} KB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def painting_figure(picture: Image.Image, caption: str, framed: bool) -> str:
    """The beginning of the figure of a painting; with a frame to choose a part of it, or without.

    Args:
        picture: small.
        caption: under it.
        framed: whether there is something to choose.
    """
    kind = "painting framed" if framed else "painting"
    return (
        f'<figure class="{kind}"><figcaption>{escape(caption)}</figcaption>'
        f'{_canvas(picture.size)}<img src="{embedded(picture)}" alt="The painting">'
    )


def preview_figure(source: str, size: tuple[int, int], caption: str) -> str:
    """The figure of the visitor's photo, as it is or in the style so far."""
    return (
        f"<figure><figcaption>{escape(caption)}</figcaption>{_canvas(size)}"
        f'<img src="{source}" alt="{escape(caption)}"></div></figure>'
    )


def jpeg_source(data: bytes) -> str:
    """A JPEG file as a source that travels in the page itself."""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def _canvas(size: tuple[int, int]) -> str:
    return f'<div class="canvas" style="--ratio: {size[0] / size[1]:.4f}">'


def framed_box(frame: object, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The frame in pixels of a painting: left, top, right, bottom.

    Args:
        frame: the value of the painting's component.
        size: of the painting.

    Raises:
        PictureError: it is not a frame in the painting.
    """
    found = FRAME.fullmatch(str(frame))
    sides = [float(side) / 100 for side in found.groups()] if found else []
    if not sides or sides[0] + sides[2] >= 1 or sides[1] + sides[3] >= 1:
        raise PictureError("The frame is not in the painting; draw it again.")
    top, right, bottom, left = sides
    width, height = size
    return (
        round(left * width),
        round(top * height),
        round((1 - right) * width),
        round((1 - bottom) * height),
    )


def draw_stage() -> Stage:
    """Draw it into the current block."""
    corners = "".join(f'<i data-corner="{name}" class="{name}"></i>' for name in HANDLES)
    with gr.Row(elem_id="train-pictures"):
        painting = gr.HTML(
            WHOLE,
            html_template='${before}<span class="frame" tabindex="0" role="group" aria-label="The '
            'part to learn from: arrow keys move it, with Shift they change its size" '
            f'style="inset: ${{value}}">{corners}</span></div></figure>',
            before=NO_PAINTING,
            js_on_load=DRAG,
            apply_default_css=False,
            elem_id="train-view",
        )
        preview = gr.HTML("", apply_default_css=False, elem_id="train-preview")
    curve = gr.HTML("", apply_default_css=False, elem_id="train-curve")
    with gr.Row(elem_classes="status-row"):
        caption = gr.HTML(
            status.message("Drop a painting to begin."),
            elem_id="train-caption",
            elem_classes="caption",
        )
    first: dict[str, Any] = {"variant": "primary", "elem_classes": "act", "visible": False}
    with gr.Row(elem_classes="actions"):
        keep = gr.Button("Keep this", elem_id="train-keep", **first)
        try_it = gr.Button("Paint with it", elem_id="train-try", **first)
        download = gr.DownloadButton("Download", visible=False, elem_id="train-download")
        share = gr.Button("Share…", visible=False, elem_id="train-share")
        discard = gr.Button("Cancel", visible=False, elem_id="train-discard")
    return Stage(painting, preview, curve, caption, keep, discard, try_it, download, share)
