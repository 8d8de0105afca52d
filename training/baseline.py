"""The baseline of style transfer: Gatys' method, and what a picture is worth in its iterations."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image

from fastnst.descent import OptimizeSettings
from fastnst.errors import TrainingError
from fastnst.files import replacing

# The paper's own baseline (section 4.1): L-BFGS from the photo, pixels clipped to what a picture
# can hold after each iteration. In fp32: bf16 is a quarter faster, but its curve is worse.
BASELINE = OptimizeSettings(iterations=50, method="lbfgs", clip=True)
DIGITS = 5


@dataclass(frozen=True)
class Worth:
    """A picture's worth in iterations of the baseline.

    Attributes:
        iterations: after so many the baseline is as good.
        beyond: the baseline is never as good, and `iterations` are all it was given.
    """

    iterations: float
    beyond: bool = False

    def __str__(self) -> str:
        return f">{self.iterations:.0f}" if self.beyond else f"{self.iterations:.1f}"


def worth_iterations(objective: float, curve: Sequence[float]) -> Worth:
    """The iterations after which a curve first comes down to an objective, interpolated.

    Args:
        objective: of the picture.
        curve: the baseline's objectives after 0, 1, 2, … iterations. Where one makes it worse, the
            best so far counts: who optimises would keep that.
    """
    best = list(accumulate(curve, min))
    if objective >= best[0]:
        return Worth(0.0)
    for iteration in range(1, len(best)):
        before, after = best[iteration - 1], best[iteration]
        if after <= objective:
            return Worth(iteration - 1 + (before - objective) / (before - after))
    return Worth(float(len(best) - 1), beyond=True)


def mean_worth(worths: Sequence[Worth]) -> Worth:
    """The plain mean; only a lower bound of it, and said to be, if one of them is."""
    return Worth(fmean(each.iterations for each in worths), any(each.beyond for each in worths))


class Curves:
    """The baseline's curves, in a file that is written anew with each: what is done stays done.

    A curve depends on no weights. Its key follows from all that it does depend on, so one file
    may hold curves of several sizes, and never gives one that does not fit.
    """

    def __init__(self, path: Path) -> None:
        """Read the curves that are there, if any.

        Raises:
            TrainingError: there is a file, but not one of curves.
        """
        self._path = path
        self._rows: dict[str, dict[str, Any]] = {}
        if not path.exists():
            return
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))["curves"]
            self._rows = {
                key: {**row, "objective": [*row["objective"]]} for key, row in rows.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrainingError(f"{path} is not a file of baseline curves.") from error

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> list[float]:
        """The objectives after 0, 1, 2, … iterations."""
        return self._rows[key]["objective"]

    def add(self, key: str, curve: Sequence[float], seconds: float, **about: str) -> None:
        """Take a curve, and write the file.

        Raises:
            TrainingError: the file cannot be written.
        """
        objective = [round(value, DIGITS) for value in curve]
        self._rows[key] = {**about, "seconds": round(seconds, 1), "objective": objective}
        rows = (f"{json.dumps(each)}: {json.dumps(row)}" for each, row in self._rows.items())
        try:
            with replacing(self._path) as temporary:
                text = '{"curves": {\n' + ",\n".join(rows) + "\n}}\n"
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise TrainingError(f"Cannot write {self._path}: {error.strerror}.") from error


def curve_key(photo: Image.Image, painting: Image.Image, yardstick: Mapping[str, Any]) -> str:
    """A fingerprint of one curve: its pictures, its objective and its method."""
    digest = sha256(json.dumps([asdict(BASELINE), dict(yardstick)], sort_keys=True).encode())
    for picture in (photo, painting):
        digest.update(f"{picture.mode}{picture.size}".encode())
        digest.update(picture.tobytes())
    return digest.hexdigest()[:24]
