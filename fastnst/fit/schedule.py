"""How far a training is, and how fast it learns there."""

import time

from fastnst.settings import FitSettings

# What a budget is too short to warm up in: the rise takes this part of the training at most.
LONGEST_RISE = 0.25
# Seconds that every budget leaves for training.
LEAST_SECONDS = 0.1


def schedule(step: int, share: float, settings: FitSettings) -> float:
    """The learning rate, as a part of the highest: it rises, and falls to 0, both linearly.

    New styles ended 1 % lower with it than with a cosine.

    Args:
        step: steps done.
        share: part of the training that is over, of its steps or of its time.
    """
    rise = max((step + 1) / max(1, settings.warmup), share / LONGEST_RISE)
    return min(1.0, rise) * (1 - share)


class Pace:
    """How fast a stretch of training goes, from now on."""

    def __init__(self, step: int, elapsed: float) -> None:
        """Start at a step, after `elapsed` seconds of training before."""
        self.first_step = step
        self.before = elapsed
        self.started = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds of training, those before included."""
        return self.before + time.monotonic() - self.started

    def seconds(self, step: int) -> float:
        """A step's, so far."""
        return (time.monotonic() - self.started) / (step - self.first_step)

    def share(self, minutes: float, reserve: float) -> float:
        """Part of a budget that is over, without the last `reserve` seconds of it."""
        return min(1.0, self.elapsed / max(LEAST_SECONDS, 60 * minutes - reserve))
