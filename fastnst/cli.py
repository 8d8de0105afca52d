"""The command `fastnst`.

Standard output holds results only: tables, JSON or a picture. What is said to the person goes to
standard error. Exit codes: 0, 2 for anything that cannot be done, 130 when stopped by Ctrl-C.
"""

import json
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from fastnst import __version__
from fastnst.batch import Job, plan_file, plan_folder
from fastnst.catalog import DEFAULT_STYLES, SHIPPED, load
from fastnst.checkpoint import Checkpoint
from fastnst.choices import BRUSHES, STRENGTHS, blend_shares, check_number
from fastnst.errors import FastnstError, PictureError, StyleError
from fastnst.images import (
    OUTPUT_FORMATS,
    OutputFormat,
    encode_picture,
    open_picture,
    save_picture,
)
from fastnst.options import parse_blend, parse_format, parse_sides, parse_size
from fastnst.stylizer import Stylizer

PIPE = "-"
FAILED = 2
STOPPED = 130
NO_MEMORY = "This machine has not enough memory for that; --size makes a smaller picture."
FILE_WIDTH = 200  # of tables that go into a file or a pipe


class Commands(TyperGroup):
    """Turns what goes wrong into one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except FastnstError as error:
            _complain(str(error))
        except MemoryError:
            _complain(NO_MEMORY)
        except BrokenPipeError:
            raise  # who read our output has seen enough; Typer ends quietly
        except OSError as error:
            _complain(f"{error.filename or 'The system'}: {error.strerror or error}.")
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)
            raise typer.Exit(STOPPED) from None
        raise typer.Exit(FAILED)


app = typer.Typer(
    cls=Commands,
    help="Repaint photos in the style of paintings, fast and without a GPU.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fastnst {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    pass


Weights = Annotated[
    str, typer.Option(help=f"A shipped network ({', '.join(SHIPPED)}) or a checkpoint file.")
]
Engine = Annotated[str, typer.Option(help="auto, openvino or torch.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def stylize(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="A picture, a folder of pictures, or - for stdin.")
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="OUT", help="A file name, a folder, or - for stdout."
        ),
    ],
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style", "-s", help="A style, or a blend: udnie=0.7,the_scream=0.3. See: styles."
        ),
    ] = None,
    strength: Annotated[float, typer.Option(help="0 is the photo, 1 the style, up to 1.5.")] = 1.0,
    keep_colors: Annotated[
        bool, typer.Option("--keep-colors", help="Keep the photo's colours.")
    ] = False,
    brush: Annotated[float, typer.Option(help="Size of the strokes, 0.5 to 2.")] = 1.0,
    size: Annotated[
        str | None,
        typer.Option(help="Of the result: the long side (1024) or both (1920x1080)."),
    ] = None,
    weights: Weights = DEFAULT_STYLES,
    engine: Engine = "auto",
    device: Device = "auto",
    picture_format: Annotated[
        str | None,
        typer.Option("--format", help="png, jpeg, webp or tiff; for a folder or stdout."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON for each picture.")
    ] = False,
) -> None:
    """Repaint a picture, or all pictures in a folder."""
    with _reporting(as_json):
        if as_json and output == PIPE:
            raise FastnstError(
                "--json prints to standard output, where -o - writes the picture; choose one."
            )
        wanted = parse_format(picture_format)
        painter = _Painter(
            {
                "style": parse_blend(style or []),
                "strength": strength,
                "keep_colors": keep_colors,
                "brush": brush,
                "size": parse_size(size),
            },
            _load(weights),
            {"engine": engine, "device": device},
        )
        if source != PIPE and Path(source).is_dir():
            if output == PIPE:
                raise PictureError(f"{source} is a folder; standard output takes one picture.")
            _stylize_folder(plan_folder(Path(source), output, wanted), painter, as_json)
        else:
            _stylize_one(source, output, wanted, painter, as_json)


class _Painter:
    """The settings of all pictures, and a `Stylizer` made when the first one needs it."""

    def __init__(
        self, settings: dict[str, Any], checkpoint: Checkpoint, machine: dict[str, str]
    ) -> None:
        names = [style.name for style in checkpoint.styles]
        self.settings = settings
        self._checkpoint = checkpoint
        self._machine = machine
        self._stylizer: Stylizer | None = None
        # Before seconds are spent on the network.
        blend_shares(settings["style"] or names[0], names)
        check_number("strength", settings["strength"], STRENGTHS)
        check_number("brush", settings["brush"], BRUSHES)

    def paint(self, photo: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
        """The result, and what there is to say of it."""
        if self._stylizer is None:
            self._stylizer = Stylizer(self._checkpoint, **self._machine)
        start = time.perf_counter()
        made = self._stylizer(photo, **self.settings)
        seconds = time.perf_counter() - start
        return made, {
            "width": made.width,
            "height": made.height,
            "seconds": round(seconds, 4),
            "style": self.settings["style"] or self._stylizer.styles[0],
            "device": self._stylizer.device,
        }

    def paint_file(self, job: Job) -> dict[str, Any]:
        made, about = self.paint(open_picture(job.source))
        save_picture(made, job.target)
        return {"input": str(job.source), "output": str(job.target), **about}


def _stylize_one(
    source: str, output: str, wanted: OutputFormat | None, painter: _Painter, as_json: bool
) -> None:
    if output == PIPE:
        if sys.stdout.isatty():
            raise PictureError("-o - writes a picture, and standard output is a terminal.")
        photo = open_picture(sys.stdin.buffer if source == PIPE else source)
        made, _ = painter.paint(photo)
        sys.stdout.buffer.write(encode_picture(made, wanted or OUTPUT_FORMATS["PNG"]))
        sys.stdout.buffer.flush()
        return
    if source == PIPE:
        if Path(output).is_dir() or output.endswith("/"):
            raise PictureError(f"{output} is a folder; a picture from stdin needs a file name.")
        job = plan_file(Path(PIPE), output, wanted)
        made, about = painter.paint(open_picture(sys.stdin.buffer))
        save_picture(made, job.target)
        record = {"input": PIPE, "output": str(job.target), **about}
    else:
        record = painter.paint_file(plan_file(Path(source), output, wanted))
    _report(record, as_json)


def _stylize_folder(jobs: list[Job], painter: _Painter, as_json: bool) -> None:
    """All jobs; a picture that fails is reported, and the next one comes."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("left:"), TimeRemainingColumn())
    failed = 0
    bar = Progress(
        *columns,
        console=console,
        disable=not console.is_terminal,
        redirect_stdout=False,  # it is for the records, and may be a file
    )
    with bar:
        task = bar.add_task("", total=len(jobs))
        for job in jobs:
            try:
                _report(painter.paint_file(job), as_json)
            except (PictureError, MemoryError) as error:
                failed += 1
                message = NO_MEMORY if isinstance(error, MemoryError) else str(error)
                if as_json:
                    typer.echo(json.dumps({"input": str(job.source), "error": message}))
                _complain(f"{job.source}: {message}")
            bar.advance(task)
    if failed:
        typer.echo(f"{failed} of {len(jobs)} pictures failed.", err=True)
        raise typer.Exit(FAILED)


@app.command()
def styles(weights: Weights = DEFAULT_STYLES, as_json: AsJson = False) -> None:
    """List the styles of a network."""
    with _reporting(as_json):
        found = _load(weights).styles
        if as_json:
            typer.echo(json.dumps([vars(style) for style in found], indent=2, ensure_ascii=False))
            return
        table = Table("Name", "Title", "Painter", "Year", "Licence")
        for style in found:
            table.add_row(*(Text(text) for text in vars(style).values()))
        _print(table)


@app.command()
def bench(
    size: Annotated[
        list[str] | None, typer.Option(help="Of the picture: 512x512; several may be given.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Timed runs of each; medians are shown.")] = 3,
    weights: Weights = DEFAULT_STYLES,
    engine: Engine = "auto",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure this machine against the paper's network in eager fp32 torch."""
    with _reporting(as_json):
        sizes = [parse_sides(text) for text in size or ()]
        from fastnst.bench import SIZES  # it brings torch, which takes seconds
        from fastnst.bench import bench as measure

        stylizer = Stylizer(weights, engine=engine, device=device)

        table = Table(
            "Size",
            f"fastnst ({stylizer.device})",
            "paper, eager fp32",
            "faster",
            "its network alone",
            "faster",
            title=f"Picture to picture, median of {runs}",
        )
        rows = []
        with Console(stderr=True).status("measuring…"):
            for row in measure(stylizer, sizes or SIZES, runs):
                rows.append({**vars(row), "ratio": row.ratio, "network_ratio": row.network_ratio})
                table.add_row(
                    f"{row.width}×{row.height}",
                    f"{row.stylizer:.3f} s",
                    f"{row.paper:.2f} s",
                    f"{row.ratio:.1f}×",
                    f"{row.paper_network:.2f} s",
                    f"{row.network_ratio:.1f}×",
                )
        if as_json:
            typer.echo(json.dumps({"device": stylizer.device, "runs": runs, "rows": rows}))
        else:
            _print(table)


def _load(weights: str) -> Checkpoint:
    checkpoint = load(weights)
    if not checkpoint.styles:
        raise StyleError(f"There are no styles in {weights}.")
    return checkpoint


@contextmanager
def _reporting(as_json: bool) -> Iterator[None]:
    """Print an error that ends the command as JSON too, if that is what is asked for."""
    try:
        yield
    except (FastnstError, MemoryError) as error:
        if as_json:
            message = NO_MEMORY if isinstance(error, MemoryError) else str(error)
            typer.echo(json.dumps({"error": message}))
        raise


def _report(record: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(record))
    else:
        size = f"{record['width']} × {record['height']}"
        typer.echo(
            f"{record['output']} · {size} · {record['seconds']:.2f} s · {record['device']}",
            err=True,
        )


def _complain(message: str) -> None:
    typer.echo(f"error: {message}", err=True)


def _print(table: Table) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    console.print(table)


def main() -> None:
    warnings.simplefilter("ignore")  # of libraries, about files that they can read all the same
    app()


if __name__ == "__main__":
    main()
