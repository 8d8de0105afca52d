"""ZeroGPU, the Hub's free hardware for Spaces: a GPU lent for one call, in a process of its own.

There `spaces` has to be imported before anything touches CUDA, and CUDA may be touched only in a
function that `spaces.GPU` has wrapped; a Space that has none when its page is served is stopped.
"""

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fastnst.engines import Engine
    from fastnst.engines.pixels import PixelNetwork

ZERO_GPU = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
# To ask for: visitors have minutes a day, and whoever asks for little is served sooner.
SECONDS = 15
# Pixels. The way to the GPU takes longer than less on the processor.
WORTH_THE_WAY = 256 * 256

F = TypeVar("F", bound=Callable[..., object])


def on_lent_gpu(function: F) -> F:
    """The function, on ZeroGPU called where the GPU is; elsewhere as it is.

    What it is given and returns travels between processes.
    """
    if not ZERO_GPU:
        return function
    import spaces

    wrapped: F = spaces.GPU(function, duration=SECONDS)
    return wrapped


@on_lent_gpu
def compute(
    network: "PixelNetwork", pixels: NDArray[np.uint8], control: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Run a network on CUDA; pixels and result are (H, W, 3)."""
    from fastnst.engines.torch_engine import TorchEngine

    return TorchEngine(network, "cuda").run(pixels, control, lambda: False)


class ZeroGpuEngine:
    """See `fastnst.engines.Engine`. Computes on the processor what is small, or lent no GPU."""

    def __init__(self, network: "PixelNetwork", processor: "Engine") -> None:
        self._network = network
        self._processor = processor
        self.description = f"ZeroGPU, {processor.description}"

    def run(
        self,
        pixels: NDArray[np.uint8],
        control: NDArray[np.float32],
        cancelled: Callable[[], bool],
    ) -> NDArray[np.uint8]:
        if pixels.shape[0] * pixels.shape[1] >= WORTH_THE_WAY and not cancelled():
            try:
                return compute(self._network, pixels, control)
            except Exception as error:  # none is free, the visitor's minutes are used up, …
                logging.getLogger(__name__).warning("No GPU: %s", error)
        return self._processor.run(pixels, control, cancelled)
