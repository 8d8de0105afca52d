"""Muon, the optimizer of every training: Adam, but for the matrices inside a network."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fastnst.settings import FitSettings

# Of the polynomial that brings all singular values near 1 in a few steps (Jordan et al. 2024).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
# A gradient may be tiny and still say where to go: deep in a network that has not come alive yet,
# 1e-8 is usual. Only that of nothing stays nothing.
SMALLEST_NORM = 1e-30
# Every step adds a matrix of one size, so without this the weights of a long training only grow:
# after 2,000 steps they were three times as large, and gradients burst.
DECAY = 0.1


class Muon(torch.optim.Adam):
    """Adam for most parameter groups, orthogonalised momentum for those marked "orthogonal".

    A convolution of C outputs is a matrix (C, inputs · kernel²), three dimensions are a stack of
    matrices, of which a step leaves alone those that have no gradient at all. The momentum is
    replaced by the nearest matrix whose singular values are all about 1, so no direction is learnt
    late because its gradient is small (Jordan et al. 2024, "Muon"). On a super-resolution network
    400 steps of it came further than 600 of Adam, at the same time a step. A group may have its own
    "momentum"; a training of few steps wants less.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        groups = self.param_groups
        self.param_groups = [group for group in groups if not group.get("orthogonal")]
        try:
            loss = super().step(closure)
        finally:
            self.param_groups = groups
        for group in groups:
            if group.get("orthogonal"):
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._turn(parameter, parameter.grad, group)
        return loss

    def _turn(self, parameter: Tensor, gradient: Tensor, group: Mapping[str, Any]) -> None:
        state, keep = self.state[parameter], group.get("momentum", FitSettings.momentum)
        if not state:
            state["step"] = torch.tensor(0.0)  # Adam looks for it when a state is loaded
            state["momentum"] = torch.zeros_like(parameter)
        if parameter.ndim == 3 and not (used := gradient.flatten(1).any(1)).all():
            # Else the least rest of old momentum would move a matrix as far as its own gradient
            # does: among fifty styles, fifty times for each picture in one of them.
            chosen, momentum = parameter[used], state["momentum"][used]
            self._move(chosen, gradient[used], momentum, group["lr"], keep)
            parameter[used], state["momentum"][used] = chosen, momentum
        else:
            self._move(parameter, gradient, state["momentum"], group["lr"], keep)

    def _move(
        self, parameter: Tensor, gradient: Tensor, momentum: Tensor, rate: float, keep: float
    ) -> None:
        momentum.lerp_(gradient, 1 - keep)
        ahead = gradient.lerp(momentum, keep)
        if ahead.ndim == 4:  # a convolution's
            ahead = ahead.flatten(1)
        rows, columns = ahead.shape[-2:]
        update = orthogonalized(ahead).reshape(parameter.shape)
        parameter.mul_(1 - rate * DECAY)
        parameter.add_(update, alpha=-rate * max(1.0, rows / columns) ** 0.5)


def inner_weights(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The weights of the convolutions inside a network, which are Muon's, and all others.

    What meets pixels, the first convolution and the last, is Adam's, and so is what is no matrix.
    """
    named = list(network.named_parameters())
    weights = [name for name, value in named if value.ndim == 4]
    inner: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, value in named:
        (inner if name in weights[1:-1] else others).append(value)
    return inner, others


def parameter_groups(network: nn.Module, settings: FitSettings) -> list[dict[str, Any]]:
    """The groups of a network that is Muon's inside and Adam's outside, at the highest rates."""
    inner, others = inner_weights(network)
    return [orthogonal(inner, settings), {"params": others, "lr": settings.adam_rate}]


def orthogonal(matrices: list[nn.Parameter], settings: FitSettings) -> dict[str, Any]:
    """The group of what is Muon's."""
    return {
        "params": matrices,
        "lr": settings.rate,
        "momentum": settings.momentum,
        "orthogonal": True,
    }


def orthogonalized(matrix: Tensor) -> Tensor:
    """About the nearest matrices (…, m, n) with orthonormal rows or columns, whichever are fewer.

    Singular values end up between 0.7 and 1.2, which is near enough.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp_min(SMALLEST_NORM)
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x
