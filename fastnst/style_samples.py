"""What a style network trains on: crops of photos, each with a style and a strength."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from fastnst.choices import STRENGTHS
from fastnst.grain import TILE, grain
from fastnst.photos import Crops
from fastnst.settings import StyleSettings

STRONGEST = STRENGTHS[1]
# How much more the style weighs at the strongest setting than at 1.
STRONGEST_WEIGHT = 4.0


def strength_weight(strength: Tensor) -> Tensor:
    """The factor of the style weight that a network is trained for at a strength in [0, 1.5]."""
    beyond = STRONGEST_WEIGHT ** ((strength - 1) / (STRONGEST - 1))
    return torch.where(strength < 1, strength.square(), beyond)


class StyleSamples(Dataset[dict[str, Tensor]]):
    """Crops, each with a style and a strength to paint it in."""

    def __init__(self, crops: Crops, styles: int, settings: StyleSettings, grain: float) -> None:
        self.crops = crops
        self.styles = styles
        self.settings = settings
        self.grain = grain

    def __len__(self) -> int:
        return self.settings.steps * self.settings.batch

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        rng = self.crops.generator(index)
        photo = torch.from_numpy(self.crops.read(index, rng))
        lap, place = divmod(index, self.styles)
        order = np.random.default_rng((self.settings.seed, 2, lap)).permutation(self.styles)
        strength = 1.0
        if rng.random() < self.settings.varied_strengths:
            strength = rng.uniform(0, STRONGEST)
        down, across = rng.integers(0, TILE, 2)
        noise = grain(self.crops.crop, self.crops.crop, (down, across))
        return {
            "photo": photo,
            "grained": photo + self.grain * torch.from_numpy(noise),
            "style": torch.tensor(int(order[place])),
            "strength": torch.tensor(strength, dtype=torch.float32),
        }
