"""Training a super-resolution network: its samples, its losses, its previews."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from fastnst.checkpoint import Checkpoint
from fastnst.degradations import DEGRADATIONS, bicubic
from fastnst.errors import TrainingError
from fastnst.losses import absolute_pixel_loss, content_loss, edge_loss, grid_loss, pixel_loss
from fastnst.muon import parameter_groups
from fastnst.networks import (
    ARCHITECTURES,
    SR,
    SRNetwork,
    architecture_settings,
    build_network,
    network_tensors,
)
from fastnst.networks.vgg import LossNetwork
from fastnst.photos import Patches, Photos
from fastnst.settings import SRSettings
from fastnst.tensors import to_picture

PIXEL_LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": absolute_pixel_loss,
    "mse": pixel_loss,
}
LOSSES = ("pixel", "feature", "edge", "grid")
# Losses of the pictures as they are, not moved.
ALIGNED = ("pixel", "grid")
# The deepest pooling in the loss network that pictures are moved against, in pixels.
POOLING = 8


class SRSamples(Dataset[dict[str, Tensor]]):
    """Patches, each with the small picture that it became."""

    def __init__(self, patches: Patches, settings: SRSettings) -> None:
        self.patches = patches
        self.settings = settings
        self.degrade = DEGRADATIONS[settings.degradation]

    def __len__(self) -> int:
        return self.settings.steps * self.settings.batch

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        rng = self.patches.generator(index)
        large = self.patches.read(index, rng)
        small = self.degrade(large, self.settings.scale, rng)
        step = index // self.settings.batch  # one shift a step, in all processes
        shift = np.random.default_rng((self.settings.seed, 3, step)).integers(POOLING, size=2)
        return {
            "large": torch.from_numpy(large),
            "small": torch.from_numpy(small),
            "shift": torch.from_numpy(shift),
        }


class SRTask:
    """A `Task` for `fastnst.fit`: one network for one scale."""

    def __init__(
        self,
        settings: SRSettings,
        photos: Photos,
        loss_network: LossNetwork | None = None,
        *,
        previews: Sequence[Image.Image] = (),
        start: Checkpoint | None = None,
    ) -> None:
        """Prepare a training.

        Args:
            settings: how to train.
            photos: to take patches from; see `fastnst.photos.find_photos`.
            loss_network: φ, needed if features weigh anything.
            previews: large pictures to show progress on, all of one size.
            start: weights to start from, of the same architecture; of another scale too, whose
                last layer is then trained anew.

        Raises:
            TrainingError: the settings do not fit each other, or the start does not fit them.
        """
        self.settings = settings
        self.loss_network = loss_network
        self.feature_layers = settings.feature_layers.split(",")
        self.previews = previews
        self._check()
        torch.manual_seed(settings.seed)
        network = self._build(start)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.patches = Patches(photos, settings.crop, settings.seed)
        self.samples = SRSamples(self.patches, settings)

    def parameter_groups(self) -> list[dict[str, Any]]:
        return parameter_groups(self.network, self.settings)

    def losses(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        settings, large = self.settings, batch["large"]
        made = network(batch["small"].contiguous(memory_format=torch.channels_last))
        terms = {"pixel": (settings.pixel_weight, PIXEL_LOSSES[settings.pixel_loss])}
        if settings.feature_weight:
            terms["features"] = (settings.feature_weight, self._feature_loss)
        if settings.edge_weight:
            terms["edges"] = (settings.edge_weight, edge_loss)
        if settings.grid_weight:
            grid = partial(grid_loss, scale=settings.scale)
            terms["grid"] = (settings.grid_weight, grid)
        # Ours: the pictures are moved by a few pixels, another way each step. Otherwise the grid
        # of the loss network's pooling and that of the pixel shuffle stay aligned, and what one
        # does not see the other paints: the fine cross-hatch that the paper reports.
        top, left = (int(each) for each in batch["shift"][0])
        still = (made.float(), large)
        moved = [each[:, :, top:, left:] for each in still]
        losses = {
            name: loss(*(still if name in ALIGNED else moved)).mean()
            for name, (_, loss) in terms.items()
        }
        total = torch.stack([weight * losses[name] for name, (weight, _) in terms.items()]).sum()
        return {"total": total, **losses}

    def _feature_loss(self, made: Tensor, large: Tensor) -> Tensor:
        """Feature reconstruction (section 3.2, eq. 2), relative, summed over the layers."""
        assert self.loss_network is not None
        features = self.loss_network(made, self.feature_layers)
        with torch.no_grad():
            targets = self.loss_network(large, self.feature_layers)
        return torch.stack(
            [content_loss(features[layer], targets[layer]) for layer in self.feature_layers]
        ).sum(0)

    def checkpoint(self, training: Mapping[str, Any]) -> Checkpoint:
        return Checkpoint(
            task=SR,
            architecture=self.settings.architecture,
            settings=self._network_settings(),
            tensors=network_tensors(self.network),
            training=training,
        )

    @torch.no_grad()
    def preview(self) -> Image.Image:
        """A row a picture: its bicubic enlargement, the network's, and the picture."""
        device = next(self.network.parameters()).device
        self.network.eval()
        rows = []
        for picture in self.previews:
            sample = _pixels(picture, self.settings.scale)
            small = torch.from_numpy(bicubic(sample, self.settings.scale))[None]
            made = self.network(small.to(device)).cpu()
            rough = F.interpolate(small, scale_factor=float(self.settings.scale), mode="bicubic")
            rows.append(torch.cat([rough, made, torch.from_numpy(sample)[None]], 3))
        self.network.train()
        return to_picture(torch.cat(rows, 2))

    def _check(self) -> None:
        settings = self.settings
        if settings.crop % settings.scale:
            raise TrainingError(
                f"The crop is {settings.crop} pixels; at scale {settings.scale} "
                f"it is a multiple of {settings.scale}."
            )
        weights = [getattr(settings, f"{name}_weight") for name in LOSSES]
        if min(weights) < 0:
            raise TrainingError("The weight of a loss is 0 or more.")
        if not any(weights):
            raise TrainingError("All losses weigh 0; there is nothing to learn.")
        if settings.feature_weight and self.loss_network is None:
            raise TrainingError("The feature loss needs the loss network.")

    def _network_settings(self) -> dict[str, Any]:
        """Of the architecture: its own width and depth, where none are asked for."""
        wanted = {"scale": self.settings.scale}
        for name in ("channels", "blocks"):
            if value := getattr(self.settings, name):
                wanted[name] = value
        known = architecture_settings(self.settings.architecture)
        for name in wanted:
            if name not in known or isinstance(known[name], tuple):
                raise TrainingError(f"The {self.settings.architecture} network has no --{name}.")
        return {**known, **wanted}

    def _build(self, start: Checkpoint | None) -> SRNetwork:
        settings = self._network_settings()
        network = ARCHITECTURES[self.settings.architecture].network(**settings)
        assert isinstance(network, SRNetwork)
        if start is None:
            return network
        if start.architecture != self.settings.architecture:
            raise TrainingError(
                f"Cannot start from a {start.architecture} network to train a "
                f"{self.settings.architecture} one."
            )
        state, own = build_network(start).state_dict(), network.state_dict()
        same = {key: value for key, value in state.items() if value.shape == own[key].shape}
        other = [key for key in own if key not in same]
        if start.settings.get("scale") == self.settings.scale and other:
            raise TrainingError(
                f"The weights to start from have another width or depth: {other[0]} differs."
            )
        network.load_state_dict({**own, **same})
        return network


def _pixels(picture: Image.Image, scale: int) -> NDArray[np.float32]:
    width, height = (side - side % scale for side in picture.size)
    cropped = picture.convert("RGB").crop((0, 0, width, height))
    return np.ascontiguousarray(np.asarray(cropped, np.float32).transpose(2, 0, 1) / 255)
