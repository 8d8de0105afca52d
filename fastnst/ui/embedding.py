"""Small pictures that travel in the page itself, as data URIs."""

import base64
from dataclasses import replace

from PIL import Image

from fastnst.images import OUTPUT_FORMATS, encode_picture


def data_uri(picture: Image.Image, side: int) -> str:
    """The middle square of a picture, `side` pixels wide, written out in full."""
    square = min(picture.size)
    left, top = (picture.width - square) // 2, (picture.height - square) // 2
    box = (left, top, left + square, top + square)
    return embedded(picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS, box))


def embedded(picture: Image.Image) -> str:
    """A picture as it is, written out in full and without its metadata."""
    bare = picture.copy()
    bare.info = {}
    webp = replace(OUTPUT_FORMATS["WebP"], options={"quality": 85})
    return f"data:image/webp;base64,{base64.b64encode(encode_picture(bare, webp)).decode()}"
