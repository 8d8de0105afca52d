"""Colour profiles: from a picture's own colours to sRGB, and back."""

import io

from PIL import Image, ImageCms

SRGB = ImageCms.createProfile("sRGB")
SRGB_BYTES = ImageCms.ImageCmsProfile(SRGB).tobytes()
LAB = ImageCms.createProfile("LAB")

# Colour space of a profile → the mode it is applied in, and the modes of pictures it can belong
# to. Palettes and all the ways to write down RGB become RGB first.
SPACES = {
    "RGB": ("RGB", ("RGB", "P", "1", "L", "RGBX", "YCbCr", "HSV")),
    "GRAY": ("L", ("1", "L")),
    "CMYK": ("CMYK", ("CMYK",)),
}


def to_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """A picture without transparency as sRGB, mode "RGB".

    A profile that is damaged, or of another colour space than its picture, counts as none.
    """
    if picture.mode == "LAB":
        return _convert(picture, ImageCms.ImageCmsProfile(LAB), ImageCms.ImageCmsProfile(SRGB))
    source = _parse(profile)
    if source is not None and profile != SRGB_BYTES:
        mode, modes = SPACES.get(source.profile.xcolor_space.strip(), ("", ()))
        if picture.mode in modes:
            try:
                return _convert(picture.convert(mode), source, ImageCms.ImageCmsProfile(SRGB))
            except ImageCms.PyCMSError:
                pass
    return picture.convert("RGB")


def from_srgb(picture: Image.Image, profile: bytes) -> tuple[Image.Image, bytes]:
    """An sRGB picture in an RGB profile, and that profile; in sRGB if it cannot be in that one."""
    target = _parse(profile)
    if target is not None and target.profile.xcolor_space.strip() == "RGB":
        try:
            return _convert(picture, ImageCms.ImageCmsProfile(SRGB), target), profile
        except ImageCms.PyCMSError:
            pass
    return picture, SRGB_BYTES


def _parse(profile: bytes) -> ImageCms.ImageCmsProfile | None:
    if not profile:
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, TypeError, ValueError):
        return None


def _convert(
    picture: Image.Image, source: ImageCms.ImageCmsProfile, target: ImageCms.ImageCmsProfile
) -> Image.Image:
    return ImageCms.buildTransform(source, target, picture.mode, "RGB").apply(picture)
