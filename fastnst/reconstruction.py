"""Style reconstruction: a picture with a painting's Gram matrices and nothing else (section 3.2).

Gatys, Ecker and Bethge's texture synthesis: no photo takes part, so the picture shows what the
chosen layers hold of a style, at any size.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from PIL import Image
from torch import Tensor

from fastnst.descent import OptimizeProgress, OptimizeSettings, descend, noise_picture
from fastnst.loss_layers import check_layers
from fastnst.losses import gram_matrices, style_loss
from fastnst.networks.vgg import LossNetwork
from fastnst.paintings import check_painting, painting_grams


class GramObjective:
    """The relative distance of Gram matrices, summed over layers.

    Attributes:
        size: width and height of the pictures it judges.
    """

    def __init__(
        self, grams: Mapping[str, Tensor], loss_network: LossNetwork, size: tuple[int, int]
    ) -> None:
        """Take the Gram matrices (1, C, C) of layers as the target."""
        check_layers(list(grams))
        self.size = size
        self._grams = grams
        self._loss_network = loss_network

    @property
    def device(self) -> torch.device:
        return self._loss_network.mean.device

    def __call__(self, pixels: Tensor) -> dict[str, Tensor]:
        """The scalar "objective" of a picture (1, 3, H, W)."""
        grams = gram_matrices(self._loss_network(pixels, self._grams))
        return {"objective": style_loss(grams, self._grams)[0]}


def reconstruct(
    painting: Image.Image,
    layers: Sequence[str],
    loss_network: LossNetwork,
    settings: OptimizeSettings,
    size: tuple[int, int] | None = None,
    seed: int = 0,
) -> Iterator[OptimizeProgress]:
    """Reconstruct a style, from white noise, yielding the noise and then once an iteration.

    Args:
        painting: whose style it is; its own size counts, as larger means larger strokes.
        layers: of φ, whose Gram matrices are compared.
        loss_network: φ.
        settings: how to descend.
        size: width and height of the picture made; by default the painting's.
        seed: of the noise.

    Raises:
        TrainingError: the painting is too small, or of one colour; else see `descend`.
        PictureError, SettingError: see `descend` and `check_layers`.
    """
    check_painting("given", painting)
    check_layers(list(layers))
    grams = painting_grams(painting, loss_network, layers, min(painting.size))
    return reconstruct_grams(grams, loss_network, settings, size or painting.size, seed)


def reconstruct_grams(
    grams: Mapping[str, Tensor],
    loss_network: LossNetwork,
    settings: OptimizeSettings,
    size: tuple[int, int],
    seed: int = 0,
) -> Iterator[OptimizeProgress]:
    """As `reconstruct`, for a painting of which there are only Gram matrices."""
    grams = {layer: gram.to(loss_network.mean.device) for layer, gram in grams.items()}
    return descend(GramObjective(grams, loss_network, size), noise_picture(size, seed), settings)
