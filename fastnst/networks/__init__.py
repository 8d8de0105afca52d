"""The table of network architectures, and the way from a checkpoint to a network."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fastnst.checkpoint import Checkpoint
from fastnst.errors import CheckpointError
from fastnst.networks.inverter import InverterNetwork
from fastnst.networks.sr import SRCNN, FastSRNetwork, PaperSRNetwork, SRNetwork
from fastnst.networks.style import FastStyleNetwork, PaperStyleNetwork, StyleNetwork

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "InverterNetwork",
    "SRNetwork",
    "StyleNetwork",
    "architecture_settings",
    "build_network",
    "network_tensors",
]


@dataclass(frozen=True)
class Architecture:
    """A named architecture.

    Attributes:
        task: what its networks do.
        network: its class; the arguments of the constructor are its settings.
        about: one line for people who choose.
    """

    task: str
    network: type[nn.Module]
    about: str


STYLE = "style"
SR = "super-resolution"
INVERSION = "inversion"

ARCHITECTURES: Mapping[str, Architecture] = {
    "fast": Architecture(STYLE, FastStyleNetwork, "small, most work at an eighth of the size"),
    "paper": Architecture(STYLE, PaperStyleNetwork, "Johnson et al. 2016, 1.7 M parameters"),
    "fast-sr": Architecture(SR, FastSRNetwork, "after SPAN, all work at low resolution"),
    "paper-sr": Architecture(SR, PaperSRNetwork, "Johnson et al. 2016"),
    "srcnn": Architecture(SR, SRCNN, "Dong et al. 2016, three layers"),
    "inverter": Architecture(INVERSION, InverterNetwork, "a picture from the features of a layer"),
}

# No setting of any architecture is a number beyond this, nor a list longer than this: a file from
# a stranger must not make us build a network that fills the memory.
MAX_SETTING = 1024
MAX_LENGTH = 16


def build_network(checkpoint: Checkpoint) -> nn.Module:
    """Build the network of a checkpoint and load its tensors, strictly.

    Raises:
        CheckpointError: the architecture is unknown or of another task, a setting is unknown or
            out of range, or a tensor is missing, left over or of another shape.
    """
    if checkpoint.base:
        raise CheckpointError("An adapter is no network; it has to be joined with its base first.")
    architecture = ARCHITECTURES.get(checkpoint.architecture)
    if architecture is None or architecture.task != checkpoint.task:
        allowed = ", ".join(f"{name} ({each.task})" for name, each in ARCHITECTURES.items())
        raise CheckpointError(
            f"Unknown architecture {checkpoint.architecture[:40]!r} for {checkpoint.task[:40]!r}; "
            f"there are {allowed}."
        )
    settings = _check_settings(checkpoint, architecture)
    with torch.device("meta"):
        try:
            network = architecture.network(**settings)
        except (TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"The settings {settings} do not make a {checkpoint.architecture} network: {error}"
            ) from error
    expected = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    if any(0 in shape for shape in expected.values()):
        raise CheckpointError(
            f"The settings {settings} make a {checkpoint.architecture} network without channels."
        )
    _check_tensors(expected, {key: array.shape for key, array in checkpoint.tensors.items()})
    state = {key: torch.tensor(array) for key, array in checkpoint.tensors.items()}
    network.load_state_dict(state, assign=True)
    return network.eval()


def architecture_settings(name: str, **settings: Any) -> dict[str, Any]:
    """All settings of an architecture: the given ones, and the defaults of the others."""
    parameters = inspect.signature(ARCHITECTURES[name].network).parameters
    return {key: settings.get(key, parameter.default) for key, parameter in parameters.items()}


def network_tensors(network: nn.Module) -> dict[str, Any]:
    """The state of a network as arrays, as `Checkpoint.tensors` holds it."""
    return {
        key: value.detach().float().cpu().numpy() for key, value in network.state_dict().items()
    }


def _check_settings(checkpoint: Checkpoint, architecture: Architecture) -> dict[str, Any]:
    allowed = inspect.signature(architecture.network).parameters
    for name, value in checkpoint.settings.items():
        if name not in allowed:
            raise CheckpointError(
                f"Unknown setting {name[:40]!r} of {checkpoint.architecture}; "
                f"there are {', '.join(allowed)}."
            )
        numbers = value if isinstance(value, list | tuple) else [value]
        if len(numbers) > MAX_LENGTH or not all(map(_is_setting, numbers)):
            raise CheckpointError(
                f"The setting {name} of {checkpoint.architecture} is {str(value)[:40]}; "
                f"allowed are numbers from 0 to {MAX_SETTING}."
            )
    return dict(checkpoint.settings)


def _is_setting(value: Any) -> bool:
    if isinstance(value, bool):  # which Python counts among the numbers
        return False
    return isinstance(value, int | float) and 0 <= value <= MAX_SETTING


def _check_tensors(
    expected: Mapping[str, tuple[int, ...]], given: Mapping[str, tuple[int, ...]]
) -> None:
    missing = [key for key in expected if key not in given]
    extra = [key for key in given if key not in expected]
    if missing or extra:
        parts = [
            f"{what} {', '.join(keys[:3])}{' …' if len(keys) > 3 else ''}"
            for what, keys in (("lacks", missing), ("has the unknown", extra))
            if keys
        ]
        raise CheckpointError(
            f"The checkpoint does not fit its architecture: it {' and '.join(parts)}."
        )
    for key, shape in expected.items():
        if given[key] != shape:
            raise CheckpointError(
                f"The checkpoint does not fit its architecture: "
                f"{key} is {list(given[key])}, not {list(shape)}."
            )
