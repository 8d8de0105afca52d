"""What `fastnst.fit` takes and what it gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from fastnst.checkpoint import Checkpoint


class Task(Protocol):
    """What is trained: a network, its samples and its losses.

    It may have `held_out_loss() -> float` besides, the lower the better: with
    `FitSettings.check_steps` the best weights by it are kept. The main process alone calls it. And
    it may have `grow(share: float)`, called before every step: the part of the training that is
    over, from 0 to 1.
    """

    @property
    def network(self) -> nn.Module:
        """What learns."""

    @property
    def samples(self) -> Dataset[dict[str, Tensor]]:
        """Of an endless stream: sample i depends on i alone."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The optimizer's groups; each has "params" and "lr", the highest learning rate.

        A group with "orthogonal": True is of weights of convolutions, for `fastnst.muon.Muon`.
        """

    def losses(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Scalar losses, each a mean over the batch; "total" is the one to descend."""

    def checkpoint(self, training: Mapping[str, Any]) -> Checkpoint:
        """The network as it is now, with a summary of its training."""

    def preview(self) -> Image.Image:
        """What the network makes now."""


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Attributes:
        step: steps done, of `steps`; these are an estimate if there is a budget of time.
        losses: means over all processes, smoothed over about fifty steps.
        elapsed: seconds of training, earlier sessions included.
        remaining: seconds left, of the budget or by the pace of this session.
        preview: a new preview, or none at this step.
        held_out: a new held-out loss, or none at this step.
        warning: what went wrong at this step and was got over, in a sentence.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    elapsed: float
    remaining: float
    preview: Image.Image | None = None
    held_out: float | None = None
    warning: str = ""
