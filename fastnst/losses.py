"""The losses of Johnson et al. 2016, section 3.2, as pure functions.

Every loss is computed picture by picture and returned as (B,), so that the pictures of one batch
can be weighted differently.

The *relative* forms, the default in training, divide by the size of the target: a painting with
strong features and one with weak ones then ask for the same weights, and 1 means "as far from the
target as nothing at all would be".
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Features = Mapping[str, Tensor]

LUMA = (0.299, 0.587, 0.114)
TONE_CELL = 16
# Squared gradient of luma, in [0, 1] units, that counts as an edge: 170 / 255², GMSD's.
EDGE_CONSTANT = 0.0026
# Pixels of the small picture, each way, over which a pattern has to repeat to count as one.
GRID_CELLS = 4
# Variance of luma, in [0, 1] units, that counts as noise rather than as tones.
FLAT = 1e-4


def gram_matrix(features: Tensor) -> Tensor:
    """G = ψψᵀ / (C·H·W), with ψ the C × H·W reshape of the features (section 3.2, eq. 3).

    Args:
        features: (B, C, H, W).

    Returns:
        (B, C, C), float32.
    """
    batch, channels, height, width = features.shape
    # A row a place: φ's maps lie in memory that way, and nothing has to be copied.
    rows = features.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
    gram: Tensor = _Gram.apply(rows)
    return gram / (channels * height * width)


class _Gram(torch.autograd.Function):
    """XᵀX of rows X (B, N, C), float32.

    By hand because the gradient is one product, X (G + Gᵀ); autograd, which does not know that
    both factors are the same, takes two, and lays the second one out the other way round.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        return torch.bmm(rows.transpose(1, 2), rows).float()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (rows,) = ctx.saved_tensors
        return torch.bmm(rows, (gradient + gradient.transpose(1, 2)).to(rows.dtype))


def gram_matrices(features: Features) -> dict[str, Tensor]:
    """The Gram matrix of every layer."""
    return {layer: gram_matrix(maps) for layer, maps in features.items()}


def content_loss(features: Tensor, target: Tensor, relative: bool = True) -> Tensor:
    """Feature reconstruction: ‖φ(ŷ) − φ(y)‖² / (C·H·W), or / ‖φ(y)‖² if relative (eq. 2).

    Args:
        features: (B, C, H, W), of the pictures made.
        target: (B, C, H, W) or (1, C, H, W), of the content pictures.
        relative: divide by the target's size instead of the number of elements.
    """
    return _squared_distance(features, target, relative)


def style_loss(grams: Features, targets: Features, relative: bool = True) -> Tensor:
    """Style reconstruction: Σ ‖G(ŷ) − G(s)‖² over the layers, each / ‖G(s)‖² if relative (eq. 4).

    Args:
        grams: layer → (B, C, C), of the pictures made.
        targets: layer → (B, C, C) or (1, C, C), of the paintings.
        relative: divide each layer's term by the size of its target.
    """
    terms = []
    for layer, target in targets.items():
        squares = (grams[layer] - target).square().sum((1, 2))
        terms.append(squares / target.square().sum((1, 2)) if relative else squares)
    return torch.stack(terms).sum(0)


def pixel_loss(output: Tensor, target: Tensor) -> Tensor:
    """‖ŷ − y‖² / (C·H·W) of pictures (B, C, H, W) (section 3.2, "simple loss functions")."""
    return _squared_distance(output, target, relative=False)


def absolute_pixel_loss(output: Tensor, target: Tensor) -> Tensor:
    """‖ŷ − y‖₁ / (C·H·W) of pictures (B, C, H, W): L1, which the paper does not use.

    Super-resolution trained with it scores a higher PSNR than with the square (Lim et al. 2017).
    """
    return (output - target).abs().flatten(1).mean(1)


def edge_loss(output: Tensor, target: Tensor) -> Tensor:
    """1 − the mean similarity of the gradients of luma + its deviation, of (B, 3, H, W).

    Ours, for super-resolution: what is blurred has gradients that are too small, what rings has
    too many. The similarity is that of GMSD (Xue et al. 2014), at half the size; its deviation, all
    that GMSD looks at, is large where a few edges are far worse than the rest.
    """
    first, second = (_luma_gradient(pictures) for pictures in (output, target))
    similarity = (2 * first.sqrt() * second.sqrt() + EDGE_CONSTANT) / (
        first + second + EDGE_CONSTANT
    )
    flat = similarity.flatten(1)
    # Never quite 0 either, for the same reason.
    return 1 - flat.mean(1) + (flat.var(1, correction=0) + 1e-10).sqrt()


def grid_loss(output: Tensor, target: Tensor, scale: int) -> Tensor:
    """The pattern that repeats with the pixel shuffle, of pictures (B, 3, H, W).

    Ours, for super-resolution. A network that is asked for more texture than it can know finds it
    easiest to paint the same little pattern over every pixel that it enlarged. So errors at the
    same place within GRID_CELLS² neighbouring pixels are averaged: texture averages out, a
    pattern stays. The mean absolute average, without what is common to all places, is the loss.
    """
    places = F.avg_pool2d(F.pixel_unshuffle(output - target, scale), GRID_CELLS)
    places = places.unflatten(1, (3, scale**2))
    return (places - places.mean(2, keepdim=True)).abs().flatten(1).mean(1)


def _luma_gradient(pictures: Tensor) -> Tensor:
    """The squared magnitude of Prewitt's gradient, never quite 0, which has no square root's."""
    luma = (pictures * pictures.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    half = F.avg_pool2d(luma, 2)
    across = half.new_tensor([[1.0, 0.0, -1.0]] * 3) / 3
    gradients = F.conv2d(half, torch.stack([across, across.T])[:, None])
    return gradients.square().sum(1) + 1e-6


def tone_loss(output: Tensor, photo: Tensor) -> Tensor:
    """1 − the correlation of light and dark, in cells of 16 pixels, of pictures (B, 3, H, W).

    Ours, not the paper's. Gram matrices do not care where a colour goes, and features at relu2_2
    hardly tell light from dark: without this a smooth face may get a night-blue cheek. 0 where the
    order of tones is the photo's, whatever the palette; 1 for a photo, or result, without tones.
    """
    weights = output.new_tensor(LUMA).view(1, 3, 1, 1)
    first, second = (
        F.avg_pool2d((pictures * weights).sum(1), TONE_CELL).flatten(1)
        for pictures in (output, photo)
    )
    first = first - first.mean(1, keepdim=True)
    second = second - second.mean(1, keepdim=True)
    norms = first.norm(dim=1) * second.norm(dim=1)
    return 1 - (first * second).sum(1) / (norms + FLAT * first.shape[1])


def total_variation_loss(pictures: Tensor) -> Tensor:
    """Mean squared difference of neighbours, down plus across, of pictures (B, C, H, W).

    The paper cites Mahendran & Vedaldi's regulariser, a sum; the mean does not grow with the size.
    """
    down = pictures[:, :, 1:] - pictures[:, :, :-1]
    across = pictures[:, :, :, 1:] - pictures[:, :, :, :-1]
    return down.square().mean((1, 2, 3)) + across.square().mean((1, 2, 3))


def _squared_distance(values: Tensor, target: Tensor, relative: bool) -> Tensor:
    squares = _squared_norm(values - target)
    return squares / (_squared_norm(target) if relative else values[0].numel())


def _squared_norm(values: Tensor) -> Tensor:
    """‖·‖² of (B, C, H, W), picture by picture, float32."""
    norm: Tensor = _SquaredNorm.apply(values)
    return norm


class _SquaredNorm(torch.autograd.Function):
    """By hand: summed in float32 without such a copy of the maps, and 2x in one pass."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return torch.linalg.vector_norm(values, dim=(1, 2, 3), dtype=torch.float32).square()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        return values * (2 * gradient).to(values.dtype).view(-1, 1, 1, 1)
