"""The optimizers that move pixels: L-BFGS as in the literature, a safer one, and Adam."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Method:
    """A way to descend.

    Attributes:
        rate: the learning rate, unless another is asked for.
        create: makes the optimizer of a picture, from its learning rate and how many
            past steps L-BFGS keeps.
    """

    rate: float
    create: Callable[[Tensor, float, int], torch.optim.Optimizer]


def _lbfgs(
    kind: type[torch.optim.LBFGS], pixels: Tensor, rate: float, history: int
) -> torch.optim.Optimizer:
    # One iteration a step and no line search, so an iteration costs one evaluation, as everywhere
    # in the literature. Its tolerances are for other scales than that of these gradients.
    return kind(
        [pixels],
        rate,
        max_iter=1,
        history_size=history,
        tolerance_grad=0,
        tolerance_change=0,
    )


def _adam(pixels: Tensor, rate: float, history: int) -> torch.optim.Optimizer:
    return torch.optim.Adam([pixels], rate)


class SafeLBFGS(torch.optim.LBFGS):
    """L-BFGS whose first step is bold, and which goes back when a step led uphill.

    At first it knows no curvature, and usually moves all pixels together by 1. This one moves each
    by `bold` on average, which saves an iteration; where there is time for ten, that is something.
    Gram matrices alone, without a content that holds the picture, sometimes send it far off: it
    then forgets what it learnt, and begins anew from the best picture, half as bold.
    """

    UPHILL = 1.5

    def __init__(self, params: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(params, *arguments, **options)
        self.bold = 0.003
        self._best = math.inf

    @torch.no_grad()
    def step(self, closure: Callable[[], float]) -> Any:  # type: ignore[override]
        (group,) = self.param_groups
        (pixels,) = group["params"]
        rate, loss = group["lr"], closure()
        if loss < self._best:
            self._best, self._pixels, self._gradient = loss, pixels.clone(), pixels.grad.clone()
        elif loss > self.UPHILL * self._best:
            pixels.copy_(self._pixels)
            pixels.grad.copy_(self._gradient)
            self.state.clear()
            self.bold /= 2
        if not self.state:
            group["lr"] = rate * self.bold * pixels.numel()
        super().step(closure)
        group["lr"] = rate
        return loss


METHODS: Mapping[str, Method] = {
    "lbfgs": Method(1.0, partial(_lbfgs, torch.optim.LBFGS)),
    "adam": Method(0.02, _adam),
    "safe": Method(1.0, partial(_lbfgs, SafeLBFGS)),
}
