"""The folder of a training: who may write in it, and the state to resume from."""

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from fastnst.errors import TrainingError
from fastnst.files import replacing

STATE = "state.safetensors"
WEIGHTS = "weights.safetensors"
SETTINGS = "settings.json"
RESULTS = "results.json"
LOG = "log.jsonl"
LOCK = ".lock"


@dataclass
class Standing:
    """Where a training stands, apart from its tensors.

    Attributes:
        step: steps done.
        elapsed: seconds of training.
        recoveries: how often it went back to its last good state, with a lower rate each time.
        best: the lowest held-out loss so far.
        stale: checks since then.
    """

    step: int = 0
    elapsed: float = 0.0
    recoveries: int = 0
    best: float = math.inf
    stale: int = 0


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Make the folder of a run this process's own, while the block lasts.

    The lock is the system's: it ends with the process, however that ends.

    Raises:
        TrainingError: the folder cannot be written, or another training is in it.
    """
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise TrainingError(
            f"Another training is running in {folder}; wait for it, or take another folder."
        ) from error
    except OSError as error:
        raise TrainingError(f"Cannot write in {folder}: {error.strerror}.") from error
    try:
        yield
    finally:
        lock.release()


def check_folder(folder: Path, network: nn.Module, resume: bool) -> None:
    """See that there is what a resume needs, and room; sweep up what a killed run left.

    Raises:
        TrainingError: there is not.
    """
    if resume and not (folder / STATE).is_file():
        raise TrainingError(f"There is no training to resume in {folder}.")
    for left in folder.glob(".*.part"):
        left.unlink(missing_ok=True)
    # Weights, two moments, the temporary copies of both files, and some previews.
    parameters = sum(parameter.numel() for parameter in network.parameters())
    needed = 4 * parameters * 8 + 50 * 2**20
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise TrainingError(
            f"No space in {folder}: {free / 2**20:.0f} MB are free, "
            f"training needs about {needed / 2**20:.0f} MB."
        )


def write_text(path: Path, text: str) -> None:
    """Write a file, whole or not at all.

    Raises:
        TrainingError: it cannot be written; an older one is untouched.
    """
    try:
        with replacing(path) as temporary:
            temporary.write_text(text)
    except OSError as error:
        raise TrainingError(f"Cannot write {path}: {error.strerror}.") from error


def save_state(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, standing: Standing
) -> None:
    """Write the state, whole or not at all.

    Raises:
        TrainingError: it cannot be written; an older one is untouched.
    """
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {name: json.dumps(value) for name, value in asdict(standing).items()}
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(save(contiguous, metadata))
    except OSError as error:
        raise TrainingError(f"Cannot write {path}: {error.strerror}.") from error


def load_state(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> Standing:
    """Take the network and the optimizer back to a saved state.

    Raises:
        TrainingError: the file is damaged, or of another training.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        standing = Standing(**{name: json.loads(text) for name, text in metadata.items()})
        network.load_state_dict(_under("network.", tensors))
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _under("optimizer.", tensors).items():
            index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = tensor
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": moments, "param_groups": groups})
    except (SafetensorError, OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} does not fit this training: {error}") from error
    return standing


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key[len(prefix) :]: each for key, each in tensors.items() if key.startswith(prefix)}
