"""What a command says: its result on standard output, everything else on standard error."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from fastnst.errors import FastnstError

FAILED = 2
STOPPED = 130
NO_MEMORY = "This machine has not enough memory for that; --size makes a smaller picture."
FILE_WIDTH = 200  # of tables that go into a file or a pipe


class Commands(TyperGroup):
    """Turns what goes wrong into one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (FastnstError, MemoryError) as error:
            complain(sentence(error))
        except BrokenPipeError:
            raise  # who read our output has seen enough; Typer ends quietly
        except OSError as error:
            complain(f"{error.filename or 'The system'}: {error.strerror or error}.")
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)
            raise typer.Exit(STOPPED) from None
        raise typer.Exit(FAILED)


@contextmanager
def reporting(as_json: bool) -> Iterator[None]:
    """Print an error that ends the command as JSON too, if that is what is asked for."""
    try:
        yield
    except (FastnstError, MemoryError) as error:
        if as_json:
            typer.echo(json.dumps({"error": sentence(error)}))
        raise


@contextmanager
def stoppable() -> Iterator[list[int]]:
    """A list that gets a signal in it when the work is to stop, instead of being killed."""
    received: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, lambda number, _: received.append(number)) for each in signals]
    try:
        yield received
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def sentence(error: FastnstError | MemoryError) -> str:
    return NO_MEMORY if isinstance(error, MemoryError) else str(error)


def complain(message: str) -> None:
    typer.echo(f"error: {message}", err=True)


def print_table(table: Table) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    console.print(table)
