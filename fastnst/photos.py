"""Photos to train on: a folder read as an endless, repeatable stream of crops."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fastnst.errors import PictureError, TrainingError
from fastnst.images import READABLE_SUFFIXES, open_picture

# A crop shows between all of a photo's short side and this part of it.
CLOSEST = 0.6
# One crop in four is darkened, down to this brightness: photos for training are mostly well lit,
# uploads are not.
DARK_SHARE = 0.25
DARKEST = 0.15


def list_photos(folder: str | Path) -> list[Path]:
    """Every picture file under a folder, in a fixed order.

    Raises:
        TrainingError: the folder is missing, or holds no picture.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise TrainingError(f"There is no folder {folder} to read photos from.")
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in READABLE_SUFFIXES and not path.name.startswith(".")
    )
    if not found:
        raise TrainingError(
            f"No photos found in {folder}; looked for {', '.join(READABLE_SUFFIXES)}."
        )
    return found


def split_photos(photos: Sequence[Path], held_out: int) -> tuple[list[Path], list[Path]]:
    """Photos to train on, and `held_out` ones, evenly spread, that training never sees.

    Raises:
        TrainingError: there would be nothing left to train on.
    """
    if held_out >= len(photos):
        raise TrainingError(
            f"{held_out} photos are to be held out, but there are only {len(photos)}."
        )
    chosen = {round((i + 0.5) * len(photos) / held_out - 0.5) for i in range(held_out)}
    kept = [photo for i, photo in enumerate(photos) if i not in chosen]
    return kept, [photos[i] for i in sorted(chosen)]


def count_small(photos: Sequence[Path], crop: int) -> int:
    """How many photos are smaller than a crop, and so will be enlarged.

    Raises:
        TrainingError: a file is not a picture at all.
    """
    small = 0
    for path in photos:
        try:
            with Image.open(path) as picture:
                small += min(picture.size) < crop
        except (OSError, Image.DecompressionBombError) as error:
            raise TrainingError(f"Cannot train on {path}: it is not a picture.") from error
    return small


class Crops:
    """Random square crops of photos: crop i is the same on every run.

    Each pass over the photos has its own order. Which crop is taken depends on `seed` and i
    alone, so a training that was killed goes on with the crop that would have come next.

    Attributes:
        unreadable: photos that turned out to be damaged; the next one was taken instead. One bad
            file among thousands must not end a training after hours.
    """

    def __init__(self, photos: Sequence[Path], crop: int, seed: int) -> None:
        self.photos = photos
        self.crop = crop
        self.seed = seed
        self.unreadable: set[Path] = set()

    def generator(self, index: int) -> np.random.Generator:
        """The source of everything random about sample `index`."""
        return np.random.default_rng((self.seed, 1, index))

    def read(self, index: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """(3, crop, crop) RGB in [0, 1].

        Raises:
            TrainingError: no photo can be read.
        """
        picture = self._open(index)
        short = min(picture.size)
        side = short * rng.uniform(CLOSEST, 1.0) if short > self.crop else short
        side = min(short, max(side, self.crop))
        left = rng.uniform(0, picture.width - side)
        top = rng.uniform(0, picture.height - side)
        box = (left, top, left + side, top + side)
        picture = picture.resize((self.crop, self.crop), Image.Resampling.BICUBIC, box)
        pixels = np.asarray(picture, np.float32).transpose(2, 0, 1) / 255
        if rng.random() < 0.5:
            pixels = pixels[:, :, ::-1]
        if rng.random() < DARK_SHARE:
            pixels = pixels * np.float32(rng.uniform(DARKEST, 1.0))
        return np.ascontiguousarray(pixels)

    def _open(self, index: int) -> Image.Image:
        lap, place = divmod(index, len(self.photos))
        order = np.random.default_rng((self.seed, 0, lap)).permutation(len(self.photos))
        for chosen in (*order[place:], *order[:place]):
            path = self.photos[chosen]
            try:
                return read_rgb(path)
            except TrainingError as error:
                self.unreadable.add(path)
                problem = error
        raise problem


def read_rgb(path: Path) -> Image.Image:
    """A picture as 8-bit RGB, upright.

    Raises:
        TrainingError: it cannot be read.
    """
    try:
        return ImageOps.exif_transpose(open_picture(path)).convert("RGB")
    except PictureError as error:
        raise TrainingError(f"Cannot train on {path}: {error}") from error
