"""The learning rate of a training, found by trying."""

import math
from collections.abc import Mapping
from dataclasses import replace

import torch

from fastnst.muon import Muon
from fastnst.settings import StyleSettings
from fastnst.style_training import StyleTask

# Tried before a training, as factors of its learning rates, for so many steps each.
RATE_FACTORS = (0.4, 1.0, 2.5)
RATE_STEPS = 6
# Six steps flatter a high rate: after twelve the usual one has caught up, and ends lower. So a
# higher one must win by this factor.
RATE_MARGIN = 1.35


def with_best_rate(task: StyleTask) -> StyleSettings:
    """The settings with the lowest learning rates that a few steps get about furthest with.

    Held out, and to within RATE_MARGIN. The network is left as it was.
    """
    settings = task.settings
    before = {key: value.clone() for key, value in task.network.state_dict().items()}
    losses = {}
    for factor in RATE_FACTORS:
        task.settings = _scaled(settings, factor)
        optimizer = Muon(task.parameter_groups())
        for step in range(RATE_STEPS):
            numbers = range(step * settings.batch, (step + 1) * settings.batch)
            batch = torch.utils.data.default_collate([task.samples[each] for each in numbers])
            optimizer.zero_grad()
            with task.precision():
                loss = task.losses(task.network, batch)["total"]
            loss.backward()
            torch.nn.utils.clip_grad_norm_(task.network.parameters(), settings.clip)
            optimizer.step()
        reached = task.held_out_loss()
        losses[factor] = reached if math.isfinite(reached) else math.inf
        task.network.load_state_dict(before)
    task.settings = settings
    return _scaled(settings, lowest_good(losses))


def lowest_good(losses: Mapping[float, float]) -> float:
    """Of factor → loss, the lowest factor with a loss within RATE_MARGIN of the least."""
    enough = RATE_MARGIN * min(losses.values())
    return min(factor for factor, loss in losses.items() if loss <= enough)


def _scaled(settings: StyleSettings, factor: float) -> StyleSettings:
    names = ("rate", "adam_rate", "style_rate")
    return replace(settings, **{name: getattr(settings, name) * factor for name in names})
