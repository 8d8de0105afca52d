"""How fast this machine is: our networks beside the paper's, and beside optimisation."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fastnst.descent import OptimizeSettings, check_workable, shared_loss_network
from fastnst.networks.sr import PaperSRNetwork
from fastnst.networks.style import PaperStyleNetwork
from fastnst.optimize import StyleObjective, optimize
from fastnst.settings import StyleSettings
from fastnst.stylizer import Stylizer
from fastnst.upscaler import Upscaler

SIZES = ((512, 512), (1920, 1080))
UPSCALED_SIZES = ((480, 270),)
OPTIMIZED_SIZES = ((256, 256), (512, 512), (1024, 1024))
RUNS = 3
# The paper's table 1; so many of them are timed, after one that warms up.
ITERATIONS = 500
TIMED = 5

Sizes = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Row:
    """What one size of picture took, in seconds, each the median of all runs.

    Attributes:
        width: of the picture given.
        height: of the picture given.
        fastnst: ours, picture in to picture out.
        paper: the paper's network in eager float32 torch, picture in to picture out.
        paper_network: the network's own part of that.
    """

    width: int
    height: int
    fastnst: float
    paper: float
    paper_network: float

    @property
    def ratio(self) -> float:
        """How many times faster, picture to picture."""
        return self.paper / self.fastnst

    @property
    def network_ratio(self) -> float:
        """How many times faster than the paper's network alone."""
        return self.paper_network / self.fastnst


@dataclass(frozen=True)
class OptimizeRow:
    """What one size of picture took, in seconds.

    Attributes:
        width: of the picture.
        height: of the picture.
        fastnst: ours, picture in to picture out, the median of all runs.
        iteration: of L-BFGS on the pixels, the mean of TIMED.
    """

    width: int
    height: int
    fastnst: float
    iteration: float

    @property
    def optimization(self) -> float:
        """Seconds of ITERATIONS; not measured, but reckoned from those that were."""
        return ITERATIONS * self.iteration

    @property
    def ratio(self) -> float:
        """How many times faster."""
        return self.optimization / self.fastnst


def bench(stylizer: Stylizer, sizes: Sizes = SIZES, runs: int = RUNS) -> Iterator[Row]:
    """Time a stylizer, in its first style at strength 1; see `_compare`."""
    rival = PaperStyleNetwork().eval()
    return _compare(stylizer, lambda x: rival(x, rival.styles[:1]), sizes, runs)


def bench_upscaler(
    upscaler: Upscaler, sizes: Sizes = UPSCALED_SIZES, runs: int = RUNS
) -> Iterator[Row]:
    """Time an upscaler, at its usual detail; see `_compare`."""
    rival = PaperSRNetwork(upscaler.scale).eval()
    return _compare(upscaler, rival, sizes, runs)


def bench_optimization(
    stylizer: Stylizer, sizes: Sizes = OPTIMIZED_SIZES, runs: int = RUNS
) -> Iterator[OptimizeRow]:
    """Time a stylizer, in its first style, beside L-BFGS on the pixels (table 1 of the paper).

    The optimisation is that of `fastnst optimize`, in fp32; half of the stylizer's runs come
    before it and half after. Later iterations look back on more steps, and take a little longer.

    Args:
        stylizer: ours.
        sizes: widths and heights of the pictures.
        runs: of the stylizer, each time, after one to warm up.

    Yields:
        A row a size, as soon as it is known.

    Raises:
        PictureError: a size is too large to optimise.
    """
    settings, loss_network = StyleSettings(), shared_loss_network()
    for width, height in sizes:
        check_workable(width, height)
        photo = _photo(width, height)
        stylizer(photo)
        times = [_time(stylizer, photo) for _ in range(runs)]
        objective = StyleObjective.of(photo, _photo(384, 384), loss_network, settings)
        steps = optimize(objective, photo, OptimizeSettings(TIMED + 2))
        seconds = [step.seconds for step in islice(steps, TIMED + 2)]
        times += [_time(stylizer, photo) for _ in range(runs)]
        yield OptimizeRow(width, height, median(times), (seconds[-1] - seconds[1]) / TIMED)


def _time(ours: Callable[[Image.Image], object], photo: Image.Image) -> float:
    start = time.perf_counter()
    ours(photo)
    return time.perf_counter() - start


def _compare(
    ours: Callable[[Image.Image], object],
    rival: Callable[[Tensor], Tensor],
    sizes: Sizes,
    runs: int,
) -> Iterator[Row]:
    """Time both on the same picture, by turns: what else the machine does hits both alike.

    Args:
        ours: from picture to picture.
        rival: from (1, 3, H, W) in [0, 1] to the same.
        sizes: widths and heights of the pictures.
        runs: of each, after one to warm up.

    Yields:
        A row a size, as soon as it is known.
    """
    for width, height in sizes:
        photo = _photo(width, height)
        times = []
        for _ in range(runs + 1):
            seconds = _time(ours, photo)
            times.append((seconds, *_run_eagerly(rival, photo)))
        yield Row(width, height, *(median(each) for each in zip(*times[1:], strict=True)))


@torch.inference_mode()
def _run_eagerly(network: Callable[[Tensor], Tensor], photo: Image.Image) -> tuple[float, float]:
    """Seconds from picture to picture, and of the network alone."""
    start = time.perf_counter()
    x = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float() / 255
    before = time.perf_counter()
    y = network(x)
    after = time.perf_counter()
    Image.fromarray(y[0].mul(255).round().byte().permute(1, 2, 0).contiguous().numpy())
    return time.perf_counter() - start, after - before


def _photo(width: int, height: int) -> Image.Image:
    """Coloured noise; how long a network takes does not depend on what it sees."""
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
