"""The feed-forward inverter: from the features of a layer to the picture, in one pass."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.loss_layers import BLOCKS
from fastnst.networks.hub import HubNetwork

# Features of VGG-16 are in the units of its weights; divided by this they are about 1.
FEATURE_SCALE = 32.0


class PlainBlock(nn.Module):
    """Two 3×3 convolutions and an identity shortcut, without normalisation: levels matter here."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.leaky_relu(self.first(x), 0.2))


class InverterNetwork(HubNetwork):
    """The features of one layer in, the picture out (Dosovitskiy & Brox 2016).

    1×1 to fewer channels → residual blocks → nearest upsampling and 3×3 with half the channels for
    each pooling before the layer → 3×3 to RGB → sigmoid. Deviations: theirs has transposed
    convolutions and far more channels; this one fits into a repository.

    Attributes:
        layer: of φ, `relu4_3`, which it inverts.
        stride: pictures have sides that are multiples of this.
    """

    def __init__(
        self, block: int = 4, convolution: int = 3, channels: int = 112, blocks: int = 2
    ) -> None:
        super().__init__()
        if not 1 <= block <= len(BLOCKS) or not 1 <= convolution <= len(BLOCKS[block - 1]):
            raise ValueError(f"VGG-16 has no layer relu{block}_{convolution}")
        self.layer = f"relu{block}_{convolution}"
        self.stride = 2 ** (block - 1)
        self.first = nn.Conv2d(BLOCKS[block - 1][convolution - 1], channels, 1)
        self.blocks = nn.Sequential(*(PlainBlock(channels) for _ in range(blocks)))
        widths = [max(8, channels // 2**level) for level in range(block)]
        self.up = nn.ModuleList(
            nn.Conv2d(wide, narrow, 3, padding=1) for wide, narrow in pairwise(widths)
        )
        self.to_rgb = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Invert features.

        Args:
            features: (B, C, H, W) of the layer.

        Returns:
            (B, 3, stride · H, stride · W) RGB in [0, 1].
        """
        x = self.blocks(self.first(features / FEATURE_SCALE))
        for conv in self.up:
            x = F.interpolate(F.leaky_relu(x, 0.2), scale_factor=2.0, mode="nearest")
            x = conv(x)
        return torch.sigmoid(self.to_rgb(F.leaky_relu(x, 0.2)))
