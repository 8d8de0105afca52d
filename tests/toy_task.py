"""A training so small that its answer is known: a 1×1 convolution and a shift, told by samples.

As a script it is a training like the others: `python toy_task.py OUT --steps 40 [--resume]`.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from fastnst.checkpoint import Checkpoint
from fastnst.settings import FitSettings, add_arguments, from_arguments

MATRIX = torch.tensor([[0.8, -0.3, 0.1], [0.2, 0.9, 0.4], [-0.1, 0.3, -0.7]])
SHIFT = torch.tensor([0.4, -0.2, 0.1])
HELD_OUT = 10**6


class ToyNetwork(nn.Module):
    """What learns; the shift is added by the task, as a style's vector is made by its."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        self.shift = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class ToySamples(Dataset[dict[str, Tensor]]):
    def __init__(self, delay: float) -> None:
        self.delay = delay

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        time.sleep(self.delay)
        x = torch.from_numpy(np.random.default_rng(index).normal(size=(3, 4, 4)).astype("float32"))
        return {"x": x, "y": torch.einsum("ij,jhw->ihw", MATRIX, x) + SHIFT[:, None, None]}


class ToyTask:
    """A `Task`.

    Attributes:
        network: what learns.
        cliff: beyond this shift the loss is no number.
        aim: how much of the answer the held-out samples want; below 1, training goes past it.
    """

    def __init__(
        self, settings: FitSettings, *, delay: float = 0, cliff: float = 10, aim: float = 1
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.network = ToyNetwork()
        self.samples = ToySamples(delay)
        self.cliff = cliff
        self.aim = aim

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [
            {"params": [self.network.conv.weight], "lr": self.settings.rate, "orthogonal": True},
            {"params": [self.network.shift], "lr": self.settings.rate},
        ]

    def losses(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        shift = self.network.shift[None, :, None, None]
        error = (network(batch["x"]) + shift - batch["y"]).square().mean()
        room = torch.log(self.cliff - shift.abs().max())  # NaN beyond the cliff
        return {"total": error + 0 * room, "error": error}

    def held_out_loss(self) -> float:
        samples = [self.samples[HELD_OUT + i] for i in range(8)]
        batch = {key: torch.stack([each[key] for each in samples]) for key in ("x", "y")}
        batch["y"] = batch["y"] * self.aim
        return float(self.losses(self.network, batch)["error"].detach())

    def checkpoint(self, training: Mapping[str, Any]) -> Checkpoint:
        tensors = {name: each.detach().numpy() for name, each in self.network.named_parameters()}
        return Checkpoint("toy", "toy", {}, tensors, training=training)

    def preview(self) -> Image.Image:
        return Image.new("RGB", (8, 8))


def distance(checkpoint: Checkpoint) -> float:
    """How far the weights are from the right ones."""
    matrix = torch.tensor(checkpoint.tensors["conv.weight"]).flatten(1)
    shift = torch.tensor(checkpoint.tensors["shift"])
    return float(max((matrix - MATRIX).abs().max(), (shift - SHIFT).abs().max()))


def train() -> None:
    import session

    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--delay", type=float, default=0.0)
    add_arguments(parser, FitSettings)
    arguments = parser.parse_args()
    settings = from_arguments(arguments, FitSettings)
    task = ToyTask(settings, delay=arguments.delay)
    session.run(task, settings, arguments.out, arguments.resume)


if __name__ == "__main__":
    import session

    session.main(train)
