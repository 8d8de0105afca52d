"""What every training script does with a `Task`: run it, show how far it is, and end well."""

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

from fastnst.errors import FastnstError
from fastnst.fit import Task, fit
from fastnst.images import save_picture
from fastnst.settings import FitSettings


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
