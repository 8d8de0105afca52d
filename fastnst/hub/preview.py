"""The preview picture of a network: the sample photo before and after."""

import io
from collections.abc import Callable

from PIL import Image

from fastnst.errors import HubError
from fastnst.images import OUTPUT_FORMATS, encode_picture, open_picture

WIDTH = 480  # of one picture in a sheet
COLUMNS = 4
MOST_STYLES = 7  # with the photo, two rows
SR_WIDTH = 120  # of the small picture that is enlarged
MAX_SIDE = 8192  # of a stranger's preview
THUMBNAIL = 640


def style_preview(stylizer: Callable[..., Image.Image], styles: list[str]) -> Image.Image:
    """The sample photo, and the same in each style; in the first ones if there are many."""
    photo = _sample(WIDTH)
    return _sheet([photo, *(stylizer(photo, style) for style in styles[:MOST_STYLES])])


def upscale_preview(upscaler: Callable[..., Image.Image]) -> Image.Image:
    """A part of the sample photo, small: enlarged the usual way, and by the network."""
    small = _sample(SR_WIDTH)
    made = upscaler(small, detail=0.0)  # one flavour is published, the faithful one
    return _sheet([small.resize(made.size, Image.Resampling.BICUBIC), made])


def cut_preview(preview: Image.Image, styles: int) -> list[Image.Image]:
    """The pictures in the styles from a preview of a network, of which it may lack the last."""
    count = min(styles, MOST_STYLES) + 1
    columns = min(COLUMNS, count)
    width, height = preview.width // columns, preview.height // -(-count // columns)
    places = ((index % columns * width, index // columns * height) for index in range(1, count))
    return [preview.crop((x, y, x + width, y + height)) for x, y in places]


def as_jpeg(picture: Image.Image) -> bytes:
    return encode_picture(picture.convert("RGB"), OUTPUT_FORMATS["JPEG"])


def read_preview(data: bytes, repo: str) -> Image.Image:
    """A stranger's preview, decoded and made small.

    Raises:
        HubError: it is not a JPEG picture, is damaged, or has too many pixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            if max(picture.size) > MAX_SIDE:
                raise HubError(
                    f"The preview of {repo} is {picture.width}×{picture.height} pixels; "
                    f"a side has at most {MAX_SIDE}."
                )
            picture.draft("RGB", (THUMBNAIL, THUMBNAIL))
            small = picture.convert("RGB")
    except HubError:
        raise
    except Exception as error:  # decoders raise anything
        raise HubError(f"The preview of {repo} is not a JPEG picture, or is damaged.") from error
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return small


def _sample(width: int) -> Image.Image:
    from fastnst.ui.samples import THUMBNAIL_PHOTO  # Gradio carries it, and takes a second

    photo = open_picture(THUMBNAIL_PHOTO.path).convert("RGB")
    return photo.resize(
        (width, round(photo.height * width / photo.width)), Image.Resampling.LANCZOS
    )


def _sheet(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one size in rows."""
    width, height = pictures[0].size
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    for index, picture in enumerate(pictures):
        sheet.paste(picture.convert("RGB"), (index % columns * width, index // columns * height))
    return sheet
