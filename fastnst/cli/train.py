"""`fastnst train`."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from fastnst.catalog import DEFAULT_STYLES
from fastnst.checkpoint import Style
from fastnst.checkpoint_file import SUFFIX, load_checkpoint, save_checkpoint
from fastnst.cli.options import JsonLines
from fastnst.cli.reporting import reporting, stoppable
from fastnst.errors import TrainingError
from fastnst.images import open_picture, save_picture
from fastnst.memory import keep_freed_memory

JSON_SECONDS = 1.0
PREVIEW = "preview.jpg"
DIGITS = 4


def train(
    painting: Annotated[Path, typer.Argument(metavar="PAINTING", help="Whose style to learn.")],
    name: Annotated[str, typer.Option(help="Of the style: letters, digits, underscores.")],
    depth: Annotated[
        str, typer.Option(help="quick: an adapter, in minutes; full: all of it; scratch.")
    ] = "quick",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=f"The file; NAME{SUFFIX} by default.")
    ] = None,
    photos: Annotated[
        str | None,
        typer.Option(help="A folder of photos, or a dataset on the Hub; quick needs none."),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="To take; the depth's by default.")] = None,
    title: Annotated[str, typer.Option(help="Of the painting.")] = "",
    artist: Annotated[str, typer.Option(help="Its painter.")] = "",
    year: Annotated[str, typer.Option(help="When it was painted.")] = "",
    licence: Annotated[str, typer.Option("--license", "--licence", help="Of the painting.")] = "",
    style_weight: Annotated[float, typer.Option(help="More is more style and less photo.")] = 5.0,
    strokes: Annotated[
        int, typer.Option(help="Short side the painting is seen at, pixels; larger, larger.")
    ] = 384,
    base: Annotated[
        str, typer.Option(help="The network to start from: shipped, a file, or USER/NAME.")
    ] = DEFAULT_STYLES,
    preview: Annotated[
        Path | None, typer.Option(help=f"A photo to show progress on, in {PREVIEW} of --run.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder for the log and the state; runs/NAME by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in --run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: JsonLines = False,
) -> None:
    """Learn the style of a painting. Ctrl-C stops, and keeps what has been learnt."""
    with reporting(as_json), ExitStack() as stack:
        output = output or Path(f"{name}{SUFFIX}")
        _check(name, output, overwrite)
        style = Style(name, title or name, artist, year, licence)
        from fastnst.fit import WEIGHTS  # they bring torch, which takes seconds
        from fastnst.train import Training
        from fastnst.train import train as training

        keep_freed_memory()
        run = run or Path("runs", name)
        steps = training(
            open_picture(painting),
            style,
            run,
            depth=depth,
            base=base,
            photos=photos,
            minutes=minutes,
            preview=open_picture(preview) if preview else None,
            resume=resume,
            style_weight=style_weight,
            style_size=strokes,
        )
        shown = stack.enter_context(_lines(run) if as_json else _bar())
        stopped = stack.enter_context(stoppable())
        last: Training | None = None
        with closing(steps):
            for state in steps:
                last = state if state.progress else last
                if state.preview:
                    save_picture(state.preview, run / PREVIEW)
                shown(state)
                if stopped:
                    break
        if last is None or last.progress is None:
            raise TrainingError("The training was stopped before it had learnt anything.")
        save_checkpoint(load_checkpoint(run / WEIGHTS), output)
        reason = "stopped" if stopped else "finished"
        step = last.progress.step
        if as_json:
            facts = {"saved": str(output), "step": step, "held_out": last.held_out}
            typer.echo(json.dumps({**facts, "reason": reason}))
        else:
            typer.echo(f"{reason} after {step} steps", err=True)
            typer.echo(str(output))


class Shown(Protocol):
    def __call__(self, state: Any) -> None:
        """Show where a `fastnst.train.Training` stands."""


def _check(name: str, output: Path, overwrite: bool) -> None:
    """What can be known before anything is loaded."""
    if not name.isidentifier() and not (name.replace("_", "a").isalnum()):
        raise TrainingError(
            f"The name is {name[:40]!r}; allowed are letters, digits and underscores."
        )
    if output.suffix != SUFFIX:
        raise TrainingError(f"The file {output} does not end in {SUFFIX}.")
    if output.exists() and not overwrite:
        raise TrainingError(
            f"There is a file {output} already; give another -o, or --overwrite it."
        )


@contextmanager
def _lines(run: Path) -> Iterator[Shown]:
    """A line of JSON for each phase, and one a second while it trains."""
    last = 0.0

    def show(state: Any) -> None:
        nonlocal last
        progress = state.progress
        if progress is None:
            typer.echo(json.dumps({"phase": "preparing", "about": state.about}))
            return
        if not state.preview and time.monotonic() - last < JSON_SECONDS:
            return
        last = time.monotonic()
        picture = run / PREVIEW
        facts = {
            "step": progress.step,
            "steps": progress.steps,
            "seconds": round(progress.elapsed, 1),
            "left": round(progress.remaining, 1),
            "losses": {key: round(value, DIGITS) for key, value in progress.losses.items()},
            "held_out": state.held_out,
            "preview": str(picture) if picture.is_file() else None,
        }
        typer.echo(json.dumps(facts))

    yield show


@contextmanager
def _bar() -> Iterator[Shown]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        row = bar.add_task("Preparing", total=None, left="")

        def show(state: Any) -> None:
            progress = state.progress
            if progress is None:
                bar.update(row, description=state.about)
                return
            losses = progress.losses
            about = f"content {losses['content']:.3f}  style {losses['style']:.3f}"
            if state.held_out is not None:
                about += f"  held out {state.held_out:.3f}"
            bar.update(
                row,
                description=about,
                completed=progress.step,
                total=progress.steps,
                left=f"{progress.remaining / 60:.1f} min left",
            )

        yield show
