"""Networks for super-resolution: a small picture in, one `scale` times the size out.

Unlike the style networks they are local: an output pixel depends on input pixels no further than
`radius` away. So a large picture can be worked on in overlapping tiles, with the same result.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.choices import SCALES
from fastnst.networks.hub import HubNetwork


class SRNetwork(HubNetwork):
    """What every super-resolution network shares.

    Attributes:
        scale: how many times larger the output is, each way.
        radius: how far, in input pixels, an output pixel sees.
    """

    radius: int

    def __init__(self, scale: int) -> None:
        super().__init__()
        if scale not in SCALES:
            raise ValueError(f"the scale is {scale}; allowed are {', '.join(map(str, SCALES))}")
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge pictures.

        Args:
            x: (B, 3, H, W) RGB in [0, 1].

        Returns:
            (B, 3, scale·H, scale·W) RGB; it may pass [0, 1] a little.
        """
        raise NotImplementedError

    def _bicubic(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=float(self.scale), mode="bicubic")


BICUBIC_RADIUS = 2


class AttentionBlock(nn.Module):
    """Three 3×3 convolutions whose output is added to the input, and says how much of it counts.

    The attention has no parameters of its own (Wan et al. 2024, SPAN, eq. 4). Deviations: SPAN
    scales the sum by sigmoid(y) − ½, which is next to nothing wherever y is small, as it is
    everywhere at first: no signal reaches the second block, and a deep network learns little in
    its middle. Here the factor is 2 sigmoid(y), 1 at first, and the convolutions start orthogonal.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        convs = [nn.Conv2d(channels, channels, 3, padding=1) for _ in range(3)]
        for conv in convs:
            assert conv.bias is not None
            nn.init.orthogonal_(conv.weight)
            nn.init.zeros_(conv.bias)
        self.convs = nn.ModuleList(convs)

    def forward(self, x: Tensor) -> Tensor:
        first, second, third = self.convs
        y = third(F.silu(second(F.silu(first(x)))))
        return (x + y) * (2 * torch.sigmoid(y))


class FastSRNetwork(SRNetwork):
    """The network that ships, after SPAN: all its work at low resolution, then a pixel shuffle.

    3×3 → attention blocks → the first maps, the first block's, the last but one's and the last's
    joined by 1×1 → 3×3 to scale² × RGB → pixel shuffle, added to the bicubic enlargement.
    Deviations from SPAN: plain 3×3 convolutions in training too, where SPAN trains wider ones and
    folds them, and the bicubic enlargement, so that an untrained network is not far off.
    """

    def __init__(self, scale: int = 4, channels: int = 48, blocks: int = 6) -> None:
        super().__init__(scale)
        if blocks < 2:
            raise ValueError(f"there are {blocks} blocks; allowed are 2 or more")
        self.radius = 3 + 3 * blocks
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.ModuleList(AttentionBlock(channels) for _ in range(blocks))
        self.last = nn.Conv2d(channels, channels, 3, padding=1)
        self.join = nn.Conv2d(4 * channels, channels, 1)
        self.to_rgb = nn.Conv2d(channels, 3 * scale**2, 3, padding=1)
        with torch.no_grad():
            self.to_rgb.weight.mul_(0.1)
            self.to_rgb.bias.zero_()  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.first(x)]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        joined = self.join(torch.cat([maps[0], maps[1], maps[-2], self.last(maps[-1])], 1))
        return F.pixel_shuffle(self.to_rgb(joined), self.scale) + self._bicubic(x)


class PaperResidualBlock(nn.Module):
    """3×3, batch normalisation, ReLU, 3×3, batch normalisation, and an identity shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_paper_layer(channels, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class PaperSRNetwork(SRNetwork):
    """The network of Johnson et al. 2016, section 3.1 and supplementary table 2.

    9×9 → residual blocks → log2(scale) × (×2, 3×3) → 9×9, batch normalisation and ReLU after each
    but the last. Deviations, as in `PaperStyleNetwork`: nearest upsampling and a convolution
    instead of a transposed one, and a sigmoid instead of a scaled tanh.
    """

    def __init__(self, scale: int = 4, channels: int = 64, blocks: int = 4) -> None:
        super().__init__(scale)
        doublings = int(math.log2(scale))
        self.radius = 4 + 2 * blocks + 2  # what follows the doublings sees less than 2 more
        self.layers = nn.Sequential(
            *_paper_layer(3, channels, 9),
            *(PaperResidualBlock(channels) for _ in range(blocks)),
            *(
                layer
                for _ in range(doublings)
                for layer in (nn.Upsample(scale_factor=2.0), *_paper_layer(channels, channels))
            ),
            nn.Conv2d(channels, 3, 9, padding=4),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.layers(x))


def _paper_layer(inputs: int, outputs: int, kernel: int = 3) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


class SRCNN(SRNetwork):
    """Dong et al. 2016: three convolutions over the bicubic enlargement.

    Deviation: on RGB, where the original works on Y alone.
    """

    def __init__(
        self,
        scale: int = 4,
        channels: tuple[int, int] = (64, 32),
        kernels: tuple[int, int, int] = (9, 5, 5),
    ) -> None:
        super().__init__(scale)
        self.radius = BICUBIC_RADIUS + math.ceil(sum(kernel // 2 for kernel in kernels) / scale)
        sizes = (3, *channels, 3)
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
            for (inputs, outputs), kernel in zip(pairwise(sizes), kernels, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self._bicubic(x)
        for conv in list(self.convs)[:-1]:
            y = F.relu(conv(y), inplace=True)
        return self.convs[-1](y)
