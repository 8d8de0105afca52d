"""The building blocks that the image transformation networks share.

All of them take and return NCHW tensors.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-5


class ConditionalInstanceNorm(nn.Module):
    """Instance normalisation whose scales and shifts come from outside (Dumoulin et al. 2017).

    Each network has one flat *style vector*; a layer of C channels reads 2C of its numbers: C
    scales, then C shifts, from `start` on. The network sets `start` once all its layers are built.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.start = 0

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Normalise each map of x (B, C, H, W) and apply style (B, S)."""
        middle, end = self.start + self.channels, self.start + 2 * self.channels
        scale = style[:, self.start : middle, None, None]
        shift = style[:, middle:end, None, None]
        # One pass for the statistics and one multiply-add: half the time of F.instance_norm
        # followed by the two products, forward and backward. Statistics stay in float32.
        variance, mean = torch.var_mean(x.float(), (2, 3), correction=0, keepdim=True)
        scale = scale * torch.rsqrt(variance + EPSILON)
        return torch.addcmul((shift - mean * scale).to(x.dtype), x, scale.to(x.dtype))


class Mixing(nn.Module):
    """Maps of a convolution that a style makes anew from one another: y = (I + M) W x.

    What scales do for each map alone, M (C, C) does for all together, as the colouring transform
    does for the features of VGG (Li et al. 2017); here it is learnt. It turns the weights, not the
    maps, so it costs next to nothing. M is read from the style vector from `start` on; a vector
    that ends before mixes nothing.

    Attributes:
        matrices: (N, C, C), those of the network's styles, if any of them mixes.
    """

    matrices: nn.Parameter | None

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.start = 0
        self.register_parameter("matrices", None)

    def forward(
        self, convolve: Callable[[Tensor, Tensor], Tensor], x: Tensor, weight: Tensor, style: Tensor
    ) -> Tensor:
        """Convolve x (B, C', H, W) as style (B, S) wants.

        Args:
            convolve: of pictures and weights.
            x: the pictures.
            weight: (C, …), output channels first.
            style: the style vectors.
        """
        if style.shape[1] <= self.start:
            return convolve(x, weight)
        matrices = style[:, self.start : self.start + self.channels**2]
        matrices = matrices.unflatten(1, (self.channels, self.channels))
        weights = weight + (matrices @ weight.flatten(1)).view(-1, *weight.shape)
        if len(style) == 1:
            return convolve(x, weights[0])
        pairs = zip(x.split(1), weights, strict=True)
        return torch.cat([convolve(one, mixed) for one, mixed in pairs])


class ConvLayer(nn.Module):
    """[nearest ×2] → reflection padding → convolution → [normalisation] → [ReLU].

    A convolution before a normalisation has no bias: the shift makes it redundant. Styles may mix
    the maps of every convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        upsample: bool = False,
        norm: bool = True,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.upsample = upsample
        self.padding = (kernel // 2,) * 4
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=not norm)
        self.mixing = Mixing(outputs)
        self.norm = ConditionalInstanceNorm(outputs) if norm else None
        self.relu = relu

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        if self.upsample:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = F.pad(x, self.padding, mode="reflect")
        x = self.mixing(self._convolve, x, self.conv.weight, style)
        if self.norm is not None:
            x = self.norm(x, style)
        return F.relu(x, inplace=True) if self.relu else x

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(x, weight, self.conv.bias, self.conv.stride)


class ResidualBlock(nn.Module):
    """Two normalised 3×3 convolutions and an identity shortcut (Gross & Wilber's variant)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvLayer(channels, channels)
        self.second = ConvLayer(channels, channels, relu=False)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return x + self.second(self.first(x, style), style)
