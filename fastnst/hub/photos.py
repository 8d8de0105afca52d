"""Photos of a dataset on the Hub, streamed: training starts at once and nothing is stored."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

import httpx2
import numpy as np
from huggingface_hub import constants, get_token
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from fastnst.errors import TrainingError
from fastnst.hub.failures import hub_error, reason

# USER/DATASET, and the split to take if it is not the one for training.
NAME = re.compile(r"([\w.-]+/[\w.-]+)(?::([\w.+-]+))?")
SPLIT = "train"
# Photos among which the next one is drawn: a stream can only be shuffled as far as one looks ahead.
BUFFER = 256
# Photos that are tried in place of a damaged one.
TRIES = 20


@dataclass(frozen=True, order=True)
class HubPhoto:
    """One photo: its place in the order it came in, and its bytes or where they are."""

    dataset: str
    place: int
    data: bytes | None = field(repr=False, compare=False)
    address: str = field(repr=False, compare=False)

    def __str__(self) -> str:
        file = self.address.rpartition("/")[2]
        return f"{file or f'photo {self.place}'} of {self.dataset}"

    def read(self) -> bytes:
        """Its file.

        Raises:
            TrainingError: it cannot be had.
        """
        if self.data is not None:
            return self.data
        import fsspec  # which the library brings

        try:
            with fsspec.open(self.address) as file:
                return file.read()
        except Exception as error:  # whatever the file system it is on may raise
            raise _refusal(error, str(self)) from error


class HubPhotos:
    """The photos of a dataset, without the first ones, which are held out.

    Which photo is at a place in the stream depends on the seed alone, as long as the dataset stays
    the same. Places are to be asked for in ascending order: to go back is to begin again, and to
    begin at a later place is to read what is before it, though not to decode it.

    Attributes:
        name: as given.
        held_out: the first photos of the dataset, in its own order.
    """

    def __init__(self, name: str, held_out: int) -> None:
        """Open the stream.

        Raises:
            TrainingError: there is no such dataset, split or column of images, the Hub cannot be
                reached, or the package `datasets` is missing.
        """
        self.name = name
        self._skipped = held_out
        self._rows, self._column = _open(name)
        self.held_out = list(islice(self._photos(self._rows), held_out))
        self._stream: Iterator[HubPhoto] = iter(())
        self._seed: int | None = None
        self._next = 0
        self._recent: deque[HubPhoto] = deque(maxlen=TRIES)

    def __str__(self) -> str:
        return f"dataset {self.name}"

    def choices(self, index: int, seed: int) -> Iterator[HubPhoto]:
        """The photos to try for sample `index`: its own, and those after it.

        Raises:
            TrainingError: the stream broke off, or there is nothing in it.
        """
        for place in range(index, index + TRIES):
            if seed != self._seed or place < self._next - len(self._recent):
                self._seed, self._next = seed, place
                self._stream = self._laps(seed, place)
                self._recent.clear()
            while self._next <= place:
                self._recent.append(next(self._stream))
                self._next += 1
            yield self._recent[place - self._next]

    def _laps(self, seed: int, start: int) -> Iterator[HubPhoto]:
        """All photos again and again, each time in another order, from a place on."""
        rows = self._rows.skip(self._skipped)
        for lap in count():
            order = np.random.default_rng((seed, 0, lap))
            shuffled = rows.shuffle(generator=order, buffer_size=BUFFER)
            length = 0
            for photo in self._photos(shuffled):
                length += 1
                if length > start:
                    yield photo
            if not length:
                raise TrainingError(f"{self.name} holds no photos to train on.")
            start = max(0, start - length)

    def _photos(self, rows: Any) -> Iterator[HubPhoto]:
        try:
            for place, row in enumerate(rows):
                if file := row[self._column]:  # there may be gaps
                    yield HubPhoto(self.name, place, file["bytes"], file["path"] or "")
        except Exception as error:  # whatever the library or a file in it may raise
            raise _refusal(error, str(self)) from error


def is_dataset(name: str) -> bool:
    """Whether a text may be the name of a dataset."""
    return NAME.fullmatch(name) is not None


def _open(name: str) -> tuple[Any, str]:
    """The rows of a dataset, undecoded, and the name of the column of images."""
    try:
        import datasets
    except ImportError as error:
        raise TrainingError(
            "Photos of a dataset on the Hub need the package datasets: pip install datasets."
        ) from error
    match = NAME.fullmatch(name)
    assert match
    datasets.disable_progress_bars()
    try:
        if constants.HF_HUB_OFFLINE:
            raise OfflineModeIsEnabled
        rows = datasets.load_dataset(match[1], split=match[2] or SPLIT, streaming=True)
    except Exception as error:  # the library raises what it pleases: ValueError, OSError …
        raise _refusal(error, f"dataset {name}") from error
    columns = rows.features or {}
    images = [key for key, each in columns.items() if isinstance(each, datasets.Image)]
    if not images:
        raise TrainingError(
            f"The dataset {name} has no column of images; it has {', '.join(columns) or 'none'}."
        )
    return rows.decode(False).select_columns(images[:1]), images[0]


def _refusal(error: Exception, about: str) -> TrainingError:
    """One sentence for what a library raised, from what was at the root of it."""
    from datasets.exceptions import DatasetNotFoundError

    if isinstance(error, TrainingError):
        return error
    secret = get_token()
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ConnectionError) and not isinstance(cause, OfflineModeIsEnabled):
            cause = httpx2.ConnectError(str(cause))  # the library keeps no more of it
        if isinstance(cause, RepositoryNotFoundError) and not isinstance(cause, GatedRepoError):
            break
        if isinstance(cause, HfHubHTTPError | httpx2.HTTPError | OfflineModeIsEnabled):
            return TrainingError(str(hub_error(cause, about, secret)))
        cause = cause.__cause__ or cause.__context__
    if cause or isinstance(error, DatasetNotFoundError):
        return TrainingError(f"There is no {about} on the Hub, or you have no access to it.")
    return TrainingError(f"Cannot read {about}: {reason(error, secret)}.")
