"""Between pictures and tensors: PIL outside, NCHW float RGB in [0, 1] inside."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_tensor(picture: Image.Image) -> Tensor:
    """An RGB picture as (1, 3, H, W) in [0, 1]."""
    pixels = np.asarray(picture.convert("RGB"), np.float32).transpose(2, 0, 1) / 255
    return torch.from_numpy(np.ascontiguousarray(pixels))[None]


def to_picture(tensor: Tensor) -> Image.Image:
    """(1, 3, H, W) in [0, 1] as a picture."""
    pixels = tensor.detach()[0].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0)
    return Image.fromarray(pixels.cpu().numpy())


def fit_short_side(picture: Image.Image, side: int) -> Image.Image:
    """Resize so that the short side is `side` pixels."""
    factor = side / min(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.LANCZOS)
