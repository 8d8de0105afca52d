"""A new style from one painting, at one of three depths.

Everything that can be found is found here, not asked for: the known style to start from, the
learning rate, and the step at which to stop.
"""

import json
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from PIL import Image

from fastnst.adapters import completed
from fastnst.catalog import DEFAULT_STYLES, LOSS_NETWORK, SHIPPED, load, locate
from fastnst.checkpoint import Checkpoint, Style
from fastnst.content import built_in_photos
from fastnst.depths import Depth, find_depth
from fastnst.errors import CheckpointError, SettingError, TrainingError
from fastnst.fit import SETTINGS, Progress, fit
from fastnst.images import take_apart
from fastnst.networks.vgg import load_loss_network
from fastnst.paintings import check_painting, flatten
from fastnst.photos import Photo, Photos, find_photos, list_photos
from fastnst.rates import with_best_rate
from fastnst.settings import StyleSettings
from fastnst.style_training import StyleTask

PREVIEW_SECONDS = 4.0
LEAST_MINUTES = 0.05  # for the training itself, if preparing took all
PREVIEW_SIDE = 448


@dataclass(frozen=True)
class Training:
    """Where a training stands.

    Attributes:
        about: what is done now, for people.
        progress: of the training itself, once it has begun.
        held_out: the last held-out loss.
        preview: the preview photo in the style as it is now, every few seconds.
    """

    about: str
    progress: Progress | None = None
    held_out: float | None = None
    preview: Image.Image | None = None


def train(
    painting: Image.Image,
    style: Style,
    folder: str | Path,
    *,
    depth: str = "quick",
    base: str | Path = DEFAULT_STYLES,
    photos: str | Path | None = None,
    minutes: float | None = None,
    preview: Image.Image | None = None,
    resume: bool = False,
    **settings: Any,
) -> Generator[Training, None, None]:
    """Learn the style of a painting; yields about once a step.

    Closing the generator stops the training and keeps what it has learnt. The result is
    `weights.safetensors` in the folder: an adapter for *quick*, a whole network otherwise.

    Args:
        painting: of any mode; transparent parts are taken as white.
        style: its name, and what else is known of it.
        folder: of this training, for its weights, its log and the state to resume from.
        depth: a key of `fastnst.depths.DEPTHS`.
        base: the network to start from; not for *scratch*.
        photos: a folder, or a dataset on the Hub; *quick* needs none.
        minutes: to take, preparation included; by default the depth's, or as many as the `steps`
            take if these are among the settings.
        preview: a photo to show progress on.
        resume: go on in the folder, with the settings that were found.
        settings: fields of `StyleSettings`, over those of the depth.

    Raises:
        SettingError: the depth is unknown, or the minutes are not a positive number.
        TrainingError: the painting has no style to learn, there are no photos, the name is taken,
            or the training failed.
        CheckpointError: the base is no good.
    """
    started = time.monotonic()
    way = find_depth(depth)
    if minutes is not None and not 0 < minutes < 1e5:
        raise SettingError(f"The minutes are {minutes}; allowed is a number over 0.")
    if minutes is None:
        minutes = 0.0 if "steps" in {**way.settings, **settings} else way.minutes
    painting = flatten(painting)
    check_painting(style.name, painting)
    start = _start(base, style.name) if way.from_base else None
    trained_on, spared = _photos(photos, way, depth)
    if photos is not None:
        settings["held_out"] = len(spared)
    wanted = StyleSettings(**{"preview_steps": 0, **way.settings, **settings})
    if resume:
        wanted = saved_settings(folder)
    yield Training("Comparing with the styles that are known" if start else "Preparing")
    task = StyleTask(
        wanted,
        trained_on,
        [(style, painting)],
        load_loss_network(LOSS_NETWORK),
        held_out=spared,
        start=start,
        start_name=_public_name(base) if start else "",
    )
    if not resume:
        yield Training("Trying how fast to learn")
        wanted = with_best_rate(task)
        left = minutes and max(minutes - (time.monotonic() - started) / 60, LEAST_MINUTES)
        task.settings = wanted = replace(wanted, minutes=left)
    shown = 0.0
    progress: Progress | None = None
    held_out: float | None = None
    for progress in fit(task, wanted, folder, resume=resume):
        picture, held_out = None, progress.held_out or held_out
        if preview is not None and time.monotonic() - shown > PREVIEW_SECONDS:
            picture = task.paint(_small(preview))
            shown = time.monotonic()
        yield Training("Training", progress, held_out, picture)
    last = None if preview is None else task.paint(_small(preview))
    yield Training("Trained", progress, held_out, last)


def saved_settings(folder: str | Path) -> StyleSettings:
    """The settings of a training that was begun in a folder.

    Raises:
        TrainingError: there is none.
    """
    path = Path(folder, SETTINGS)
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return StyleSettings(**{each.name: facts[each.name] for each in fields(StyleSettings)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"There is no training to resume in {folder}.") from error


def _start(base: str | Path, name: str) -> Checkpoint:
    start = completed(load(base))
    if start.task != "style":
        raise CheckpointError(f"The network {base} is for {start.task}, not for style.")
    taken = [style.name for style in start.styles]
    if name in taken:
        raise TrainingError(
            f"The name {name} is taken; the network {base} has the styles {', '.join(taken)}."
        )
    return start


def _public_name(base: str | Path) -> str:
    """What others may know the base by: not where it is on this machine."""
    origin = locate(base)
    if origin.repo:
        return f"{origin.repo}@{origin.commit}"
    return str(base) if base in SHIPPED else origin.path.stem


def _photos(photos: str | Path | None, way: Depth, depth: str) -> tuple[Photos, Sequence[Photo]]:
    """Photos to train on, and photos to measure with."""
    if photos is not None:
        held_out = StyleSettings.held_out
        if Path(photos).is_dir():  # there may be a few only
            held_out = min(held_out, len(list_photos(photos)) // 4)
        return find_photos(photos, held_out)
    if way.own_photos:
        raise TrainingError(
            f"The depth {depth} needs a folder of photos, or a dataset on the Hub: --photos."
        )
    return built_in_photos()


def _small(photo: Image.Image) -> Image.Image:
    small = Image.fromarray(take_apart(photo).pixels)
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
    return small
