"""The command `fastnst`.

Standard output holds results only: tables, JSON or a picture. What is said to the person goes to
standard error. Exit codes: 0, 2 for anything that cannot be done, 130 when stopped by Ctrl-C.
"""

import warnings
from typing import Annotated

import typer

from fastnst import __version__
from fastnst.cli import (
    bench,
    hub,
    invert,
    optimize,
    reconstruct,
    styles,
    stylize,
    train,
    upscale,
)
from fastnst.cli.reporting import Commands

app = typer.Typer(
    cls=Commands,
    help="Repaint photos in the style of paintings, and enlarge them, fast and without a GPU.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    stylize.stylize,
    upscale.upscale,
    train.train,
    optimize.optimize,
    invert.invert,
    reconstruct.reconstruct,
    styles.styles,
    hub.search,
    hub.pull,
    hub.push,
    hub.space,
    bench.bench,
):
    app.command()(command)


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


def main() -> None:
    warnings.simplefilter("ignore")  # of libraries, about files that they can read all the same
    app()
