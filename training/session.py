"""What every training script does with a `Task`: run it, show how far it is, and end well."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from fastnst.catalog import LOSS_NETWORK
from fastnst.errors import FastnstError
from fastnst.fit import Task, fit
from fastnst.images import save_picture
from fastnst.settings import FitSettings
from fastnst.settings import add_arguments as add_settings


def add_arguments(parser: argparse.ArgumentParser, settings: type[FitSettings]) -> None:
    """The options that every training has, and one for each of its settings."""
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--start", type=Path, help="weights to start from")
    parser.add_argument(
        "--loss-network",
        default=LOSS_NETWORK,
        help="VGG-16 as safetensors, or 'torchvision' to download it (default: the shipped one)",
    )
    add_settings(parser, settings)


def run(task: Task, settings: FitSettings, out: Path, resume: bool) -> None:
    """Train to the end, with a bar; previews go to the folder `previews` of the run."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]} left"),
    )
    with Progress(*columns) as bar:
        row = bar.add_task("training", total=settings.steps, left="?")
        for progress in fit(task, settings, out, resume=resume):
            losses = "  ".join(f"{name} {value:.4f}" for name, value in progress.losses.items())
            left = f"{progress.remaining / 60:.0f} min"
            bar.update(row, completed=progress.step, description=losses, left=left)
            if progress.preview:
                save_picture(progress.preview, out / "previews" / f"{progress.step:06d}.jpg")


def main(train: Callable[[], None]) -> None:
    """Run a script; what goes wrong is one sentence and an exit code."""
    try:
        train()
    except FastnstError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; go on with --resume", file=sys.stderr)
        sys.exit(130)
