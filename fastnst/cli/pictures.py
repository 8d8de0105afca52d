"""One picture, all pictures of a folder, or a pipe: what a command does to each of them."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from PIL import Image
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from fastnst.batch import Job, plan_file, plan_folder
from fastnst.cli.reporting import FAILED, complain, sentence
from fastnst.errors import FastnstError, PictureError
from fastnst.images import (
    OUTPUT_FORMATS,
    SMALLEST_SIDE,
    OutputFormat,
    encode_picture,
    open_picture,
    save_picture,
)

PIPE = "-"

Facts = dict[str, Any]
"""What there is to say of a result; see `about`."""
Done = Callable[[float], None]
"""Told now and then what share of a picture is done, 0 to 1."""
Work = Callable[[Image.Image, Done], tuple[Image.Image, Facts]]
"""Makes a picture of a picture."""


def about(made: Image.Image, seconds: float, device: str, **others: object) -> Facts:
    size = {"width": made.width, "height": made.height}
    return {**size, "seconds": round(seconds, 4), **others, "device": device}


class Pictures:
    """The pictures that a command was given, and where their results go.

    Args:
        source: a file, a folder, or `PIPE`.
        output: a file, a folder, or `PIPE`.
        wanted: the format of the results; by default what the output's name or the input says.
        as_json: print one line of JSON for each picture.
        smallest: what each side of a picture needs at least.

    Raises:
        FastnstError: JSON and a picture were both to go to standard output.
    """

    def __init__(
        self,
        source: str,
        output: str,
        wanted: OutputFormat | None,
        as_json: bool,
        smallest: int = SMALLEST_SIDE,
    ) -> None:
        if as_json and output == PIPE:
            raise FastnstError(
                "--json prints to standard output, where -o - writes the picture; choose one."
            )
        self._source = source
        self._output = output
        self._wanted = wanted
        self._as_json = as_json
        self._smallest = smallest

    def each(self, work: Work) -> None:
        """Do the work on each, and say so.

        Raises:
            PictureError: the one picture cannot be read, worked on or written.
            typer.Exit: some in a folder could not; they were reported, and the others are done.
        """
        if self._source != PIPE and Path(self._source).is_dir():
            if self._output == PIPE:
                raise PictureError(
                    f"{self._source} is a folder; standard output takes one picture."
                )
            self._folder(plan_folder(Path(self._source), self._output, self._wanted), work)
        elif self._output == PIPE:
            self._to_standard_output(work)
        else:
            self._one(self._job(), work)

    def _job(self) -> Job:
        output = self._output
        if self._source == PIPE and (Path(output).is_dir() or output.endswith("/")):
            raise PictureError(f"{output} is a folder; a picture from stdin needs a file name.")
        return plan_file(Path(self._source), output, self._wanted)

    def _one(self, job: Job, work: Work) -> None:
        with _bar(1, TaskProgressColumn()) as done:
            self._do(job, work, done)

    def _folder(self, jobs: list[Job], work: Work) -> None:
        """All jobs; a picture that fails is reported, and the next one comes."""
        failed = 0
        with _bar(len(jobs), MofNCompleteColumn()) as done:
            for number, job in enumerate(jobs):
                try:
                    self._do(job, work, lambda share, number=number: done(number + share))  # type: ignore[misc]
                except (PictureError, MemoryError) as error:
                    failed += 1
                    message = sentence(error)
                    if self._as_json:
                        typer.echo(json.dumps({"input": str(job.source), "error": message}))
                    complain(_naming(job.source, message))
                done(number + 1)
        if failed:
            typer.echo(f"{failed} of {len(jobs)} pictures failed.", err=True)
            raise typer.Exit(FAILED)

    def _to_standard_output(self, work: Work) -> None:
        if sys.stdout.isatty():
            raise PictureError("-o - writes a picture, and standard output is a terminal.")
        photo = self._open(self._source)
        with _bar(1, TaskProgressColumn()) as done:
            made, _ = work(photo, done)
        sys.stdout.buffer.write(encode_picture(made, self._wanted or OUTPUT_FORMATS["PNG"]))
        sys.stdout.buffer.flush()

    def _do(self, job: Job, work: Work, done: Done) -> None:
        made, facts = work(self._open(str(job.source)), done)
        save_picture(made, job.target)
        record = {"input": str(job.source), "output": str(job.target), **facts}
        if self._as_json:
            typer.echo(json.dumps(record))
            return
        size = f"{facts['width']} × {facts['height']}"
        typer.echo(
            f"{job.target} · {size} · {facts['seconds']:.2f} s · {facts['device']}", err=True
        )

    def _open(self, source: str) -> Image.Image:
        return open_picture(sys.stdin.buffer if source == PIPE else source, smallest=self._smallest)


@contextmanager
def _bar(total: int, count: ProgressColumn) -> Iterator[Done]:
    """A bar with the time that is left, if a terminal shows it; yields what moves it."""
    console = Console(stderr=True)
    bar = Progress(
        BarColumn(),
        count,
        TextColumn("left:"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        redirect_stdout=False,  # it is for the records, and may be a file
    )
    task = bar.add_task("", total=total)

    def done(completed: float) -> None:
        bar.start()
        bar.update(task, completed=completed)

    if total > 1:  # one picture has a bar only if the work on it tells how far it is
        bar.start()
    try:
        yield done
    finally:
        bar.stop()


def _naming(source: Path, message: str) -> str:
    """A message that says, once, which file of a folder it is about."""
    if str(source) in message:
        return message
    if message.startswith(source.name):
        return f"{source}{message.removeprefix(source.name)}"
    return f"{source}: {message}"
