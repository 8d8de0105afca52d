"""Pictures in and out: reading what people upload, and giving it back with what it came with.

Inside, a photo is an sRGB array. What surrounds it (transparency, EXIF, colour profile) is put
aside by `take_apart` and put back by `put_together`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fastnst.errors import PictureError
from fastnst.exif import SIDEWAYS, read_exif
from fastnst.picture_files import (
    OUTPUT_FORMATS,
    PIXEL_LIMIT,
    PIXEL_LIMIT_VARIABLE,
    READABLE_FORMATS,
    READABLE_SUFFIXES,
    SMALLEST_SIDE,
    OutputFormat,
    check_size,
    check_still,
    damaged,
    encode_picture,
    open_picture,
    output_format,
    pixel_limit,
    save_picture,
)
from fastnst.profiles import from_srgb, to_srgb

__all__ = [
    "OUTPUT_FORMATS",
    "PIXEL_LIMIT",
    "PIXEL_LIMIT_VARIABLE",
    "READABLE_FORMATS",
    "READABLE_SUFFIXES",
    "SMALLEST_SIDE",
    "OutputFormat",
    "Photo",
    "check_size",
    "encode_picture",
    "open_picture",
    "output_format",
    "pixel_limit",
    "put_together",
    "resized",
    "save_picture",
    "take_apart",
    "upright_size",
]

# The full scales of pictures of 32-bit numbers: the smallest that holds the brightest value.
WHOLE_SCALES = (255.0, 65535.0, 2.0**31 - 1)
FLOAT_SCALES = (1.0, 255.0, 65535.0)
# A float picture may overshoot its scale (sharpening does that) without meaning the next one.
OVERSHOOT = 2.0


@dataclass(frozen=True)
class Photo:
    """A picture taken apart.

    Attributes:
        pixels: (H, W, 3) sRGB, 8 bits, upright.
        alpha: (H, W) opacity, or none.
        exif: with the orientation removed, or empty.
        profile: the ICC profile it came with, or empty.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    exif: bytes
    profile: bytes

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height of what `take_apart` makes of a picture."""
    turn, _ = read_exif(picture)
    return (picture.height, picture.width) if turn in SIDEWAYS else picture.size


def take_apart(picture: Image.Image, smallest: int = SMALLEST_SIDE) -> Photo:
    """Turn any picture upright, into sRGB with 8 bits a channel, and set the rest aside.

    Args:
        picture: a PIL picture of any mode.
        smallest: what each of its sides needs at least.

    Raises:
        PictureError: it is not a PIL picture, has a size that cannot be worked on, is damaged, or
            holds values that are not numbers.
    """
    if not isinstance(picture, Image.Image):
        raise PictureError(
            f"A picture is a PIL.Image, not {type(picture).__name__}; "
            "Image.fromarray makes one from an array."
        )
    check_size(*picture.size, smallest=smallest)
    check_still(picture, "The picture")
    profile = picture.info.get("icc_profile")
    profile = profile if isinstance(profile, bytes) else b""
    try:
        picture.load()
        turn, exif = read_exif(picture)
        colours, alpha = _split_alpha(_to_eight_bits(picture))
        colours = to_srgb(colours, profile)
    except PictureError:
        raise
    except Exception as error:  # a picture may be opened but not yet decoded
        raise damaged("The picture", error) from error
    if turn is not None:
        colours = colours.transpose(turn)
        alpha = alpha and alpha.transpose(turn)
    return Photo(
        pixels=np.asarray(colours),
        alpha=None if alpha is None else np.asarray(alpha),
        exif=exif,
        profile=profile,
    )


def put_together(
    pixels: NDArray[np.uint8], photo: Photo, alpha: NDArray[np.uint8] | None = None
) -> Image.Image:
    """A picture from sRGB pixels (H, W, 3), with what its photo came with.

    A photo with an RGB profile gets its result in that profile; one with a profile of another kind
    (CMYK, grey), which RGB pixels cannot carry, in sRGB.
    """
    picture = Image.fromarray(pixels)
    if photo.profile:
        picture, profile = from_srgb(picture, photo.profile)
        picture.info["icc_profile"] = profile
    if alpha is not None:
        picture.putalpha(Image.fromarray(alpha))
    if photo.exif:
        picture.info["exif"] = photo.exif
    return picture


def resized(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Pixels (H, W) or (H, W, 3) at another width and height, by Lanczos."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _to_eight_bits(picture: Image.Image) -> Image.Image:
    """16-bit, 32-bit and floating-point greys to 8 bits; Pillow itself would clip them."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.asarray(picture, np.float32)
    if not np.isfinite(values).all():
        raise PictureError("The picture holds values that are not finite numbers.")
    if picture.mode.startswith("I;16"):
        top = 65535.0
    else:
        scales = FLOAT_SCALES if picture.mode == "F" else WHOLE_SCALES
        reach = values.max() / (OVERSHOOT if picture.mode == "F" else 1)
        top = next((scale for scale in scales if reach <= scale), scales[-1])
    grey = Image.fromarray(np.round(np.clip(values / top, 0, 1) * 255).astype(np.uint8))
    clear = picture.info.get("transparency")
    if not isinstance(clear, int):
        return grey
    opacity = np.where(values == clear, 0, 255).astype(np.uint8)
    return Image.merge("LA", (grey, Image.fromarray(opacity)))


def _split_alpha(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    if not picture.has_transparency_data:
        return picture, None
    if picture.mode == "La":  # which Pillow turns into nothing but this
        picture = picture.convert("LA")
    if picture.mode not in ("LA", "RGBA"):
        picture = picture.convert("RGBA")
    bands = picture.split()
    return (bands[0] if len(bands) == 2 else Image.merge("RGB", bands[:3])), bands[-1]
