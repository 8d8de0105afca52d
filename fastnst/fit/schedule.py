"""How fast a training learns at each step, and how many steps fit in a budget of time."""

import math
import time

from fastnst.settings import FitSettings

# A pace is taken of so many steps at least, after a few that warm up, and of this part of the
# budget.
PACE_STEPS = 8
SLOW_STEPS = 2
PACE_SHARE = 0.1


def schedule(step: int, settings: FitSettings) -> float:
    """The learning rate at a step, as a part of the highest: a linear rise, then a cosine."""
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


class Pace:
    """How fast a stretch of training goes, from now on.

    Attributes:
        check_seconds: what a check on the held-out photos took.
    """

    def __init__(self, step: int, elapsed: float) -> None:
        """Start at a step, after `elapsed` seconds of training before."""
        self.first_step = step
        self.before = elapsed
        self.started = self.measured = time.monotonic()
        self.check_seconds = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds of training, those before included."""
        return self.before + time.monotonic() - self.started

    def seconds(self, step: int) -> float:
        """A step's, so far."""
        return (time.monotonic() - self.started) / (step - self.first_step)

    def fitting_steps(self, step: int, minutes: float, check_steps: int) -> int | None:
        """How many steps fit in a budget; asked at every step, and known after a few."""
        if step == self.first_step + SLOW_STEPS:
            self.measured = time.monotonic()
        measured = step - self.first_step - SLOW_STEPS
        if measured < PACE_STEPS or self.elapsed < PACE_SHARE * 60 * minutes:
            return None
        pace = (time.monotonic() - self.measured) / measured
        left = 60 * minutes - self.elapsed
        if check_steps:
            pace += self.check_seconds / check_steps
            left -= self.check_seconds  # one more in the end
        return step + max(0, int(left / pace))
