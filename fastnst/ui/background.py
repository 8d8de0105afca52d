"""Work in a thread of its own, while the page is told how far it is."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextvars import copy_context
from typing import TypeVar

from fastnst.errors import CancelledError

TICK_SECONDS = 0.15

Result = TypeVar("Result")


def in_background(
    work: Callable[[Callable[[], bool]], Result], stop: threading.Event
) -> Iterator[Result | None]:
    """Do work in a thread of its own: yields none now and then, and last its result.

    Args:
        work: is given a question that is answered yes when it should end.
        stop: ends the work, and this. So does closing the iterator.

    Raises:
        CancelledError: it was stopped.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work(stop.is_set))
        except BaseException as error:  # whatever it is, it is raised where the result is awaited
            future.set_exception(error)

    # With the context, in which Gradio keeps who asks: a GPU is lent to a visitor.
    threading.Thread(target=copy_context().run, args=(run,), daemon=True).start()
    try:
        while True:
            try:
                result = future.result(TICK_SECONDS)
                break
            except NotYet:
                if future.done():
                    raise
                if stop.is_set():
                    raise CancelledError("Stopped.") from None
                yield None
        if stop.is_set():
            raise CancelledError("Stopped.")
        yield result
    finally:
        stop.set()
