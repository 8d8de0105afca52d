"""What visitors hand in: the untouched file, checked before anything else is done with it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from fastnst.errors import PictureError
from fastnst.images import encode_picture, put_together, take_apart
from fastnst.ui.painting import QUICK_PNG, open_kept, stem
from fastnst.ui.visit import VisitorPhoto, keep_file

PREVIEW = 640
MAX_UPLOAD = "100mb"


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


def receive(path: Path) -> VisitorPhoto:
    """Check a photo and make the preview that the page shows of it.

    The preview is what every browser can show, whatever the format of the file, and upright.

    Raises:
        PictureError: see `open_kept` and `take_apart`.
    """
    taken = take_apart(open_kept(path))
    preview = put_together(taken.pixels, replace(taken, exif=b"", profile=b""), taken.alpha)
    preview.thumbnail((PREVIEW, PREVIEW), Image.Resampling.LANCZOS)
    return VisitorPhoto(
        path, taken.size, keep_file(encode_picture(preview, QUICK_PNG), f"{stem(path)}.png")
    )
