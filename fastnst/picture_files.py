"""Picture files: which are read and written, how large they may be, and why others are refused."""

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from fastnst.errors import PictureError
from fastnst.files import replacing

PIXEL_LIMIT = 50_000_000
PIXEL_LIMIT_VARIABLE = "FASTNST_MAX_PIXELS"
SMALLEST_SIDE = 16

READABLE_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "PPM", "JPEG2000")
READABLE_SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".ppm", ".jp2",
)  # fmt: skip

# What people try that is not a picture file we read, by a mark near its start.
OTHER_KINDS = {
    b"<svg": "an SVG drawing",
    b"ftypheic": "a HEIC photo",
    b"ftypheix": "a HEIC photo",
    b"ftypmif1": "a HEIF photo",
    b"%PDF-": "a PDF document",
}
# No picture within the limit takes more in a file: four channels of 16 bits, and some metadata.
BYTES_PER_PIXEL = 8
METADATA_BYTES = 64 * 2**20


@dataclass(frozen=True)
class OutputFormat:
    """A file format that pictures are written in, and how.

    Attributes:
        name: Pillow's.
        suffixes: of file names that ask for it; the first is the usual one.
        alpha: whether it holds transparency.
        options: for Pillow.
        exif_options: in their place, for a picture with EXIF.
    """

    name: str
    suffixes: tuple[str, ...]
    alpha: bool
    options: dict[str, object]
    exif_options: dict[str, object] | None = None


OUTPUT_FORMATS = {
    each.name: each
    for each in (
        OutputFormat("PNG", (".png",), True, {"compress_level": 4}),
        OutputFormat("JPEG", (".jpg", ".jpeg"), False, {"quality": 93, "subsampling": 0}),
        OutputFormat("WebP", (".webp",), True, {"quality": 93, "method": 4}),
        # Uncompressed with EXIF: libtiff, which compresses, cannot write the camera's part of it.
        OutputFormat("TIFF", (".tif", ".tiff"), True, {"compression": "tiff_lzw"}, {}),
    )
}


def pixel_limit() -> int:
    """The most pixels a picture may have, read or made: 50 million, or FASTNST_MAX_PIXELS."""
    text = os.environ.get(PIXEL_LIMIT_VARIABLE, "")
    if not text:
        return PIXEL_LIMIT
    if not text.isdecimal() or len(text) > 15 or int(text) < SMALLEST_SIDE**2:
        raise PictureError(
            f"{PIXEL_LIMIT_VARIABLE} is {text[:40]!r}; it is a whole number of pixels, "
            f"{SMALLEST_SIDE**2} at least and of 15 digits at most."
        )
    return int(text)


def check_size(
    width: int, height: int, what: str = "The picture", smallest: int = SMALLEST_SIDE
) -> None:
    """Refuse a size that cannot be worked on.

    Raises:
        PictureError: a side is under `smallest` pixels, or there are more pixels than the limit.
    """
    if min(width, height) < smallest:
        raise PictureError(
            f"{what} is {width}×{height} pixels; each side needs {smallest} at least."
        )
    limit = pixel_limit()
    if width * height > limit:
        raise PictureError(
            f"{what} is {width}×{height}, {width * height / 1e6:.0f} megapixels; "
            f"the limit is {limit / 1e6:.4g} ({PIXEL_LIMIT_VARIABLE} raises it)."
        )


def open_picture(
    source: str | Path | bytes | BinaryIO, smallest: int = SMALLEST_SIDE
) -> Image.Image:
    """Read and decode one picture.

    Args:
        source: a path, the bytes of a file, or an open file.
        smallest: what each side needs at least.

    Raises:
        PictureError: there is no such file, it is empty, damaged, too large or too small, not a
            picture, of a format that is not read, or has several frames.
    """
    name = Path(source).name if isinstance(source, str | Path) else "The picture"
    data = _read_bytes(source, name)
    if not data:
        raise PictureError(f"{name} is empty.")
    try:
        picture = _identify(data)
        if picture is None:
            raise PictureError(_why_unread(name, data))
        check_size(*picture.size, what=name, smallest=smallest)
        check_still(picture, name)
        picture.load()
    except PictureError:
        raise
    except Exception as error:
        raise damaged(name, error) from error
    return picture


def _read_bytes(source: str | Path | bytes | BinaryIO, name: str) -> bytes:
    if isinstance(source, bytes):
        return source
    limit = pixel_limit() * BYTES_PER_PIXEL + METADATA_BYTES
    try:
        if isinstance(source, str | Path):
            with Path(source).open("rb") as file:
                data = file.read(limit + 1)
        else:
            data = source.read(limit + 1)
    except (OSError, ValueError) as error:
        raise PictureError(f"Cannot read {source}: {reason(error)}.") from error
    if len(data) > limit:
        raise PictureError(
            f"{name} has more than {limit / 2**20:.0f} MB, more than any picture of up to "
            f"{pixel_limit() / 1e6:.4g} megapixels ({PIXEL_LIMIT_VARIABLE} raises the limit)."
        )
    return data


def _identify(data: bytes) -> Image.Image | None:
    """Read the header of a picture file, or none if it is of no format that is read.

    This is what `Image.open` does, without its limit of pixels: that one is for the whole process,
    knows nothing of ours, and warns where ours refuses.
    """
    Image.init()
    for name in READABLE_FORMATS:
        if name not in Image.OPEN:
            continue  # this Pillow was built without it
        factory, accepts = Image.OPEN[name]
        if accepts is not None and accepts(data[:16]) is not True:
            continue
        try:
            return factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error):  # Pillow's way to say no
            continue
    return None


def _why_unread(name: str, data: bytes) -> str:
    start = data[:1024].lower()
    for mark, kind in OTHER_KINDS.items():
        if mark.lower() in start:
            return f"{name} is {kind}; export it as PNG or JPEG first."
    return f"{name} is not a picture that can be read; allowed are {', '.join(READABLE_FORMATS)}."


def check_still(picture: Image.Image, name: str) -> None:
    """Refuse an animation, or a file of several pages.

    Raises:
        PictureError: it is one.
    """
    # MPO: a photo with previews or depth maps behind it.
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        raise PictureError(f"{name} has several frames; save the one you want as a picture.")


def damaged(name: str, error: Exception) -> PictureError:
    """The error to raise for what a decoder raised."""
    if isinstance(error, Image.DecompressionBombError):  # some decoders ask Pillow's own limit
        return PictureError(f"{name} has too many pixels: {reason(error)}.")
    if isinstance(error, MemoryError):
        return PictureError(f"{name} does not fit into the memory of this machine.")
    return PictureError(f"{name} is damaged or incomplete: {reason(error)}.")


def reason(error: Exception) -> str:
    """What an error of a library says, short and on one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:200].rstrip(".")


def encode_picture(picture: Image.Image, output: OutputFormat) -> bytes:
    """A picture as the bytes of a file, EXIF and colour profile included.

    Where the format has no transparency, the picture is laid on white; an EXIF block that it cannot
    hold (JPEG ends at 64 KB) is left out.

    Raises:
        PictureError: the format cannot hold the picture: WebP's sides end at 16383 pixels.
    """
    if not output.alpha and picture.has_transparency_data:
        info = picture.info
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture).convert("RGB")
        picture.info = info
    metadata = {key: picture.info[key] for key in ("exif", "icc_profile") if picture.info.get(key)}
    if "exif" in metadata:
        options = output.options if output.exif_options is None else output.exif_options
        try:
            return _encode(picture, output, options | metadata)
        except Exception:  # a strange block makes the writers raise anything
            del metadata["exif"]
    try:
        return _encode(picture, output, output.options | metadata)
    except (OSError, ValueError) as error:
        raise PictureError(
            f"A picture of {picture.width}×{picture.height} cannot be written as {output.name}: "
            f"{reason(error)}."
        ) from error


def _encode(picture: Image.Image, output: OutputFormat, options: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, output.name, **options)
    return buffer.getvalue()


def output_format(path: str | Path) -> OutputFormat:
    """The format that a file's name asks for.

    Raises:
        PictureError: it asks for none that can be written.
    """
    suffix = Path(path).suffix.lower()
    for output in OUTPUT_FORMATS.values():
        if suffix in output.suffixes:
            return output
    allowed = ", ".join(suffix for each in OUTPUT_FORMATS.values() for suffix in each.suffixes)
    raise PictureError(f"Cannot write {Path(path).name}: the name must end in {allowed}.")


def save_picture(picture: Image.Image, path: str | Path) -> None:
    """Write a picture in the format its name asks for, whole or not at all.

    Raises:
        PictureError: the name asks for no format, or the file cannot be written.
    """
    path = Path(path)
    data = encode_picture(picture, output_format(path))
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise PictureError(f"Cannot write {path}: {reason(error)}.") from error
