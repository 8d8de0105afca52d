"""What several processes of one training say to each other; one process is its own main one."""

from collections.abc import Callable
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from fastnst.errors import FastnstError

Result = TypeVar("Result")


def processes() -> PartialState:
    """The processes of this training, and the device of this one."""
    # Without a GPU it has to be told, or the processes do not know of each other.
    return PartialState(cpu=not torch.accelerator.is_available())


def on_main(work: Callable[[], Result]) -> Result:
    """Do something on the main process alone; all others wait and get what it got.

    Raises:
        FastnstError: the main process failed; all raise the same.
    """
    state = processes()
    if state.num_processes == 1:
        return work()
    answer: list = [None, None]
    if state.is_main_process:
        try:
            answer = [work(), None]
        except FastnstError as error:
            answer = [None, error]
    result, problem = broadcast_object_list(answer)
    if problem is not None:
        raise problem
    return result
