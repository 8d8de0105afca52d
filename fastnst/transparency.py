"""Transparency of pictures that are to be enlarged: colours without halos, edges without steps."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def fill_hidden(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Give pixels that are wholly transparent the colours of visible ones nearby.

    What is under transparent pixels is often black or white, and any enlargement would carry it
    over the edge into what is visible: a halo. The nearer a visible pixel, the more its colour
    counts (Gortler et al. 1996, pull-push).

    Args:
        pixels: (H, W, 3).
        alpha: (H, W) opacity.

    Returns:
        (H, W, 3), the same where anything is visible; all the same if nothing is.
    """
    if not alpha.any():
        return pixels
    visible = Image.fromarray(np.where(alpha > 0, np.uint8(255), np.uint8(0)))
    return np.asarray(_filled(Image.fromarray(pixels), visible))


def _filled(colours: Image.Image, visible: Image.Image) -> Image.Image:
    if visible.getextrema()[0]:
        return colours
    cut = colours.copy()
    cut.putalpha(visible)
    coarse = cut.reduce(2)  # Pillow counts each colour by its opacity
    some = coarse.getchannel("A").point(lambda opacity: 255 if opacity else 0)
    far = _filled(coarse.convert("RGB"), some).resize(colours.size, Image.Resampling.BILINEAR)
    far.paste(colours, mask=visible)
    return far


def resized_alpha(alpha: Pixels, size: tuple[int, int]) -> Pixels:
    """Opacity (H, W) at another width and height.

    Bicubic: smooth, and where a pixel lies among wholly transparent or wholly opaque ones it is
    exactly that. Its only lobes lean outwards and are cut off; Lanczos would leave ripples.
    """
    return np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BICUBIC))


def has_soft_edges(alpha: Pixels) -> bool:
    """Whether it knows more than in and out. A network would cut the steps of a hard edge out."""
    return bool(((alpha > 0) & (alpha < 255)).any())


def sharpened_alpha(smooth: Pixels, sharp: Pixels) -> Pixels:
    """What a network made of an opacity, with the plateaus of the smooth enlargement."""
    return np.where((smooth == 0) | (smooth == 255), smooth, sharp)
