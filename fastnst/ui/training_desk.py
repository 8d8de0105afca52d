"""The training desk: one training at a time, in a process of its own, and the line before it.

A training is found by its id alone, which nobody can guess: whoever knows it is the one who began
it, after a reload of the page too.
"""

import atexit
import json
import os
import secrets
import shutil
import time
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from threading import Condition, Thread
from typing import Any

from PIL import Image

import fastnst
from fastnst.checkpoint_file import load_checkpoint
from fastnst.depths import find_depth
from fastnst.errors import TrainingError
from fastnst.ui.files import KEEP_SECONDS, SWEEP_SECONDS
from fastnst.ui.training_job import ALONE, MIXED, Job, Order

LONGEST_LINE = 8
MOST_THREADS = 2
END_SECONDS = 10  # that a process has to go, once it is killed


class TrainingDesk:
    """The trainings of a server. Threads may share it."""

    def __init__(self, keep_seconds: float = KEEP_SECONDS) -> None:
        """Nothing is done yet.

        Args:
            keep_seconds: how long the files of a training are kept after its end.
        """
        self._keep_seconds = keep_seconds
        self._jobs: dict[str, Job] = {}
        self._line: list[Job] = []
        self._current: Job | None = None
        self._changed = Condition()
        self._folder: TemporaryDirectory[str] | None = None
        self._closed = False

    def submit(self, order: Order, painting: Image.Image, photo: Path) -> Job:
        """Put a training in the line.

        Args:
            order: what to train.
            painting: what it learns from.
            photo: the file of the picture to show it on.

        Raises:
            TrainingError: the line is too long, or there is no room for the files.
        """
        with self._changed:
            if len(self._line) >= LONGEST_LINE:
                raise TrainingError(
                    f"{LONGEST_LINE} trainings are waiting already; "
                    "come back when the first of them are done."
                )
        job = self._lay_out(order, painting, photo)
        with self._changed:
            self._jobs[job.id] = job
            self._line.append(job)
            self._changed.notify_all()
        return job

    def find(self, id_: str) -> Job | None:
        """The training of an id, as long as it is kept."""
        with self._changed:
            return self._jobs.get(id_)

    def ahead(self, job: Job | None = None) -> tuple[int, float]:
        """How many trainings come before one, or before a new one, and the seconds they take."""
        with self._changed:
            if job is not None and job not in self._line:
                return 0, 0.0
            before = self._line[: self._line.index(job)] if job else list(self._line)
            current = [self._current] if self._current else []
        return len(current + before), sum(each.left for each in current + before)

    def stop(self, job: Job) -> None:
        """End a training, and keep what it has learnt so far."""
        with self._changed:
            if job.process is not None and not job.stopping:
                job.stopping = True
                job.process.terminate()

    def discard(self, job: Job) -> None:
        """End a training if it is not over, and delete all that there is of it."""
        with self._changed:
            self._jobs.pop(job.id, None)
            job.discarded = True
            if job.process is not None:
                job.process.kill()
            if job is not self._current:  # else once its process is gone
                self._clear(job)

    def sweep(self) -> None:
        """Delete what ended long ago."""
        with self._changed:
            for job in list(self._jobs.values()):
                if job.ended and time.monotonic() - job.ended > self._keep_seconds:
                    self.discard(job)

    def close(self) -> None:
        """End everything, and delete all files."""
        with self._changed:
            self._closed = True
            jobs = list(self._jobs.values())
            for job in jobs:
                self.discard(job)
            self._changed.notify_all()
        for job in jobs:
            if job.process is not None:
                job.process.wait(END_SECONDS)
        if self._folder is not None:
            self._folder.cleanup()

    def _lay_out(self, order: Order, painting: Image.Image, photo: Path) -> Job:
        """A training with its files."""
        try:
            kind = MIXED if find_depth(order.depth).adapter else ALONE
            job = Job(f"{kind}{secrets.token_hex(16)}", order, self._open())
            job.folder.mkdir()
            painting.save(job.painting)
            shutil.copyfile(photo, job.photo)
        except OSError as error:
            problem = error.strerror or error
            raise TrainingError(f"The training's files cannot be written: {problem}.") from error
        return job

    def _open(self) -> Path:
        """The folder of all trainings; the first who asks opens the desk."""
        with self._changed:
            if self._folder is None:
                self._folder = TemporaryDirectory(
                    prefix="fastnst-training-", ignore_cleanup_errors=True
                )
                atexit.register(self.close)
                Thread(target=self._work, name="training desk", daemon=True).start()
            return Path(self._folder.name)

    def _clear(self, job: Job) -> None:
        if job in self._line:
            self._line.remove(job)
        shutil.rmtree(job.folder, ignore_errors=True)

    def _work(self) -> None:
        while not self._closed:
            with self._changed:
                if not self._line:
                    self._changed.wait(SWEEP_SECONDS)
                self._current = self._line.pop(0) if self._line else None
            self.sweep()
            if self._current is not None:
                self._train(self._current)
                with self._changed:
                    if self._current.discarded:
                        self._clear(self._current)
                    self._current = None

    def _train(self, job: Job) -> None:
        try:
            self._run(job)
            if job.reason:
                job.made = load_checkpoint(job.result)
        except (OSError, ValueError, KeyError) as error:
            job.problem = str(error)
        if job.made is None and not job.problem:
            code = job.process.returncode if job.process else None
            job.problem = (
                "It was stopped before there was anything to keep."
                if job.stopping
                else f"The training ended unexpectedly, with exit code {code}."
            )
        job.ended = time.monotonic()

    def _run(self, job: Job) -> None:
        """Run the process to its end, listening."""
        with self._changed:
            if job.discarded:
                return
            # In the session of the server: Linux weighs processes by their niceness only there.
            job.process = Popen(
                job.command,
                stdin=PIPE,  # see `trainee`
                stdout=PIPE,
                encoding="utf-8",
                cwd=job.folder,
                env=_environment(),
            )
        with job.process as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("{"):
                    job.take(json.loads(line))
                self.sweep()


def known(desk: TrainingDesk, ids: Any) -> list[Job]:
    """The trainings of the ids that a browser remembers; it may say anything."""
    listed = ids if isinstance(ids, list | tuple) else ()
    found = (desk.find(id_) for id_ in listed if isinstance(id_, str))
    return [job for job in found if job is not None]


def _environment() -> dict[str, str]:
    """Of the process: where this package is, and how many threads it may use."""
    package = str(Path(fastnst.__file__).resolve().parent.parent)
    threads = str(min(MOST_THREADS, os.cpu_count() or 1))
    path = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "OMP_NUM_THREADS": threads,
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
    }
