"""A style network from 8-bit pixels to 8-bit pixels, the form that engines run."""

import torch
from torch import Tensor, nn

from fastnst.engines.folding import folded
from fastnst.grain import TILE, grain_tile
from fastnst.networks import StyleNetwork


class PixelStyleNetwork(nn.Module):
    """Wraps a network so that conversion from and to 8 bits, and grain, are compiled with it."""

    grain: Tensor

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = folded(network)
        self.register_buffer("grain", torch.tensor(grain_tile()) * network.grain)

    def forward(self, pixels: Tensor, style: Tensor) -> Tensor:
        """Repaint (1, H, W, 3) 8-bit pixels in a style (1, S)."""
        # Indices, not Tensor.repeat: a traced graph then works for every size.
        rows = torch.arange(pixels.shape[1], device=pixels.device) % TILE
        columns = torch.arange(pixels.shape[2], device=pixels.device) % TILE
        grain = self.grain.index_select(1, rows).index_select(2, columns)
        x = pixels.permute(0, 3, 1, 2).to(grain.dtype) / 255 + grain
        y = self.network.paint(x, style).float()
        return (y * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1)
