"""One run of `fastnst.fit`: its schedule, its checks, its log and what it saves."""

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from fastnst.checkpoint import Checkpoint
from fastnst.checkpoint_file import load_checkpoint, save_checkpoint
from fastnst.errors import FastnstError, TrainingError
from fastnst.fit.log import Log
from fastnst.fit.processes import on_main
from fastnst.fit.schedule import Pace, schedule
from fastnst.fit.state import (
    LOG,
    RESULTS,
    SETTINGS,
    STATE,
    WEIGHTS,
    Standing,
    load_state,
    save_state,
    write_text,
)
from fastnst.fit.task import Progress, Task
from fastnst.settings import FitSettings

SMOOTHING = 0.98
# A loss that is no number: back to the last good state with the rate lowered by LOWER, so often.
LOWER = 0.3
RECOVERIES = 3
# As many samples as there can be.
ENDLESS = 2**40


class Run:
    """The bookkeeping of one call of `fit`. All processes have one; the main one writes files."""

    def __init__(
        self,
        task: Task,
        settings: FitSettings,
        folder: Path,
        accelerator: Accelerator,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        self.task = task
        self.settings = settings
        self.folder = folder
        self.accelerator = accelerator
        self.optimizer = optimizer
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.measure = getattr(task, "held_out_loss", None) if settings.check_steps else None
        self.standing = Standing()
        self.best: Checkpoint | None = None
        self.stopped = False
        self.pace = Pace(0, 0.0)
        self.log = Log(folder / LOG)
        self.check_seconds = 0.0
        self.grow = getattr(task, "grow", None)
        self.time_share = 0.0
        self.saved = time.monotonic()
        self.checked = -1
        self.losses: dict[str, float] = {}
        self.held_out: float | None = None
        self.warning = ""
        self.warned: set[str] = set()

    @property
    def share(self) -> float:
        """Part of the training that is over, the same in every process."""
        settings = self.settings
        return self.time_share if settings.minutes else self.standing.step / settings.steps

    @property
    def steps(self) -> int:
        """Of the whole training; with a budget, as it looks now."""
        if self.settings.minutes and self.share:
            return round(self.standing.step / self.share)
        return self.settings.steps

    @property
    def done(self) -> bool:
        patience = self.settings.patience if self.measure else 0
        out_of_patience = 0 < patience <= self.standing.stale
        return self.stopped or out_of_patience or self.share >= 1

    def start(self, resume: bool) -> None:
        """Set out: from the state in the folder, or with a new one.

        Raises:
            FastnstError: the state does not fit, or a file cannot be written.
        """
        if resume:
            self.standing = load_state(self.folder / STATE, self.task.network, self.optimizer)
        self.pace = Pace(self.standing.step, self.standing.elapsed)
        on_main(lambda: self._open(resume))
        if self.measure and self.standing.best == math.inf and not self.standing.stale:
            self.check()
        self.time_share = on_main(self._time_share)

    def _open(self, resume: bool) -> None:
        write_text(self.folder / SETTINGS, self.settings.to_json())
        if resume and self.measure and math.isfinite(self.standing.best):
            self.best = load_checkpoint(self.folder / WEIGHTS)
        if not resume:
            save_state(self.folder / STATE, self.task.network, self.optimizer, self.standing)
        os.environ["TRACKIO_DIR"] = str(self.folder / "trackio")  # read when it is imported
        self.accelerator.init_trackers("fastnst", config=asdict(self.settings))
        self.losses = self.log.cut(self.standing.step if resume else -1)

    def batches(self) -> DataLoader[dict[str, Tensor]]:
        """Every process's part of each batch, from the present step on."""
        self.prepare_step()  # one batch is always read ahead
        indices = range(self.standing.step * self.settings.batch, ENDLESS)
        loader = DataLoader(Subset(self.task.samples, indices), batch_size=self.settings.batch)
        return self.accelerator.prepare(loader)

    def prepare_step(self) -> None:
        """Set the learning rates, and what the task makes of how far it is."""
        factor = schedule(self.standing.step, self.share, self.settings)
        factor *= LOWER**self.standing.recoveries
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        if self.grow:
            self.grow(self.share)

    def _time_share(self) -> float:
        return self.pace.share(self.settings.minutes, self.check_seconds)

    def average(self, losses: Mapping[str, Tensor], stop: bool) -> dict[str, float]:
        """The means over all processes, of the time that is over too; any of them may stop all."""
        values = [value.detach().float().reshape(()) for value in losses.values()]
        own = torch.tensor([stop, self._time_share()])
        every = torch.cat([torch.stack(values), own.to(values[0])])
        *means, stopping, self.time_share = self.accelerator.reduce(every, "mean").tolist()
        self.stopped = stopping > 0
        return dict(zip(losses, means, strict=True))

    def recover(self, losses: Mapping[str, float]) -> bool:
        """Whether a step would have spoilt the weights; then they are the last good ones again.

        Raises:
            TrainingError: that has happened too often.
        """
        bad = [name for name in ("total", "gradient") if not math.isfinite(losses[name])]
        if not bad:
            return False
        name = "loss" if bad[0] == "total" else bad[0]
        problem = f"The {name} became {losses[bad[0]]} at step {self.standing.step}"
        last_good = load_state(self.folder / STATE, self.task.network, self.optimizer)
        self.optimizer.zero_grad()
        self.pace = Pace(last_good.step, self.pace.elapsed)
        recoveries = self.standing.recoveries + 1
        if recoveries > RECOVERIES:
            self.standing = last_good
            raise TrainingError(
                f"{problem}, even with the rate lowered {RECOVERIES} times; the last good weights "
                f"are in {self.folder / WEIGHTS}. Try a lower --rate than {self.settings.rate:g}, "
                "or --precision fp32."
            )
        self.standing = replace(self.standing, step=last_good.step, recoveries=recoveries)
        on_main(lambda: self.log.cut(last_good.step))
        factor = LOWER**recoveries
        self._warn(f"{problem}: back to step {last_good.step}, with {factor:.2g} × the rate.")
        return True

    def advance(self, losses: Mapping[str, float]) -> Progress:
        """Note a step that was made."""
        self.standing.step += 1
        step, minutes = self.standing.step, self.settings.minutes
        for name, now in losses.items():
            self.losses[name] = SMOOTHING * self.losses.get(name, now) + (1 - SMOOTHING) * now
        if self.measure and (step % self.settings.check_steps == 0 or self.done):
            self.check()
        preview = None
        if self.accelerator.is_main_process:
            every = self.settings.preview_steps
            preview = self.task.preview() if every and step % every == 0 else None
            self.accelerator.log(self.losses, step=step)
            self._log({"losses": self.losses})
        pace, elapsed = self.pace.seconds(step), self.pace.elapsed
        left = 60 * minutes - elapsed if minutes else pace * (self.steps - step)
        progress = Progress(
            step=step,
            steps=self.steps,
            losses=dict(self.losses),
            elapsed=elapsed,
            remaining=max(0.0, left),
            preview=preview,
            held_out=self.held_out,
            warning=self.warning,
        )
        self.held_out, self.warning = None, ""
        return progress

    def check(self) -> None:
        """Measure the held-out loss; weights that are the best so far are kept."""
        started = time.monotonic()
        self._note(on_main(self._measure))
        self.check_seconds = time.monotonic() - started

    @torch.no_grad()
    def _measure(self) -> float:
        assert self.measure is not None
        return float(self.measure())

    def _note(self, held_out: float) -> None:
        self.held_out, self.checked = held_out, self.standing.step
        better = held_out < self.standing.best
        self.standing.stale = 0 if better else self.standing.stale + 1
        if better:
            self.standing.best = held_out
        if self.accelerator.is_main_process:
            if better:
                self.best = self._checkpoint()
            self._log({"held_out": held_out})

    def save_if_due(self) -> None:
        """Save now and then. If that fails, an older save is still there: training goes on."""
        due = time.monotonic() - self.saved >= 60 * self.settings.save_minutes
        if due and self.accelerator.is_main_process:
            self._attempt(self.save)
            self.saved = time.monotonic()

    def finish(self) -> None:
        """Save what there is in the end; with checks, the last weights get one too."""
        self.save()
        if self.measure and self.checked != self.standing.step:
            self._note(self._measure())
            self._save_weights()

    def save(self) -> None:
        """Write the weights, the results and the state, each whole or not at all.

        Raises:
            FastnstError: one cannot be written; what was there before is untouched.
        """
        if self._finite():
            self._save_weights()
            standing = replace(self.standing, elapsed=self.pace.elapsed)
            save_state(self.folder / STATE, self.task.network, self.optimizer, standing)

    def _save_weights(self) -> None:
        save_checkpoint(self.best or self._checkpoint(), self.folder / WEIGHTS)
        write_text(self.folder / RESULTS, json.dumps(self._summary(), indent=2) + "\n")

    def _checkpoint(self) -> Checkpoint:
        settings = replace(self.settings, steps=self.steps)
        made = self.task.checkpoint({**asdict(settings), **self._summary()})
        return replace(made, tensors={key: np.array(each) for key, each in made.tensors.items()})

    def _summary(self) -> dict[str, Any]:
        summary = {
            "step": self.standing.step,
            "seconds": round(self.pace.elapsed),
            "losses": {name: round(value, 5) for name, value in self.losses.items()},
            "precision": self.accelerator.mixed_precision,
        }
        if math.isfinite(self.standing.best):
            summary["held_out_loss"] = float(f"{self.standing.best:.5g}")
        if self.standing.recoveries:
            summary["recoveries"] = self.standing.recoveries
        return summary

    def _finite(self) -> bool:
        return all(bool(value.isfinite().all()) for value in self.task.network.parameters())

    def _warn(self, sentence: str) -> None:
        """Say a thing once, to whoever watches and in the log."""
        if sentence not in self.warned:
            self.warned.add(sentence)
            self.warning = f"{self.warning} {sentence}".strip()
            if self.accelerator.is_main_process:
                self._log({"warning": sentence})

    def _log(self, facts: Mapping[str, Any]) -> None:
        row = {"step": self.standing.step, "seconds": round(self.pace.elapsed, 1), **facts}
        self._attempt(lambda: self.log.add(row))

    def _attempt(self, write: Callable[[], None]) -> None:
        """Write something that is no reason to end a training; what was saved before is as it was.

        A disk may be full for a while.
        """
        try:
            write()
        except FastnstError as error:
            self._warn(f"{error} Training goes on.")
