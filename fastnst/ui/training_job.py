"""A training of a visitor's: what was ordered, how far it is, and what came of it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

from fastnst.checkpoint import Checkpoint
from fastnst.checkpoint_file import SUFFIX
from fastnst.depths import DEPTHS

# Whose styles can be mixed with the page's, and whose network paints in one style only. Both are
# the beginning of an id.
MIXED, ALONE = "mine-", "alone-"
MINUTE = 60.0


@dataclass(frozen=True)
class Order:
    """What a visitor wants to be trained.

    Attributes:
        name, title, artist, licence: of the style; see `fastnst.checkpoint.Style`.
        depth: a key of `fastnst.depths.DEPTHS`.
        style_weight: how far to lean towards the painting.
        strokes: short side at which the painting is seen, pixels: the smaller, the finer.
        minutes: that it may take.
        photos: to learn from: a folder, a dataset on the Hub, or nothing.
    """

    name: str
    title: str = ""
    artist: str = ""
    licence: str = ""
    depth: str = "quick"
    style_weight: float = 5.0
    strokes: int = 384
    minutes: float = DEPTHS["quick"].minutes
    photos: str = ""

    def options(self) -> list[str]:
        """Of the command `fastnst train`. One word each: a title may begin with a dash."""
        options = {
            "name": self.name,
            "title": self.title,
            "artist": self.artist,
            "licence": self.licence,
            "depth": self.depth,
            "style-weight": f"{self.style_weight:g}",
            "strokes": str(self.strokes),
            "minutes": f"{self.minutes:g}",
            "photos": self.photos,
        }
        return [f"--{key}={value}" for key, value in options.items() if value]


@dataclass(frozen=True)
class Report:
    """How far a training is.

    Attributes:
        step, steps: done, and in all.
        seconds: since its first step.
        left: seconds, likely.
        loss: that is trained on.
        held_out: of photos that are never trained on; none if it was not measured at this step.
    """

    step: int
    steps: int
    seconds: float
    left: float
    loss: float
    held_out: float | None


@dataclass(eq=False)  # it is one, whatever it says
class Job:
    """A training. The desk writes it, everybody reads it.

    Attributes:
        id: unguessable; the network of its style is called so in the page.
        order: what is trained.
        home: of all trainings.
        about: what it does before its first step.
        reports: so far.
        preview: the visitor's photo in the style so far, a JPEG.
        made: the style, once it is kept.
        reason: "finished", or "stopped" by the visitor.
        problem: why there is none, in a sentence.
        ended: when that was (`time.monotonic`).
        process: that trains.
        stopping: the visitor wants to keep what there is.
        discarded: the visitor wants nothing of it.
        thumbnail: a sample photo in the style, as a data URI, once it was painted.
    """

    id: str
    order: Order
    home: Path
    about: str = "Starting"
    reports: list[Report] = field(default_factory=list)
    preview: Path | None = None
    made: Checkpoint | None = None
    reason: str = ""
    problem: str = ""
    ended: float | None = None
    process: "Popen[str] | None" = None
    stopping: bool = False
    discarded: bool = False
    thumbnail: str = ""

    @property
    def title(self) -> str:
        """Of its style, for people."""
        return self.order.title or self.order.name

    @property
    def mixed(self) -> bool:
        """Whether its style can be mixed with those of the page."""
        return self.id.startswith(MIXED)

    @property
    def folder(self) -> Path:
        """Of its files; nobody is served from there."""
        return self.home / self.id

    @property
    def painting(self) -> Path:
        return self.folder / "painting.png"

    @property
    def photo(self) -> Path:
        return self.folder / "photo.png"

    @property
    def result(self) -> Path:
        """The file that it writes: the style, or the network."""
        return self.folder / f"{self.order.name}{SUFFIX}"

    @property
    def command(self) -> list[str]:
        paths = {"preview": self.photo, "run": self.folder / "run"}
        return [
            *(sys.executable, "-m", "fastnst.ui.trainee", "train", str(self.painting)),
            *self.order.options(),
            *(f"--{key}={path}" for key, path in paths.items()),
            *("-o", str(self.result), "--json"),
        ]

    @property
    def left(self) -> float:
        """Seconds until it ends, likely."""
        return self.reports[-1].left if self.reports else MINUTE * self.order.minutes

    def take(self, event: Mapping[str, Any]) -> None:
        """Note what the process says."""
        if "phase" in event:
            self.about = str(event["about"])
        elif "losses" in event:
            facts = {key: event[key] for key in ("step", "steps", "seconds", "left", "held_out")}
            self.reports.append(Report(**facts, loss=event["losses"]["total"]))
            if event["preview"]:
                self.preview = Path(event["preview"])
        elif "saved" in event:
            self.reason = event["reason"]
        elif "error" in event:
            self.problem = event["error"]
