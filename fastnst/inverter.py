"""`Inverter`: a photo in, what one layer of VGG-16 keeps of it out, in one pass."""

from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image

from fastnst.catalog import load
from fastnst.checkpoint import Checkpoint
from fastnst.descent import check_workable
from fastnst.errors import CheckpointError
from fastnst.networks import InverterNetwork, build_network
from fastnst.networks.vgg import LossNetwork
from fastnst.tensors import to_picture, to_tensor

DEFAULT_INVERTER = "inverter"


class Inverter:
    """What `fastnst.inversion.invert` does in minutes, by a network that was trained to.

    Attributes:
        layer: that it inverts.
    """

    def __init__(
        self, loss_network: LossNetwork, weights: str | Path | Checkpoint = DEFAULT_INVERTER
    ) -> None:
        """Load a network.

        Args:
            loss_network: φ.
            weights: a shipped name, a checkpoint file, a folder, a Hub id, or a checkpoint.

        Raises:
            CheckpointError: the weights are missing, damaged or not of an inverter.
        """
        checkpoint = weights if isinstance(weights, Checkpoint) else load(weights)
        network = build_network(checkpoint)
        if not isinstance(network, InverterNetwork):
            raise CheckpointError(f"The weights are for {checkpoint.task}, not for inversion.")
        self.layer = network.layer
        self._loss_network = loss_network
        self._network = network.to(loss_network.mean.device)

    @torch.inference_mode()
    def __call__(self, photo: Image.Image) -> Image.Image:
        """What the layer keeps of a photo, at its size.

        Raises:
            PictureError: it is too small or too large.
        """
        check_workable(*photo.size)
        x = to_tensor(photo).to(self._loss_network.mean.device)
        stride = self._network.stride
        bottom, right = -photo.height % stride, -photo.width % stride
        x = F.pad(x, (0, right, 0, bottom), mode="reflect")
        made = self._network(self._loss_network(x, [self.layer])[self.layer])
        return to_picture(made[:, :, : photo.height, : photo.width])
