"""The training loop: a generator that yields its progress.

A script, a test and a page can drive it, and stop it by stopping to ask. It is resumable at any
moment: all that is random follows from the seed and the step, the learning rate from the step, and
the rest is in one file, written whole or not at all.
"""

import importlib.util
import json
import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import DataLoaderConfiguration
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from fastnst.checkpoint import Checkpoint, replacing, save_checkpoint
from fastnst.errors import TrainingError
from fastnst.muon import Muon
from fastnst.settings import FitSettings

STATE = "state.safetensors"
WEIGHTS = "weights.safetensors"
SETTINGS = "settings.json"
RESULTS = "results.json"
LOG = "log.jsonl"

SMOOTHING = 0.98


class Task(Protocol):
    """What is trained: a network, its samples and its losses."""

    @property
    def network(self) -> nn.Module:
        """What learns."""

    @property
    def samples(self) -> Dataset[dict[str, Tensor]]:
        """`steps * batch` samples; each depends on its index alone."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The optimizer's groups; each has "params" and "lr", the highest learning rate.

        A group with "orthogonal": True is of weights of convolutions, for `fastnst.muon.Muon`.
        """

    def losses(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Scalar losses of a batch; "total" is the one to descend."""

    def checkpoint(self, training: Mapping[str, Any]) -> Checkpoint:
        """The network as it is now, with a summary of its training."""

    def preview(self) -> Image.Image:
        """What the network makes now."""


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Attributes:
        step: steps done, of `steps`.
        losses: smoothed over about fifty steps.
        elapsed: seconds of training, earlier sessions included.
        remaining: seconds left, from the pace of this session.
        preview: a new preview, or none at this step.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    elapsed: float
    remaining: float
    preview: Image.Image | None = None


def fit(
    task: Task, settings: FitSettings, folder: str | Path, *, resume: bool = False
) -> Iterator[Progress]:
    """Train, yielding once a step. Closing the generator saves, so nothing is lost.

    Args:
        task: what to train.
        settings: how.
        folder: where the weights (`weights.safetensors`), the resumable state, the settings, the
            log of losses and the results go.
        resume: go on from the state in the folder.

    Raises:
        TrainingError: the folder cannot be used, the state does not fit, or a loss is not
            finite; in that case the last good weights have been saved.
    """
    folder = Path(folder)
    AcceleratorState._reset_state()  # else a process's first training sets the precision of all
    accelerator = Accelerator(
        mixed_precision=choose_precision(settings.precision),
        dataloader_config=DataLoaderConfiguration(split_batches=True),
        log_with=_find_tracker(settings.tracker),
        project_dir=folder,
    )
    optimizer = Muon(task.parameter_groups())
    _check_folder(folder, task.network, settings, resume)
    step, elapsed = _load_state(folder / STATE, task.network, optimizer) if resume else (0, 0.0)
    rates = [group["lr"] for group in task.parameter_groups()]
    rest = Subset(task.samples, range(step * settings.batch, settings.steps * settings.batch))
    loader = DataLoader(rest, batch_size=settings.batch)
    network, optimizer, loader = accelerator.prepare(task.network, optimizer, loader)

    run = _Run(task, settings, folder, accelerator, optimizer, step, elapsed)
    run.start(resume)
    try:
        for batch in loader:
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * schedule(run.step, settings)
            with accelerator.autocast():
                losses = task.losses(network, batch)
            accelerator.backward(losses["total"])
            norm = accelerator.clip_grad_norm_(network.parameters(), settings.clip)
            run.check(losses["total"], norm)
            run.save_if_due()  # before the step: these weights have just proved good
            optimizer.step()
            optimizer.zero_grad()
            yield run.advance({**losses, "gradient": norm})
    except (GeneratorExit, KeyboardInterrupt):
        run.save()
        raise
    run.save()
    accelerator.end_training()


class _Run:
    """The bookkeeping of one call of `fit`."""

    def __init__(
        self,
        task: Task,
        settings: FitSettings,
        folder: Path,
        accelerator: Accelerator,
        optimizer: Any,
        step: int,
        elapsed: float,
    ) -> None:
        self.task = task
        self.settings = settings
        self.folder = folder
        self.accelerator = accelerator
        self.optimizer = optimizer
        self.step = self.first_step = step
        self.elapsed_before = elapsed
        self.started = self.saved = time.monotonic()
        self.losses: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        return self.elapsed_before + time.monotonic() - self.started

    def start(self, resume: bool) -> None:
        """Open the log, without what an earlier run logged beyond the step this one starts at."""
        if not self.accelerator.is_main_process:
            return
        os.environ["TRACKIO_DIR"] = str(self.folder / "trackio")  # read when it is imported
        self.accelerator.init_trackers("fastnst", config=asdict(self.settings))
        log = self.folder / LOG
        lines = log.read_text().splitlines() if resume and log.is_file() else []
        rows = [row for row in map(_parse_row, lines) if row and row["step"] <= self.step]
        log.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.losses = rows[-1]["losses"] if rows else {}

    def check(self, loss: Tensor, norm: Tensor) -> None:
        """Stop before a step that would spoil the weights."""
        for name, value in (("loss", float(loss.detach())), ("gradient", float(norm))):
            if not math.isfinite(value):
                kept = self.folder / WEIGHTS
                raise TrainingError(
                    f"The {name} became {value} at step {self.step}; "
                    + (f"the last good weights are in {kept}" if kept.is_file() else "none saved")
                    + f". Try a lower --rate than {self.settings.rate:g}, or --precision fp32."
                )

    def advance(self, losses: Mapping[str, Tensor]) -> Progress:
        self.step += 1
        for name, value in losses.items():
            now = float(value.detach())
            self.losses[name] = SMOOTHING * self.losses.get(name, now) + (1 - SMOOTHING) * now
        pace = (time.monotonic() - self.started) / (self.step - self.first_step)
        every = self.settings.preview_steps
        preview = self.task.preview() if every and self.step % every == 0 else None
        if self.accelerator.is_main_process:
            self.accelerator.log(self.losses, step=self.step)
            with (self.folder / LOG).open("a") as log:
                row = {"step": self.step, "seconds": round(self.elapsed, 1), "losses": self.losses}
                log.write(json.dumps(row) + "\n")
        return Progress(
            step=self.step,
            steps=self.settings.steps,
            losses=dict(self.losses),
            elapsed=self.elapsed,
            remaining=pace * (self.settings.steps - self.step),
            preview=preview,
        )

    def save_if_due(self) -> None:
        if time.monotonic() - self.saved >= 60 * self.settings.save_minutes:
            self.save()

    def save(self) -> None:
        """Write the weights, the results and the state, each whole or not at all."""
        if self.accelerator.is_main_process and self._finite():
            summary = {
                "step": self.step,
                "seconds": round(self.elapsed),
                "losses": {name: round(value, 5) for name, value in self.losses.items()},
                "precision": self.accelerator.mixed_precision,
            }
            training = {**asdict(self.settings), **summary}
            save_checkpoint(self.task.checkpoint(training), self.folder / WEIGHTS)
            with replacing(self.folder / RESULTS) as temporary:
                temporary.write_text(json.dumps(summary, indent=2) + "\n")
            _save_state(
                self.folder / STATE, self.task.network, self.optimizer, self.step, self.elapsed
            )
        self.saved = time.monotonic()

    def _finite(self) -> bool:
        return all(bool(value.isfinite().all()) for value in self.task.network.parameters())


def _parse_row(line: str) -> dict[str, Any] | None:
    """A line of the log, or nothing if a kill cut it short."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def schedule(step: int, settings: FitSettings) -> float:
    """The learning rate at a step, as a part of the highest: a linear rise, then a cosine."""
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


def choose_precision(wanted: str) -> str:
    """Accelerate's name of a precision; "auto" times a convolution in both and takes the faster."""
    names = {"bf16": "bf16", "fp32": "no"}
    if wanted in names:
        return names[wanted]
    device = PartialState().device
    conv = nn.Conv2d(64, 64, 3, padding=1).to(device)
    maps = torch.rand(1, 64, 128, 128, device=device, requires_grad=True)
    seconds: dict[str, float] = {}
    for name in names.values():
        for attempt in range(4):  # the first one warms up
            start = time.perf_counter()
            with torch.autocast(device.type, torch.bfloat16, enabled=name == "bf16"):
                float(conv(maps).detach().float().mean())
            took = time.perf_counter() - start
            if attempt:
                seconds[name] = min(took, seconds.get(name, took))
    return min(seconds, key=seconds.__getitem__)


def _find_tracker(name: str) -> str | None:
    if name == "none":
        return None
    if importlib.util.find_spec(name) is None:
        raise TrainingError(f"The tracker {name} is not installed: pip install {name}.")
    return name


def _check_folder(folder: Path, network: nn.Module, settings: FitSettings, resume: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / SETTINGS) as temporary:
            temporary.write_text(settings.to_json())
    except OSError as error:
        raise TrainingError(f"Cannot write in {folder}: {error.strerror}.") from error
    if resume and not (folder / STATE).is_file():
        raise TrainingError(f"There is no training to resume in {folder}.")
    # Weights, two moments, the temporary copies of both files, and some previews.
    parameters = sum(parameter.numel() for parameter in network.parameters())
    needed = 4 * parameters * 8 + 50 * 2**20
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise TrainingError(
            f"No space in {folder}: {free / 2**20:.0f} MB are free, "
            f"training needs about {needed / 2**20:.0f} MB."
        )


def _save_state(path: Path, network: nn.Module, optimizer: Any, step: int, elapsed: float) -> None:
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"step": str(step), "elapsed": str(elapsed)}
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(save(contiguous, metadata))
    except OSError as error:
        raise TrainingError(f"Cannot write {path}: {error.strerror}.") from error


def _load_state(path: Path, network: nn.Module, optimizer: Any) -> tuple[int, float]:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        step, elapsed = int(metadata["step"]), float(metadata["elapsed"])
        network.load_state_dict(_under("network.", tensors))
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _under("optimizer.", tensors).items():
            index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = tensor
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": moments, "param_groups": groups})
    except (SafetensorError, OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} does not fit this training: {error}") from error
    return step, elapsed


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key[len(prefix) :]: each for key, each in tensors.items() if key.startswith(prefix)}
