"""What visitors hand in: the untouched file, checked before anything else is done with it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from fastnst.errors import PictureError
from fastnst.images import SMALLEST_SIDE, encode_picture, put_together, take_apart
from fastnst.ui.cards import sample_strip
from fastnst.ui.files import QUICK_PNG, keep_file, open_kept, stem
from fastnst.ui.samples import SAMPLES
from fastnst.ui.studio import sample_thumbnails
from fastnst.ui.visit import VisitorPhoto

PREVIEW = 640
MAX_UPLOAD = "100mb"


def draw_photo(tab: str) -> tuple[gr.Image, gr.HTML]:
    """Draw where a tab takes its photo: the picture, and the samples beside it."""
    with gr.Row(elem_classes="photo-row"):
        photo = gr.Image(
            label="Photo",
            type="filepath",
            image_mode=None,
            format="png",
            sources=["upload", "webcam", "clipboard"],
            buttons=[],
            height=136,
            placeholder="Drop a photo\nor click to choose",
            alt_text="Your photo",
            elem_id=f"{tab}-photo",
            elem_classes="photo",
        )
        samples = sample_strip(SAMPLES, sample_thumbnails(), f"{tab}-samples")
    return photo, samples


def uploaded_file(payload: Mapping[str, Any] | None) -> Path:
    """The file that a `gr.Image` was given.

    For handlers with `preprocess=False`: Gradio has then checked where the path leads, but has not
    opened the file, which for a bad one would end in a traceback instead of a sentence.

    Raises:
        PictureError: there is none.
    """
    path = payload.get("path") if payload else None
    if not path:
        raise PictureError("There is no photo; add one as a file.")
    return Path(path)


def receive(path: Path, smallest: int = SMALLEST_SIDE) -> VisitorPhoto:
    """Check a photo and make the preview that the page shows of it.

    The preview is what every browser can show, whatever the format of the file, and upright.

    Args:
        path: of the file.
        smallest: what each side of the photo needs at least, in pixels.

    Raises:
        PictureError: see `open_kept` and `take_apart`.
    """
    taken = take_apart(open_kept(path, smallest), smallest)
    preview = put_together(taken.pixels, replace(taken, exif=b"", profile=b""), taken.alpha)
    preview.thumbnail((PREVIEW, PREVIEW), Image.Resampling.LANCZOS)
    return VisitorPhoto(
        path, taken.size, keep_file(encode_picture(preview, QUICK_PNG), f"{stem(path)}.png")
    )
