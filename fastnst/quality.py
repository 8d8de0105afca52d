"""How close an enlarged picture is to the true one: the measures of the literature, on luma.

The protocol of the published tables: Y of BT.601 in [16, 235], and as many pixels cut off at each
border as the picture was enlarged times.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

Luma = NDArray[np.float64]

# Of SSIM (Wang et al. 2004): an 11 × 11 Gaussian window of σ = 1.5, and its two constants.
WINDOW, DEVIATION = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# Of GMSD (Xue et al. 2014).
GRADIENT_CONSTANT = 170.0


def luma(picture: Image.Image, border: int = 0) -> Luma:
    """(H, W) Y of BT.601 in [16, 235], without `border` pixels at each side. Not rounded."""
    pixels = np.asarray(picture.convert("RGB"), np.float64)
    y = 16 + pixels @ np.array([65.481, 128.553, 24.966]) / 255
    return y[border : y.shape[0] - border, border : y.shape[1] - border]


def psnr(made: Luma, true: Luma) -> float:
    """Peak signal-to-noise ratio, dB; infinite for the same picture."""
    error = float(np.mean((made - true) ** 2))
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def ssim(made: Luma, true: Luma) -> float:
    """Structural similarity, 1 for the same picture (Wang et al. 2004); sides of 11 at least."""
    place = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    bell = torch.exp(-place.square() / (2 * DEVIATION**2))
    bell /= bell.sum()
    x, y = (torch.from_numpy(np.ascontiguousarray(each))[None, None] for each in (made, true))

    def blurred(maps: Tensor) -> Tensor:
        rows = F.conv2d(maps, bell.view(1, 1, -1, 1))
        return F.conv2d(rows, bell.view(1, 1, 1, -1))

    mean_x, mean_y = blurred(x), blurred(y)
    variance_x = blurred(x * x) - mean_x**2
    variance_y = blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    shape = (2 * covariance + C2) / (variance_x + variance_y + C2)
    return float((light * shape).mean())


def gmsd(made: Luma, true: Luma) -> float:
    """Gradient magnitude similarity deviation (Xue et al. 2014): 0 for the same picture.

    A learning-free perceptual measure: it looks at how unevenly edges differ, and so minds blur
    and ringing more than PSNR does.
    """
    first, second = _gradient(made), _gradient(true)
    similarity = (2 * first * second + GRADIENT_CONSTANT) / (
        first**2 + second**2 + GRADIENT_CONSTANT
    )
    return float(similarity.std(correction=0))


def _gradient(y: Luma) -> Tensor:
    """Magnitude of the gradient, by Prewitt's operator, of the picture at half its size."""
    maps = torch.from_numpy(np.ascontiguousarray(y))[None, None]
    half = F.avg_pool2d(maps, 2)
    across = torch.tensor([[1.0, 0.0, -1.0]] * 3, dtype=torch.float64) / 3
    kernels = torch.stack([across, across.T])[:, None]
    return F.conv2d(half, kernels, padding=1).square().sum(1).sqrt()
