"""The building blocks that the image transformation networks share.

All of them take and return NCHW tensors.
"""

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


class ConvLayer(nn.Module):
    """[nearest ×2] → reflection padding → convolution → [normalisation] → [ReLU].

    A convolution before a normalisation has no bias: the shift makes it redundant.
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
        self.norm = ConditionalInstanceNorm(outputs) if norm else None
        self.relu = relu

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        if self.upsample:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = self.conv(F.pad(x, self.padding, mode="reflect"))
        if self.norm is not None:
            x = self.norm(x, style)
        return F.relu(x, inplace=True) if self.relu else x


class ResidualBlock(nn.Module):
    """Two normalised 3×3 convolutions and an identity shortcut (Gross & Wilber's variant)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvLayer(channels, channels)
        self.second = ConvLayer(channels, channels, relu=False)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return x + self.second(self.first(x, style), style)
