"""Many pictures at once: which file becomes which, decided before the first one is touched."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fastnst.errors import PictureError
from fastnst.images import OUTPUT_FORMATS, OutputFormat, output_format
from fastnst.photos import list_photos

FALLBACK = OUTPUT_FORMATS["PNG"]  # for pictures that came in a format that is read, not written


@dataclass(frozen=True)
class Job:
    """A picture to repaint: the file to read and the file to write."""

    source: Path
    target: Path


def plan_file(source: Path, output: str, wanted: OutputFormat | None = None) -> Job:
    """The job of one picture.

    Args:
        source: the picture.
        output: a file name, or a folder (an existing one, or a name that ends in a slash) in
            which it keeps its name.
        wanted: the format for a folder; by default the picture's own.

    Raises:
        PictureError: the name asks for no format or for another one than is wanted, or it is the
            picture's own.
    """
    target = Path(output)
    if target.is_dir() or output.endswith(("/", os.sep)):
        target = target / source.with_suffix(_suffix(source, wanted)).name
    elif wanted is not None and output_format(target) is not wanted:
        raise PictureError(f"The name {target.name} does not ask for {wanted.name}; change one.")
    output_format(target)
    job = Job(source, target)
    _refuse_overwriting([job])
    return job


def plan_folder(folder: Path, output: str, wanted: OutputFormat | None = None) -> list[Job]:
    """The jobs of all pictures in a folder and the folders in it, in a fixed order.

    The folder that is written to gets the same folders inside. If it lies within the one that is
    read, what it holds from before is not read.

    Args:
        folder: where the pictures are.
        output: the folder to write to.
        wanted: the format of the results; by default each keeps its own.

    Raises:
        PictureError: `output` is a file, or a result would overwrite a picture that is read.
        TrainingError: there is no picture.
    """
    target = Path(output)
    if target.exists() and not target.is_dir():
        raise PictureError(f"{target} is a file; the pictures of a folder need a folder to go to.")
    sources = list_photos(folder)
    inside = target.resolve()
    if folder.resolve() in inside.parents:
        sources = [path for path in sources if inside not in path.resolve().parents]
    jobs: list[Job] = []
    taken: set[str] = set()
    for source in sources:
        place = target / source.relative_to(folder)
        suffix = _suffix(source, wanted)
        made = place.with_suffix(suffix)
        if str(made).casefold() in taken:  # a.jpg and a.png, both to become PNG
            made = place.with_name(f"{place.stem}_{place.suffix[1:]}{suffix}")
        taken.add(str(made).casefold())
        jobs.append(Job(source, made))
    if not jobs:
        raise PictureError(f"All pictures in {folder} are in {target}, where the results go.")
    _refuse_overwriting(jobs)
    return jobs


def _suffix(source: Path, wanted: OutputFormat | None) -> str:
    if wanted is not None:
        return wanted.suffixes[0]
    try:
        output_format(source)
    except PictureError:
        return FALLBACK.suffixes[0]
    return source.suffix


def _refuse_overwriting(jobs: Sequence[Job]) -> None:
    read = {_identity(job.source) for job in jobs} - {None}
    for job in jobs:
        if _identity(job.target) in read:
            raise PictureError(
                f"{job.target} would overwrite a picture that is read; choose another output."
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """The same for two names of one file; none if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
