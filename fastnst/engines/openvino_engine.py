"""OpenVINO, the fastest on a processor: bf16 where the processor computes in it, else fp32."""

import os
import threading
import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from fastnst.engines.pixels import PixelNetwork
from fastnst.errors import CancelledError

os.environ.setdefault("CI", "true")  # read at import: the package's documented telemetry opt-out
import openvino as ov

PRECISIONS = {True: "bf16", False: "f32"}
POLL_MILLISECONDS = 50


class OpenVinoEngine:
    """See `fastnst.engines.Engine`. One compiled network serves all sizes and all controls."""

    def __init__(self, network: PixelNetwork) -> None:
        core = ov.Core()
        bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self._compiled = core.compile_model(
            _convert(network),
            "CPU",
            {"INFERENCE_PRECISION_HINT": PRECISIONS[bf16], "PERFORMANCE_HINT": "LATENCY"},
        )
        # A picture uses all cores, so a second one at the same time would only cost memory.
        self._lock = threading.Lock()
        self.description = f"CPU {'bf16' if bf16 else 'fp32'}"

    def run(
        self,
        pixels: NDArray[np.uint8],
        control: NDArray[np.float32],
        cancelled: Callable[[], bool],
    ) -> NDArray[np.uint8]:
        with self._lock:
            # A request of its own for each picture: no caller can meet another's data, and the
            # memory of a large picture goes when its request does. Making one costs about 1 ms.
            request = self._compiled.create_infer_request()
            inputs = [pixels[None], control[None]][: len(self._compiled.inputs)]
            request.start_async(inputs, share_inputs=True)
            try:
                while not request.wait_for(POLL_MILLISECONDS):
                    if cancelled():
                        raise CancelledError("Stopped.")
            except BaseException:
                request.cancel()
                raise
            return request.get_output_tensor().data[0].copy()


def _convert(network: PixelNetwork) -> ov.Model:
    side = network.example
    example = (
        torch.zeros(1, side, side, 3, dtype=torch.uint8),
        torch.zeros(1, network.controls),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit.trace, which the conversion uses, is deprecated
        return ov.convert_model(
            network.eval(),
            example_input=example,
            input=[("pixels", [1, -1, -1, 3]), ("control", [1, network.controls])],
        )
