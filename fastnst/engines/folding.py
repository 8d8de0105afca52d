"""Folding: the same function of a trained network in fewer operations, for inference only."""

import copy
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.networks.layers import ConvLayer

Network = TypeVar("Network", bound=nn.Module)

# Row a, column k: whether tap k of a 3×3 kernel, run over a picture enlarged by nearest neighbour,
# is part of tap a of the 4×4 kernel that does the same to the small picture, transposed.
TAPS = torch.tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], dtype=torch.float32)


class TransposedConvLayer(nn.Module):
    """Nearest ×2, reflection padding and a 3×3 convolution as one transposed 4×4 convolution.

    Exact but for rounding. It needs 4 multiplications where the original needs 9, and no enlarged
    copy of its input: a sixth of the time of the whole fast network. Reflection after the
    enlargement is replication before it.
    """

    weight: Tensor

    def __init__(self, layer: ConvLayer) -> None:
        super().__init__()
        weight = torch.einsum("ak,bl,oikl->oiab", TAPS, TAPS, layer.conv.weight.detach())
        self.register_buffer("weight", weight.contiguous())
        self.bias = layer.conv.bias
        self.mixing = layer.mixing
        self.norm = layer.norm
        self.relu = layer.relu

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        x = self.mixing(self._convolve, x, self.weight, style)
        if self.norm is not None:
            x = self.norm(x, style)
        return F.relu(x, inplace=True) if self.relu else x

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.conv_transpose2d(x, weight.transpose(0, 1), self.bias, stride=2, padding=3)


def folded(network: Network) -> Network:
    """A copy of a network in which every upsampling layer is a transposed convolution."""
    network = copy.deepcopy(network)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ConvLayer) and child.upsample:
                parent.register_module(name, TransposedConvLayer(child))
    return network.eval()
