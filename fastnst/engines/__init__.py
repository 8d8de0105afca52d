"""Engines: what computes a network, and how the fastest one for a machine is found."""

import importlib.util
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from fastnst.engines.zerogpu import ZERO_GPU, ZeroGpuEngine
from fastnst.errors import EngineError

if TYPE_CHECKING:  # it brings torch, which only whoever paints has to wait for
    from fastnst.engines.pixels import PixelNetwork

__all__ = ["AUTO", "DEVICES", "ENGINES", "Engine", "create_engine"]

AUTO = "auto"
DEVICES = ("cpu", "cuda", "mps")


class Engine(Protocol):
    """A network ready to run. Several threads may use one engine at once."""

    description: str
    """Where it runs and how precisely, for people: "CPU bf16"."""

    def run(
        self,
        pixels: NDArray[np.uint8],
        control: NDArray[np.float32],
        cancelled: Callable[[], bool],
    ) -> NDArray[np.uint8]:
        """Make a picture of a picture.

        Args:
            pixels: (H, W, 3) sRGB; sides are what the network takes.
            control: (S,) what the network is to do: a style vector; empty if it can do one thing.
            cancelled: asked now and then; when it answers yes, the work stops.

        Returns:
            (H', W', 3) sRGB, a new array.

        Raises:
            CancelledError: it was cancelled.
        """


@dataclass(frozen=True)
class EngineKind:
    """A way to compute a network: the package it needs, the devices it has."""

    package: str
    devices: tuple[str, ...]
    create: "Callable[[PixelNetwork, str], Engine]"


def _openvino(network: "PixelNetwork", device: str) -> Engine:
    from fastnst.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(network)


def _torch(network: "PixelNetwork", device: str) -> Engine:
    if device == "cuda" and ZERO_GPU:
        # In a thread of its own: on that which imported `spaces` torch pretends to have a GPU, and
        # OpenVINO cannot trace the pretence.
        with ThreadPoolExecutor(1) as thread:
            return ZeroGpuEngine(
                network, thread.submit(create_engine, network, device="cpu").result()
            )
    from fastnst.engines.torch_engine import TorchEngine

    return TorchEngine(network, device)


# The first that can be had on a device is the one to take there.
ENGINES: Mapping[str, EngineKind] = {
    "openvino": EngineKind("openvino", ("cpu",), _openvino),
    "torch": EngineKind("torch", DEVICES, _torch),
}


def create_engine(network: "PixelNetwork", engine: str = AUTO, device: str = AUTO) -> Engine:
    """The engine asked for, or the fastest that this machine has.

    Raises:
        EngineError: an unknown engine or device, one that is not on this machine, or an engine
            that does not run on the device.
    """
    if engine != AUTO and engine not in ENGINES:
        raise EngineError(f"Unknown engine {engine!r}; there are {AUTO}, {', '.join(ENGINES)}.")
    if device == AUTO:
        device = "cpu" if engine == "openvino" else _best_device()
    _check_device(device)
    wanted = [engine] if engine != AUTO else list(ENGINES)
    for name in wanted:
        kind = ENGINES[name]
        if device in kind.devices and importlib.util.find_spec(kind.package):
            return kind.create(network, device)
    if device not in ENGINES[engine].devices:
        raise EngineError(
            f"The engine {engine} does not run on {device}; "
            f"it runs on {', '.join(ENGINES[engine].devices)}."
        )
    raise EngineError(f"The engine {engine} is not installed: pip install {engine}.")


def _best_device() -> str:
    return next(device for device in ("cuda", "mps", "cpu") if _has(device))


def _check_device(device: str) -> None:
    if device not in DEVICES:
        raise EngineError(f"Unknown device {device!r}; there are {AUTO}, {', '.join(DEVICES)}.")
    if not _has(device):
        raise EngineError(f"This machine has no {device} device; use {AUTO} or cpu.")


def _has(device: str) -> bool:
    import torch

    tests: Mapping[str, Callable[[], bool]] = {
        "cpu": lambda: True,
        "cuda": lambda: ZERO_GPU or torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available,
    }
    return tests[device]()
