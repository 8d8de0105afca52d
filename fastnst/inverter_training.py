"""Training a feed-forward inverter: pictures back from features (Dosovitskiy & Brox 2016)."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from fastnst.checkpoint import Checkpoint
from fastnst.errors import TrainingError
from fastnst.loss_layers import check_layers
from fastnst.losses import absolute_pixel_loss, content_loss
from fastnst.muon import parameter_groups
from fastnst.networks import (
    INVERSION,
    InverterNetwork,
    architecture_settings,
    build_network,
    network_tensors,
)
from fastnst.networks.vgg import LossNetwork
from fastnst.photos import Crops, Photos
from fastnst.settings import InverterSettings
from fastnst.tensors import to_picture, to_tensor

LARGEST_STRIDE = 16


class Pictures(Dataset[dict[str, Tensor]]):
    """Crops of photos; what is to be inverted is computed in the step, a batch at a time."""

    def __init__(self, crops: Crops, settings: InverterSettings) -> None:
        self._crops = crops
        self._settings = settings

    def __len__(self) -> int:
        return self._settings.steps * self._settings.batch

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"photo": torch.from_numpy(self._crops.read(index, self._crops.generator(index)))}


class InverterTask:
    """A `Task` for `fastnst.fit`: one network for one layer."""

    def __init__(
        self,
        settings: InverterSettings,
        photos: Photos,
        loss_network: LossNetwork,
        *,
        previews: Sequence[Image.Image] = (),
        start: Checkpoint | None = None,
    ) -> None:
        """Prepare a training.

        Args:
            settings: how to train.
            photos: files to take crops from.
            loss_network: φ.
            previews: pictures to show progress on, all of one size, with sides that are multiples
                of 16.
            start: weights to start from, of the same shape.

        Raises:
            SettingError: there is no such layer.
            TrainingError: the crop is of no size that fits.
            CheckpointError: the start is no good.
        """
        check_layers([settings.layer])
        if settings.crop % LARGEST_STRIDE or settings.crop < LARGEST_STRIDE:
            raise TrainingError(
                f"The crop is {settings.crop} pixels; it is a multiple of {LARGEST_STRIDE}."
            )
        self.settings = settings
        self.loss_network = loss_network
        self.previews = previews
        torch.manual_seed(settings.seed)
        built = build_network(start) if start else InverterNetwork(**self._network_settings())
        assert isinstance(built, InverterNetwork)
        self.network = built.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.crops = Crops(photos, settings.crop, settings.seed)
        self.samples = Pictures(self.crops, settings)

    def parameter_groups(self) -> list[dict[str, Any]]:
        return parameter_groups(self.network, self.settings)

    def losses(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Equation 4 of the paper, without its adversary: pixels, and features at the layer."""
        settings, layer = self.settings, self.settings.layer
        with torch.no_grad():
            target = self.loss_network(batch["photo"], [layer])[layer]
        made = network(target).float()
        pixels = absolute_pixel_loss(made, batch["photo"]).mean()
        features = content_loss(self.loss_network(made, [layer])[layer], target).mean()
        total = settings.pixel_weight * pixels + settings.feature_weight * features
        return {"total": total, "pixels": pixels, "features": features}

    def checkpoint(self, training: Mapping[str, Any]) -> Checkpoint:
        return Checkpoint(
            task=INVERSION,
            architecture="inverter",
            settings=architecture_settings("inverter", **self._network_settings()),
            tensors=network_tensors(self.network),
            training=training,
        )

    @torch.no_grad()
    def preview(self) -> Image.Image:
        """A row a picture: the picture, and what comes back of it."""
        layer, device = self.settings.layer, self.loss_network.mean.device
        rows = []
        for picture in self.previews:
            x = to_tensor(picture).to(device)
            rows.append(torch.cat([x, self.network(self.loss_network(x, [layer])[layer])], 3))
        return to_picture(torch.cat(rows, 2))

    def _network_settings(self) -> dict[str, int]:
        block, _, convolution = self.settings.layer.removeprefix("relu").partition("_")
        return {
            "block": int(block),
            "convolution": int(convolution),
            "channels": self.settings.channels,
            "blocks": self.settings.blocks,
        }
