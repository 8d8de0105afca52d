"""A style network from 8-bit pixels to 8-bit pixels, the form that engines run."""

import torch
from torch import Tensor, nn

from fastnst.networks import StyleNetwork


class PixelStyleNetwork(nn.Module):
    """Wraps a network so that converting from and to 8 bits is part of what an engine compiles."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor, grain: Tensor, style: Tensor) -> Tensor:
        """Repaint (1, H, W, 3) 8-bit pixels with (1, 3, H, W) grain in a style (1, S)."""
        x = pixels.permute(0, 3, 1, 2).to(grain.dtype) / 255 + grain
        y = self.network.paint(x, style).float()
        return (y * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1)
