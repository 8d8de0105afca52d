"""Networks from 8-bit pixels to 8-bit pixels, the form that engines run.

Conversion from and to 8 bits is compiled with the network.
"""

import torch
from torch import Tensor, nn

from fastnst.engines.folding import folded
from fastnst.grain import TILE, grain_tile
from fastnst.networks import SRNetwork, StyleNetwork


class PixelNetwork(nn.Module):
    """What engines know of a network.

    Attributes:
        example: side of a picture that it can be traced with.
        controls: how many numbers say what it is to do.
    """

    example: int
    controls: int

    def forward(self, pixels: Tensor, control: Tensor) -> Tensor:
        """(1, H, W, 3) 8-bit pixels and (1, controls) to (1, H', W', 3) 8-bit pixels."""
        raise NotImplementedError


class PixelStyleNetwork(PixelNetwork):
    """A style network; the control is a style vector. Grain is added here."""

    grain: Tensor

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = folded(network)
        self.example = 8 * network.stride
        self.controls = network.controls
        self.register_buffer("grain", torch.tensor(grain_tile()) * network.grain)

    def forward(self, pixels: Tensor, control: Tensor) -> Tensor:
        # Indices, not Tensor.repeat: a traced graph then works for every size.
        rows = torch.arange(pixels.shape[1], device=pixels.device) % TILE
        columns = torch.arange(pixels.shape[2], device=pixels.device) % TILE
        grain = self.grain.index_select(1, rows).index_select(2, columns)
        x = pixels.permute(0, 3, 1, 2).to(grain.dtype) / 255 + grain
        return _eight_bits(self.network.paint(x, control))


class PixelSRNetwork(PixelNetwork):
    """A super-resolution network, which can do one thing."""

    example = 32
    controls = 0

    def __init__(self, network: SRNetwork) -> None:
        super().__init__()
        self.network = folded(network)

    def forward(self, pixels: Tensor, control: Tensor) -> Tensor:
        dtype = next(self.network.parameters()).dtype
        return _eight_bits(self.network(pixels.permute(0, 3, 1, 2).to(dtype) / 255))


def _eight_bits(y: Tensor) -> Tensor:
    return (y.float().clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1)
