"""A descent while it runs: a thread drives it, the page shows what there is so far."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from PIL import Image

from fastnst.images import OUTPUT_FORMATS, encode_picture
from fastnst.ui.files import keep_file
from fastnst.ui.status import time_left

PREVIEW_SECONDS = 1.0
PREVIEW = OUTPUT_FORMATS["JPEG"]
# Of Linux' nice: what others wait for gets nine tenths of a core that both want.
PATIENT = 10


class Live:
    """What a descent has come to.

    Attributes:
        made: the picture so far; none before the first.
        curve: seconds and objective, a pair an iteration.
        seconds: of computing so far.
        text: what is being done.
        share: of it that is done; none if nobody knows.
        preview: the picture as the page may show it meanwhile; a new file now and then.
    """

    def __init__(self, text: str, finish: Callable[[Image.Image], Image.Image] = lambda x: x):
        self.made: Image.Image | None = None
        self.curve: list[tuple[float, float]] = []
        self.text = text
        self.share: float | None = None
        self.preview: Path | None = None
        self.finish = finish
        self._seen: Path | None = None
        self._drawn = 0.0

    @property
    def seconds(self) -> float:
        return self.curve[-1][0] if self.curve else 0.0

    @property
    def told(self) -> str:
        """`12 iterations in 10.2 s, objective 3.1 → 1.9`."""
        objectives = [value for _, value in self.curve]
        return (
            f"{len(objectives) - 1} iterations in {self.seconds:.1f} s, "
            f"objective {objectives[0]:.3g} → {objectives[-1]:.3g}"
        )

    def drive(self, steps: Iterator[Any], cancelled: Callable[[], bool]) -> bool:
        """Drive a generator of `OptimizeProgress` to its end, or until a yes; the thread's work."""
        with closing(steps):  # type: ignore[type-var]
            for step in steps:
                self.curve.append((step.seconds, step.objective))
                self.made = self.finish(step.picture())
                self.share = step.share
                left = step.seconds * (1 / step.share - 1) if step.share else 0
                self.text = f"Iteration {step.iteration}{time_left(left)}"
                self._draw(self.made)
                if cancelled():
                    break
        return True

    def new_preview(self) -> Path | None:
        """The preview, if this has not given it yet."""
        if self.preview is self._seen:
            return None
        self._seen = self.preview
        return self.preview

    def _draw(self, made: Image.Image) -> None:
        if time.monotonic() - self._drawn >= PREVIEW_SECONDS:
            self.preview = keep_file(encode_picture(made.convert("RGB"), PREVIEW), "preview.jpg")
            self._drawn = time.monotonic()


def stand_back() -> None:
    """Let others go first: this thread, and those that it starts, ask for less of the processor.

    To be called before torch computes in the thread: its helpers keep what they began with.
    """
    if sys.platform == "linux":  # elsewhere it would be of the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), PATIENT)
