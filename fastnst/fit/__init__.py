"""The training loop: a generator that yields its progress.

A script, a test and a page can drive it, and stop it by stopping to ask. It is resumable at any
moment: all that is random follows from the seed and the step, the learning rate from the step or,
with a budget, from the time, and the rest is in one file, written whole or not at all. Started by
`accelerate launch` or `torchrun` it is the same training in several processes: each takes its part
of every batch, and the main one writes.
"""

import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DataLoaderConfiguration
from torch import nn

from fastnst.errors import FastnstError, TrainingError
from fastnst.fit.processes import on_main, processes
from fastnst.fit.run import Run
from fastnst.fit.schedule import schedule
from fastnst.fit.state import LOG, RESULTS, SETTINGS, STATE, WEIGHTS, check_folder, claim
from fastnst.fit.task import Progress, Task
from fastnst.muon import Muon
from fastnst.settings import FitSettings

__all__ = [
    "LOG",
    "RESULTS",
    "SETTINGS",
    "STATE",
    "WEIGHTS",
    "Progress",
    "Task",
    "choose_precision",
    "fit",
    "schedule",
]


def fit(
    task: Task,
    settings: FitSettings,
    folder: str | Path,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = bool,
) -> Iterator[Progress]:
    """Train, yielding once a step. Closing the generator saves, so nothing is lost.

    Args:
        task: what to train.
        settings: how.
        folder: where the weights (`weights.safetensors`), the resumable state, the settings, the
            log of losses and the results go.
        resume: go on from the state in the folder.
        stop: asked at every step; if it says so in any process, all end after that step. Where
            there are several, this is the way to stop them.

    Raises:
        TrainingError: the folder cannot be used, another training is in it, the state does not
            fit, or a loss is not finite time and again; in that case the last good weights have
            been saved.
    """
    folder = Path(folder)
    AcceleratorState._reset_state()  # else a process's first training sets the precision of all
    accelerator = Accelerator(
        mixed_precision=on_main(lambda: choose_precision(settings.precision)),
        dataloader_config=DataLoaderConfiguration(split_batches=True),
        log_with=_find_tracker(settings.tracker),
        project_dir=folder,
    )
    _check_batch(settings.batch, accelerator.num_processes)
    with ExitStack() as stack:
        on_main(lambda: stack.enter_context(claim(folder)))
        on_main(lambda: check_folder(folder, task.network, resume))
        optimizer = Muon(task.parameter_groups())
        run = Run(task, settings, folder, accelerator, optimizer)
        network, stepper = accelerator.prepare(task.network, optimizer)
        run.start(resume)
        stepping = False
        try:
            while not run.done:
                for batch in run.batches():
                    run.prepare_step()
                    with accelerator.autocast():
                        losses = task.losses(network, batch)
                    accelerator.backward(losses["total"])
                    norm = accelerator.clip_grad_norm_(network.parameters(), settings.clip)
                    means = run.average({**losses, "gradient": norm}, stop())
                    if run.recover(means):
                        break
                    run.save_if_due()  # before the step: these weights have just proved good
                    stepping = True
                    stepper.step()
                    stepper.zero_grad()
                    progress = run.advance(means)
                    stepping = False
                    yield progress
                    if run.done:
                        break
        except (GeneratorExit, KeyboardInterrupt, FastnstError):
            if accelerator.is_main_process and not stepping:  # half a step is not to be saved
                run.finish()
            raise
        on_main(run.finish)
        accelerator.end_training()


def choose_precision(wanted: str) -> str:
    """Accelerate's name of a precision; "auto" times a convolution in both and takes the faster."""
    names = {"bf16": "bf16", "fp32": "no"}
    if wanted in names:
        return names[wanted]
    device = processes().device
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


def _check_batch(batch: int, processes: int) -> None:
    if batch % processes:
        raise TrainingError(
            f"A batch of {batch} cannot be shared by {processes} processes; "
            f"--batch is of one step over all of them, a multiple of {processes}."
        )
