"""Feature inversion: the picture whose features are a photo's (Mahendran & Vedaldi 2015).

What a layer keeps of a photo is what comes back; what it threw away, the regulariser makes up.
"""

from collections.abc import Iterator

import torch
from PIL import Image
from torch import Tensor

from fastnst.descent import (
    OptimizeProgress,
    OptimizeSettings,
    check_workable,
    descend,
    noise_picture,
)
from fastnst.errors import SettingError
from fastnst.loss_layers import check_layers
from fastnst.losses import content_loss, total_variation_loss
from fastnst.networks.vgg import LossNetwork
from fastnst.tensors import to_tensor

VARIATION_WEIGHT = 1.0


class FeatureObjective:
    """The relative distance of the features at a layer, plus a weight × the total variation.

    Mahendran & Vedaldi's equations 1 to 4 with β = 2. Deviations: the total variation is a mean,
    so that its weight does not depend on the size, and their α-norm, which keeps pixels within
    range, is the clip of `OptimizeSettings`.

    Attributes:
        size: width and height of the photo.
    """

    def __init__(
        self, photo: Image.Image, layer: str, loss_network: LossNetwork, variation_weight: float
    ) -> None:
        """Take a photo's features as the target.

        Raises:
            PictureError: the photo is too small or too large.
            SettingError: there is no such layer, or the weight is negative.
        """
        check_workable(*photo.size)
        check_layers([layer])
        if not variation_weight >= 0:
            raise SettingError(f"The variation weight is {variation_weight}; allowed is 0 or more.")
        self.size = photo.size
        self._layer = layer
        self._loss_network = loss_network
        self._variation_weight = variation_weight
        with torch.no_grad():
            self._target = self._features(to_tensor(photo).to(self.device))

    @property
    def device(self) -> torch.device:
        return self._loss_network.mean.device

    def __call__(self, pixels: Tensor) -> dict[str, Tensor]:
        """The scalars "objective", "features" and "variation" of a picture (1, 3, H, W)."""
        features = content_loss(self._features(pixels), self._target)[0]
        variation = total_variation_loss(pixels)[0]
        objective = features + self._variation_weight * variation
        return {"objective": objective, "features": features, "variation": variation}

    def _features(self, pixels: Tensor) -> Tensor:
        return self._loss_network(pixels, [self._layer])[self._layer]


def invert(
    photo: Image.Image,
    layer: str,
    loss_network: LossNetwork,
    settings: OptimizeSettings,
    variation_weight: float = VARIATION_WEIGHT,
    seed: int = 0,
) -> Iterator[OptimizeProgress]:
    """Invert a layer, from white noise, yielding the noise and then once an iteration.

    Args:
        photo: whose features are the target; the picture made has its size.
        layer: one of `fastnst.loss_layers.LAYERS`.
        loss_network: φ.
        settings: how to descend.
        variation_weight: of the regulariser: the more, the smoother.
        seed: of the noise.

    Raises:
        PictureError, SettingError, TrainingError: see `FeatureObjective` and `descend`.
    """
    objective = FeatureObjective(photo, layer, loss_network, variation_weight)
    return descend(objective, noise_picture(photo.size, seed), settings)
