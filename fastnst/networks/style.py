"""Image transformation networks for style transfer.

Both take N styles through conditional instance normalisation. A style is a flat vector of all the
scales and shifts of a network's normalisation layers, so styles mix by mixing vectors, and N = 1
is the case of the paper. Behind them, a vector may hold matrices that mix the maps of each
convolution: a style that was learnt after the network needs more than scales and shifts.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.networks.hub import HubNetwork
from fastnst.networks.layers import ConditionalInstanceNorm, ConvLayer, Mixing, ResidualBlock


class StyleNetwork(HubNetwork):
    """What every style network shares: its table of styles, and pictures of any size.

    Attributes:
        styles: (N, S) scales and shifts, one row a style.
        photo: (S,) those that ask for no style at all; see `at_strength`.
        controls: how many numbers a whole style vector has, with the matrices of all `Mixing`.
        stride: `paint` takes sides that are multiples of this.
        grain: how much of `fastnst.grain` is added to a photo before `forward`, in [0, 1] units.
    """

    stride = 1
    grain = 0.0

    def _add_styles(self, count: int, mixing: int) -> None:
        """Lay all that a style decides out in one vector. Call at the end of __init__."""
        if count < 1:
            raise ValueError(f"A style network needs at least one style, got {count}.")
        neutral = []
        size = 0
        for module in self.modules():
            if isinstance(module, ConditionalInstanceNorm):
                module.start = size
                size += 2 * module.channels
                neutral += [torch.ones(module.channels), torch.zeros(module.channels)]
        self.photo = nn.Parameter(torch.cat(neutral))
        self.styles = nn.Parameter(torch.cat(neutral).repeat(count, 1))
        for layer in self._mixings():
            layer.start = size
            size += layer.channels**2
            if mixing:
                layer.matrices = nn.Parameter(torch.zeros(count, layer.channels, layer.channels))
        self.controls = size

    def _mixings(self) -> list[Mixing]:
        return [module for module in self.modules() if isinstance(module, Mixing)]

    def matrices(self) -> list[nn.Parameter]:
        """Of each convolution of C maps (N, C, C); nothing if no style mixes them."""
        return [layer.matrices for layer in self._mixings() if layer.matrices is not None]

    def vectors(self) -> Tensor:
        """(N, S) or, with matrices, (N, controls): the whole style vectors."""
        return torch.cat([self.styles, *(each.flatten(1) for each in self.matrices())], 1)

    def at_strength(self, vectors: Tensor, strength: Tensor) -> Tensor:
        """The vectors that ask for styles (B, S) at strengths (B,).

        Styles grow from the vector of no style: strength t is `photo + t * (style - photo)`.
        """
        photo = F.pad(self.photo, (0, vectors.shape[1] - len(self.photo)))
        return photo + strength[:, None] * (vectors - photo)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Repaint pictures, with a mirrored margin of `stride` pixels, which is cut off again.

        `Stylizer` does the same, so a network learns what it is used for. Without the margin it
        learns to put what Gram matrices ask for along the border, as a frame.

        Args:
            x: (B, 3, H, W) RGB in [0, 1], H and W at least 16.
            style: (B, S) style vectors, or (B, controls).

        Returns:
            (B, 3, H, W) RGB in [0, 1].
        """
        height, width = x.shape[2:]
        margin = self.stride
        right, bottom = margin + -width % margin, margin + -height % margin
        painted = self.paint(F.pad(x, (margin, right, margin, bottom), mode="reflect"), style)
        return painted[:, :, margin : margin + height, margin : margin + width]

    def paint(self, x: Tensor, style: Tensor) -> Tensor:
        """Without the margin, sides multiples of `stride`. The engines compile this."""
        raise NotImplementedError


class PaperStyleNetwork(StyleNetwork):
    """The network of Johnson et al. 2016, section 3.1 and supplementary table 1.

    Deviations, all of them the authors' own later practice: instance instead of batch
    normalisation, nearest upsampling and a convolution instead of a transposed one, reflection
    instead of zero padding. The output goes through a sigmoid instead of a scaled tanh.
    """

    stride = 4

    def __init__(
        self, styles: int = 1, channels: int = 32, blocks: int = 5, mixing: int = 0
    ) -> None:
        super().__init__()
        full, half, quarter = channels, channels * 2, channels * 4
        self.layers = nn.ModuleList(
            [
                ConvLayer(3, full, 9),
                ConvLayer(full, half, stride=2),
                ConvLayer(half, quarter, stride=2),
                *(ResidualBlock(quarter) for _ in range(blocks)),
                ConvLayer(quarter, half, upsample=True),
                ConvLayer(half, full, upsample=True),
                ConvLayer(full, 3, 9, norm=False, relu=False),
            ]
        )
        self._add_styles(styles, mixing)

    def paint(self, x: Tensor, style: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, style)
        return torch.sigmoid(x)


class FastStyleNetwork(StyleNetwork):
    """The small network that ships: most of its work is done at an eighth of the resolution.

    Pixel unshuffle ×2 → 3×3 at 1/2 → stride 2 to 1/4 → stride 2 to 1/8 → residual blocks →
    up to 1/4, plus the encoder's maps → residual blocks → up to 1/2 → up to 1 → RGB. Against the
    same trunk at 1/4 it sees twice as far, so strokes can be larger, at half the cost. The two
    layers at full resolution are not normalised: there a normalisation costs more time than the
    convolution. Nearest upsampling, not a pixel shuffle, at the end: a shuffle leaves dots.
    """

    stride = 8

    def __init__(
        self,
        styles: int = 1,
        channels: tuple[int, int, int, int] = (16, 32, 48, 96),
        blocks: int = 5,
        quarter_blocks: int = 1,
        grain: float = 0.03,
        mixing: int = 0,
    ) -> None:
        super().__init__()
        self.grain = grain
        full, half, quarter, eighth = channels
        self.unshuffle = nn.PixelUnshuffle(2)
        self.to_half = ConvLayer(12, half)
        self.to_quarter = ConvLayer(half, quarter, stride=2)
        self.to_eighth = ConvLayer(quarter, eighth, stride=2)
        self.blocks = nn.ModuleList(ResidualBlock(eighth) for _ in range(blocks))
        self.up_quarter = ConvLayer(eighth, quarter, upsample=True)
        self.quarter_blocks = nn.ModuleList(ResidualBlock(quarter) for _ in range(quarter_blocks))
        self.up_half = ConvLayer(quarter, half, upsample=True)
        self.up_full = ConvLayer(half, full, upsample=True, norm=False)
        self.to_rgb = ConvLayer(full, 3, norm=False, relu=False)
        self._add_styles(styles, mixing)

    def paint(self, x: Tensor, style: Tensor) -> Tensor:
        x = self.to_half(self.unshuffle(x), style)
        skip = self.to_quarter(x, style)
        x = self.to_eighth(skip, style)
        for block in self.blocks:
            x = block(x, style)
        x = self.up_quarter(x, style) + skip
        for block in self.quarter_blocks:
            x = block(x, style)
        x = self.up_full(self.up_half(x, style), style)
        return torch.sigmoid(self.to_rgb(x, style))
