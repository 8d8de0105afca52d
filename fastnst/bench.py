"""How fast this machine is: `Stylizer` beside the paper's network as it is usually run."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from PIL import Image

from fastnst.networks.style import PaperStyleNetwork
from fastnst.stylizer import Stylizer

SIZES = ((512, 512), (1920, 1080))
RUNS = 3


@dataclass(frozen=True)
class Row:
    """What one size of picture took, in seconds, each the median of all runs.

    Attributes:
        width: of the picture.
        height: of the picture.
        stylizer: `Stylizer`, picture in to picture out.
        paper: the paper's network in eager float32 torch, picture in to picture out.
        paper_network: the network's own part of that.
    """

    width: int
    height: int
    stylizer: float
    paper: float
    paper_network: float

    @property
    def ratio(self) -> float:
        """How many times faster, picture to picture."""
        return self.paper / self.stylizer

    @property
    def network_ratio(self) -> float:
        """How many times faster than the paper's network alone."""
        return self.paper_network / self.stylizer


def bench(
    stylizer: Stylizer, sizes: Sequence[tuple[int, int]] = SIZES, runs: int = RUNS
) -> Iterator[Row]:
    """Time both on the same picture, by turns: what else the machine does hits both alike.

    Args:
        stylizer: the one to time, in its first style at strength 1.
        sizes: widths and heights of the pictures.
        runs: of each, after one to warm up.

    Yields:
        A row a size, as soon as it is known.
    """
    rival = PaperStyleNetwork().eval()
    for width, height in sizes:
        photo = _photo(width, height)
        ours: list[float] = []
        theirs: list[float] = []
        alone: list[float] = []
        for run in range(runs + 1):
            seconds = _seconds(lambda photo=photo: stylizer(photo))  # type: ignore[misc]
            rival_seconds, network_seconds = _paint_eagerly(rival, photo)
            if run:
                ours.append(seconds)
                theirs.append(rival_seconds)
                alone.append(network_seconds)
        yield Row(width, height, median(ours), median(theirs), median(alone))


@torch.inference_mode()
def _paint_eagerly(network: PaperStyleNetwork, photo: Image.Image) -> tuple[float, float]:
    """Seconds from picture to picture, and of the network alone."""
    start = time.perf_counter()
    x = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float() / 255
    before = time.perf_counter()
    y = network(x, network.styles[:1])
    after = time.perf_counter()
    Image.fromarray(y[0].mul(255).round().byte().permute(1, 2, 0).contiguous().numpy())
    return time.perf_counter() - start, after - before


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _photo(width: int, height: int) -> Image.Image:
    """Coloured noise; how long a network takes does not depend on what it sees."""
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
