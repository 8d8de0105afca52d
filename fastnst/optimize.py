"""Gatys' method: the pixels themselves are optimised, against the loss that networks train with.

The yardstick of every trained network (section 4.1 of the paper), and a way to finish a picture
that a network began; see `fastnst.refine`.
"""

from collections.abc import Iterator, Mapping

import torch
from PIL import Image
from torch import Tensor

from fastnst.descent import OptimizeProgress, OptimizeSettings, check_fits, check_workable, descend
from fastnst.losses import content_loss, gram_matrices, style_loss
from fastnst.networks.vgg import LossNetwork
from fastnst.paintings import check_painting, painting_grams
from fastnst.settings import StyleSettings
from fastnst.tensors import to_tensor


class StyleObjective:
    """content weight × content + style weight × style, against one photo and one painting.

    Attributes:
        size: width and height of the pictures it judges.
    """

    def __init__(
        self,
        loss_network: LossNetwork,
        content: Tensor,
        grams: Mapping[str, Tensor],
        settings: StyleSettings,
        size: tuple[int, int],
    ) -> None:
        """Take targets that may be shared: one photo's content, one painting's style.

        Args:
            loss_network: φ.
            content: (1, C, H, W), the photo's features; see `content_target`.
            grams: layer → (1, C, C); see `fastnst.paintings.painting_grams`.
            settings: weights and layers.
            size: width and height of the photo.
        """
        self.size = size
        self._loss_network = loss_network
        self._content = content
        self._grams = grams
        self._settings = settings

    @classmethod
    def of(
        cls,
        photo: Image.Image,
        painting: Image.Image,
        loss_network: LossNetwork,
        settings: StyleSettings,
    ) -> "StyleObjective":
        """The objective of a photo, at its own size, and a painting.

        Raises:
            PictureError: the photo is too small or too large.
            TrainingError: the painting is too small, or of one colour.
        """
        check_workable(*photo.size)
        check_painting("given", painting)
        layers = settings.style_layers.split(",")
        grams = painting_grams(painting, loss_network, layers, settings.style_size)
        content = content_target(photo, loss_network, settings)
        return cls(loss_network, content, grams, settings, photo.size)

    @property
    def device(self) -> torch.device:
        return self._loss_network.mean.device

    def __call__(self, pixels: Tensor) -> dict[str, Tensor]:
        """The scalars "objective", "content" and "style" of a picture (1, 3, H, W) in [0, 1]."""
        settings = self._settings
        features = self._loss_network(pixels, {settings.content_layer, *self._grams})
        grams = gram_matrices({layer: features[layer] for layer in self._grams})
        content = content_loss(features[settings.content_layer], self._content)[0]
        style = style_loss(grams, self._grams)[0]
        objective = settings.content_weight * content + settings.style_weight * style
        return {"objective": objective, "content": content, "style": style}

    @torch.no_grad()
    def of_picture(self, picture: Image.Image) -> dict[str, float]:
        """As a call, for a finished picture of the photo's size.

        Raises:
            PictureError: it is of another size.
        """
        check_fits(picture, self)
        values = self(to_tensor(picture).to(self.device))
        return {name: float(value) for name, value in values.items()}


@torch.no_grad()
def content_target(
    photo: Image.Image, loss_network: LossNetwork, settings: StyleSettings
) -> Tensor:
    """The features (1, C, H, W) of a photo that its content is judged by."""
    pixels = to_tensor(photo).to(loss_network.mean.device)
    return loss_network(pixels, [settings.content_layer])[settings.content_layer]


def optimize(
    objective: StyleObjective, start: Image.Image, settings: OptimizeSettings
) -> Iterator[OptimizeProgress]:
    """Optimise a picture, yielding the start and then once an iteration.

    Args:
        objective: what to descend.
        start: the photo itself, `fastnst.descent.noise_picture`, or anything else of the photo's
            size. It is not changed.
        settings: how.

    Raises:
        PictureError, SettingError, TrainingError: see `fastnst.descent.descend`.
    """
    return descend(objective, start, settings)
