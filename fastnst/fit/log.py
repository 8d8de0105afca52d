"""The log of a training: a line of JSON for each step, check and warning."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastnst.errors import TrainingError
from fastnst.fit.state import write_text


class Log:
    """A file that grows; every row has a "step"."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def cut(self, step: int) -> dict[str, float]:
        """Leave out what is beyond a step that training goes on from; the losses at that step.

        Raises:
            TrainingError: the file cannot be written.
        """
        lines = self.path.read_text().splitlines() if self.path.is_file() else []
        rows = [row for row in map(_parse, lines) if row and row["step"] <= step]
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in rows))
        return next((row["losses"] for row in reversed(rows) if "losses" in row), {})

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row.

        Raises:
            TrainingError: the file cannot be written.
        """
        try:
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise TrainingError(f"Cannot write {self.path}: {error.strerror}.") from error


def _parse(line: str) -> dict[str, Any] | None:
    """A line of the log, or nothing if a kill cut it short."""
    try:
        return json.loads(line)
    except ValueError:
        return None
