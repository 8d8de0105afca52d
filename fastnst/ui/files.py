"""The files of one visitor: kept on the server for a while, and packed for download."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gradio.utils import get_upload_folder
from PIL import Image

from fastnst.errors import PictureError
from fastnst.images import (
    OUTPUT_FORMATS,
    SMALLEST_SIDE,
    OutputFormat,
    encode_picture,
    open_picture,
)

LONGEST_STEM = 60
# How often old files are looked for, and how old they may be: nothing lives longer than the sum.
SWEEP_SECONDS = 300
KEEP_SECONDS = 3300

# As lossless as any PNG, and written in half the time: the browser waits for it.
QUICK_PNG = replace(OUTPUT_FORMATS["PNG"], options={"compress_level": 1})
DOWNLOADS: Mapping[str, OutputFormat] = {
    name: OUTPUT_FORMATS[name] for name in ("PNG", "JPEG", "WebP")
}


def keep_file(data: bytes, name: str) -> Path:
    """Write a file for one visitor, under a path that nobody can guess.

    It lies in Gradio's folder, where files are served from, and deleted from when they are old.
    """
    folder = Path(get_upload_folder()) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    path = folder / name
    path.write_bytes(data)
    return path


def open_kept(photo: Path, smallest: int = SMALLEST_SIDE) -> Image.Image:
    """Read a visitor's photo, whose sides have at least `smallest` pixels.

    Raises:
        PictureError: it was deleted meanwhile, or see `open_picture`.
    """
    if not photo.is_file():
        raise PictureError("The photo is no longer kept here; add it again.")
    return open_picture(photo, smallest)


def pack(lossless: Path, file_format: str) -> tuple[bytes, str]:
    """A picture the page shows, as a file in the format that a visitor wants, and its name.

    Raises:
        PictureError: an unknown format, or the picture is no longer kept.
    """
    output = DOWNLOADS.get(file_format)
    if output is None:
        raise PictureError(f"Unknown format {file_format!r:.20}; there are {', '.join(DOWNLOADS)}.")
    if output.name == QUICK_PNG.name:
        data = lossless.read_bytes()  # pixel for pixel, and byte for byte, what is shown
    else:
        picture = Image.open(lossless)
        picture.load()  # EXIF comes after the pixels in a PNG
        data = encode_picture(picture, output)
    return data, lossless.stem + output.suffixes[0]


def stem(path: Path) -> str:
    """A file's name without its ending, fit for any file system."""
    return re.sub(r"[^\w.-]+", "_", path.stem)[:LONGEST_STEM].strip("._") or "photo"
