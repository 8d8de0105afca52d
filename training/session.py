"""What every training script does with a `Task`: run it, show how far it is, and end well.

The same script runs in several processes, started by `accelerate launch` or `torchrun`; only the
main one says anything.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from fastnst import photos
from fastnst.catalog import LOSS_NETWORK
from fastnst.errors import FastnstError, PictureError
from fastnst.fit import Task, fit
from fastnst.images import save_picture
from fastnst.memory import keep_freed_memory
from fastnst.settings import FitSettings
from fastnst.settings import add_arguments as add_settings

MAIN = os.environ.get("RANK", "0") == "0"
# Seconds that other processes leave the main one to say what is wrong: when one process fails, its
# launcher ends all of them.
GRACE = 30


def add_arguments(parser: argparse.ArgumentParser, settings: type[FitSettings]) -> None:
    """The options that every training has, and one for each of its settings."""
    parser.add_argument(
        "--photos", required=True, help="folder of photos, or USER/DATASET[:SPLIT] on the Hub"
    )
    parser.add_argument(
        "--without", nargs="+", default=[], help="file names to leave out: benchmark pictures"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--start", type=Path, help="weights to start from")
    parser.add_argument(
        "--loss-network",
        default=LOSS_NETWORK,
        help="VGG-16 as safetensors, or 'torchvision' to download it (default: the shipped one)",
    )
    add_settings(parser, settings)


def find_photos(
    arguments: argparse.Namespace, settings: FitSettings
) -> tuple[photos.Photos, list[photos.Photo]]:
    """The photos to train on, and those held out.

    Raises:
        TrainingError: see `fastnst.photos.find_photos`.
    """
    found, held_out = photos.find_photos(arguments.photos, settings.held_out, arguments.without)
    print(f"{photos.describe(found)} to train on, {len(held_out)} held out.")
    return found, held_out


def run(task: Task, settings: FitSettings, out: Path, resume: bool) -> None:
    """Train to the end, with a bar; previews go to the folder `previews` of the run."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]} left"),
    )
    stop = threading.Event()
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_, lambda *_: stop.set())
    with Progress(*columns) as bar:
        row = bar.add_task("training", total=settings.steps, left="?")
        for progress in fit(task, settings, out, resume=resume, stop=stop.is_set):
            losses = "  ".join(f"{name} {value:.4f}" for name, value in progress.losses.items())
            left = f"{progress.remaining / 60:.0f} min"
            completed, total = progress.step, progress.steps
            bar.update(row, completed=completed, total=total, description=losses, left=left)
            if progress.warning:
                bar.console.print(progress.warning, markup=False)
            if progress.held_out is not None:
                bar.console.print(f"step {progress.step}: held-out loss {progress.held_out:.4f}")
            if progress.preview:
                _save_preview(progress.preview, out / "previews" / f"{progress.step:06d}.jpg", bar)
    if stop.is_set():
        raise KeyboardInterrupt


def _save_preview(preview: Image.Image, path: Path, bar: Progress) -> None:
    """Write a preview; a full disk must not end a training for the lack of one."""
    try:
        save_picture(preview, path)
    except PictureError as error:
        bar.console.print(str(error), markup=False)


def main(train: Callable[[], None]) -> None:
    """Run a script; what goes wrong is one sentence and an exit code."""
    if not MAIN:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - as long as the process lasts
    keep_freed_memory()
    try:
        train()
    except FastnstError as error:
        if not MAIN:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the launcher's, once the main one ended
            time.sleep(GRACE)
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        if MAIN:
            print("stopped; go on with --resume", file=sys.stderr)
        sys.exit(130)
