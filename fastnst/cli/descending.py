"""What the commands that optimise pixels share: the painting, the bar, Ctrl-C, the record."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from fastnst.catalog import DEFAULT_STYLES, load
from fastnst.cli.pictures import Done, Facts, Pictures, about
from fastnst.cli.reporting import STOPPED, stoppable
from fastnst.images import open_picture
from fastnst.memory import keep_freed_memory

DIGITS = 5

Steps = Annotated[int, typer.Option(min=0, help="Iterations.")]
DescentMethod = Annotated[
    str, typer.Option(help="Of optimisation: lbfgs, adam, or safe, an L-BFGS that turns back.")
]
DescentSize = Annotated[
    str | None,
    typer.Option(help="Of the result: the long side (1024) or both (1920x1080); 512 by default."),
]
Strokes = Annotated[
    int,
    typer.Option(min=64, help="Short side the painting is seen at, pixels; larger, larger."),
]


@dataclass(frozen=True)
class Descent:
    """A descent that is about to begin.

    Attributes:
        steps: a generator of `fastnst.descent.OptimizeProgress`.
        finish: makes the result of the last one's picture.
    """

    steps: Iterator[Any]
    finish: Callable[[Image.Image], Image.Image] = lambda picture: picture


class Descender:
    """Runs descents to their end, or until Ctrl-C, which keeps the picture as it is then."""

    def __init__(self) -> None:
        keep_freed_memory()
        self._stopped = False

    def each(
        self, pictures: Pictures, begin: Callable[[Image.Image], Descent], **facts: object
    ) -> None:
        """Begin a descent for each picture, and write what it comes to.

        Args:
            pictures: what the command was given.
            begin: makes a descent of a picture.
            facts: said of each result in JSON.

        Raises:
            typer.Exit: it was stopped.
        """

        def work(photo: Image.Image, done: Done) -> tuple[Image.Image, Facts]:
            made, found = self.finish(begin(photo), done)
            return made, {**found, **facts}

        pictures.each(work)
        self.end()

    def finish(self, descent: Descent, done: Done) -> tuple[Image.Image, Facts]:
        """Run a descent: its picture, and what there is to say of it."""
        if self._stopped:  # the rest of a folder
            raise KeyboardInterrupt
        from fastnst.descent import shared_loss_network

        steps: Any = descent.steps
        with stoppable() as stopped, closing(steps):
            for progress in steps:
                done(progress.share)
                if stopped:
                    break
        self._stopped = bool(stopped)
        device = shared_loss_network().mean.device.type.upper()
        losses = {name: round(value, DIGITS) for name, value in progress.losses.items()}
        facts: Facts = {"iterations": progress.iteration, **losses, "stopped": self._stopped}
        made = descent.finish(progress.picture())
        return made, about(made, progress.seconds, device, **facts)

    def end(self) -> None:
        """Leave as a stopped command does, if this one was.

        Raises:
            typer.Exit: it was.
        """
        if self._stopped:
            typer.echo("stopped; the picture is as far as it came", err=True)
            raise typer.Exit(STOPPED)


def read_grams(painting: str, strokes: int) -> dict[str, Any]:
    """Layer → Gram matrix of a painting: a file, or the name of a style that ships.

    Raises:
        PictureError, TrainingError: the file is no painting that one can learn from.
    """
    from fastnst.descent import shared_loss_network  # they bring torch
    from fastnst.grams import style_grams
    from fastnst.paintings import check_painting, painting_grams
    from fastnst.settings import StyleSettings

    if not Path(painting).is_file():
        shipped = load(DEFAULT_STYLES)
        if painting in shipped.grams:
            return style_grams(shipped, painting)
    picture = open_picture(painting)
    check_painting(Path(painting).name, picture)
    layers = StyleSettings().style_layers.split(",")
    return painting_grams(picture, shared_loss_network(), layers, strokes)
