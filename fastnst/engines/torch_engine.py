"""PyTorch: half precision on a GPU, single precision on a processor."""

import threading
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from fastnst.engines.pixels import PixelNetwork
from fastnst.errors import CancelledError

PRECISIONS = {"cpu": torch.float32, "cuda": torch.float16, "mps": torch.float16}
LABELS = {torch.float32: "fp32", torch.float16: "fp16"}


class TorchEngine:
    """See `fastnst.engines.Engine`."""

    def __init__(self, network: PixelNetwork, device: str) -> None:
        self._device = device
        self._dtype = PRECISIONS[device]
        self._network = network.to(device, self._dtype).eval()
        self._lock = threading.Lock()  # one picture at a time: it bounds the memory
        self.description = f"{device.upper()} {LABELS[self._dtype]} torch"

    @torch.inference_mode()
    def run(
        self,
        pixels: NDArray[np.uint8],
        control: NDArray[np.float32],
        cancelled: Callable[[], bool],
    ) -> NDArray[np.uint8]:
        with self._lock:
            if cancelled():
                raise CancelledError("Stopped.")
            # torch.tensor copies: the arrays may be read-only, and stay their owner's.
            result = self._network(
                torch.tensor(pixels, device=self._device)[None],
                torch.tensor(control, device=self._device, dtype=self._dtype)[None],
            )
            return result[0].cpu().numpy()
