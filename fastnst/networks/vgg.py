"""The loss network φ: VGG-16's convolutions, frozen, with named taps."""

from collections.abc import Collection, Iterator
from pathlib import Path
from pickle import UnpicklingError

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from fastnst.errors import CheckpointError
from fastnst.loss_layers import BLOCKS, LAYERS

MEAN = (0.48235, 0.45882, 0.40784)
STD = 1 / 255
TORCHVISION = "torchvision"


class LossNetwork(nn.Module):
    """VGG-16 to relu5_3. Takes RGB in [0, 1]; the normalisation it was trained with is inside."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        widths = [width for block in BLOCKS for width in block]
        self.convs = nn.ModuleDict(
            {
                layer: nn.Conv2d(inputs, outputs, 3, padding=1)
                for layer, inputs, outputs in zip(LAYERS, [3, *widths], widths, strict=False)
            }
        )
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)

    def forward(self, pictures: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Feature maps at the named layers.

        Args:
            pictures: (B, 3, H, W) RGB in [0, 1], H and W at least 16.
            layers: names among `LAYERS`. Nothing past the deepest of them is computed.

        Returns:
            layer → (B, C, H / 2ᵇ, W / 2ᵇ), b the pools before it, in the network's order.
        """
        unknown = set(layers) - set(LAYERS)
        if unknown:
            raise ValueError(f"No layer {sorted(unknown)}; the layers are {', '.join(LAYERS)}.")
        # Half the time of the usual layout for these convolutions on a CPU.
        x = ((pictures - self.mean) / STD).contiguous(memory_format=torch.channels_last)
        taps: dict[str, Tensor] = {}
        for layer, conv in self.convs.items():
            if layer.endswith("_1") and layer != LAYERS[0]:
                x = F.max_pool2d(x, 2)
            x = F.relu(conv(x), inplace=True)
            if layer in layers:
                taps[layer] = x
            if len(taps) == len(set(layers)):
                break
        return taps


def load_loss_network(source: str | Path) -> LossNetwork:
    """Read the weights of VGG-16's 13 convolutions.

    Args:
        source: a safetensors file with torchvision's key names (`features.0.weight`, …), or
            "torchvision" to download `VGG16_Weights.IMAGENET1K_FEATURES` (528 MB) through it.

    Raises:
        CheckpointError: the file is missing, damaged, or not VGG-16's convolutions.
    """
    network = LossNetwork()
    tensors = _torchvision_features() if source == TORCHVISION else _read(Path(source))
    state = {}
    for layer, index in zip(LAYERS, _torchvision_indices(), strict=True):
        for part in ("weight", "bias"):
            key = f"features.{index}.{part}"
            expected = network.convs[layer].get_parameter(part)
            if key not in tensors:
                raise CheckpointError(f"{source} is not VGG-16: it has no tensor {key}.")
            if tensors[key].shape != expected.shape:
                raise CheckpointError(
                    f"{source} is not VGG-16: {key} is {list(tensors[key].shape)}, "
                    f"not {list(expected.shape)}."
                )
            state[f"convs.{layer}.{part}"] = tensors[key].float()
    network.load_state_dict(state)
    return network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]


def torchvision_state(network: LossNetwork) -> dict[str, Tensor]:
    """The weights of a loss network under torchvision's key names."""
    return {
        f"features.{index}.{part}": network.convs[layer].get_parameter(part)
        for layer, index in zip(LAYERS, _torchvision_indices(), strict=True)
        for part in ("weight", "bias")
    }


def _torchvision_indices() -> Iterator[int]:
    """Where torchvision's flat list of layers holds the convolutions."""
    index = 0
    for block in BLOCKS:
        for _ in block:
            yield index
            index += 2  # its ReLU
        index += 1  # the pooling


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(f"There is no loss network at {path}.")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}.") from error


def _torchvision_features() -> dict[str, Tensor]:
    try:
        from torchvision.models import VGG16_Weights
    except (ImportError, RuntimeError) as error:  # RuntimeError: it does not fit this torch
        raise CheckpointError(
            f"Torchvision's weights need torchvision, for torch {torch.__version__}: {error}."
        ) from error
    try:
        # The file is checked against its hash, and only tensors are read from it.
        return VGG16_Weights.IMAGENET1K_FEATURES.get_state_dict(check_hash=True, weights_only=True)
    except (OSError, RuntimeError, UnpicklingError) as error:
        raise CheckpointError(f"Cannot get torchvision's weights: {error}.") from error
