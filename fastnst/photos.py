"""Photos to train on: a folder, or a dataset on the Hub, as an endless, repeatable stream."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fastnst.errors import PictureError, TrainingError
from fastnst.hub.photos import HubPhoto, HubPhotos, is_dataset
from fastnst.images import READABLE_SUFFIXES, open_picture

# A crop shows between all of a photo's short side and this part of it.
CLOSEST = 0.6
# One crop in four is darkened, down to this brightness: photos for training are mostly well lit,
# uploads are not.
DARK_SHARE = 0.25
DARKEST = 0.15
# Bytes of decoded photos that a stream keeps.
MEMORY = 2**30

Photo: TypeAlias = Path | HubPhoto
Photos: TypeAlias = Sequence[Photo] | HubPhotos


def find_photos(
    source: str | Path, held_out: int, without: Collection[str] = ()
) -> tuple[Photos, list[Photo]]:
    """Photos to train on, and `held_out` ones that training never sees.

    Args:
        source: a folder, or "USER/DATASET" on the Hub, with ":SPLIT" if it is not "train".
        held_out: how many: of a folder evenly spread, of a dataset the first.
        without: file names in the folder to leave out.

    Raises:
        TrainingError: there is no such folder or dataset, or too few photos in it.
    """
    if Path(source).is_dir() or not is_dataset(str(source)):
        kept, spared = split_photos(list_photos(source), held_out)
        return [photo for photo in kept if photo.name not in without], [*spared]
    if without:
        raise TrainingError(f"--without names files of a folder; {source} is a dataset.")
    try:
        stream = HubPhotos(str(source), held_out)
    except TrainingError as error:
        raise TrainingError(f"There is no folder {source}. As a dataset: {error}") from error
    return stream, [*stream.held_out]


def describe(photos: Photos) -> str:
    """How many there are, for people, or where they come from."""
    return f"Photos of {photos}" if isinstance(photos, HubPhotos) else f"{len(photos)} photos"


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


def count_small(photos: Photos, crop: int) -> int:
    """How many photos of a folder are smaller than a crop; a dataset is not read for that.

    Raises:
        TrainingError: a file is not a picture at all.
    """
    small = 0
    if isinstance(photos, HubPhotos):
        return small
    for path in photos:
        if isinstance(path, HubPhoto):
            continue
        try:
            with Image.open(path) as picture:
                small += min(picture.size) < crop
        except (OSError, Image.DecompressionBombError) as error:
            raise TrainingError(f"Cannot train on {path}: it is not a picture.") from error
    return small


class PhotoStream:
    """Photos in an endless, repeatable order: each pass over them has its own.

    What sample i is depends on `seed` and i alone, so a training that was killed goes on with the
    sample that would have come next. Photos are decoded once, as long as they fit in MEMORY: that
    is a fifth of a step of super-resolution, and a twentieth of a short one of a style.

    Attributes:
        unreadable: photos that turned out to be damaged; the next one was taken instead. One bad
            file among thousands must not end a training after hours.
    """

    def __init__(self, photos: Photos, crop: int, seed: int) -> None:
        self.photos = photos
        self.crop = crop
        self.seed = seed
        self.unreadable: set[Photo] = set()
        self._decoded: dict[Photo, Image.Image] = {}
        self._bytes = 0

    def generator(self, index: int) -> np.random.Generator:
        """The source of everything random about sample `index`."""
        return np.random.default_rng((self.seed, 1, index))

    def open(self, index: int) -> Image.Image:
        """The photo of sample `index`.

        Raises:
            TrainingError: no photo can be read.
        """
        problem = TrainingError("There are no photos to train on.")
        for photo in self._choices(index):
            try:
                return self._read(photo)
            except TrainingError as error:
                self.unreadable.add(photo)
                problem = error
        raise problem

    def _choices(self, index: int) -> Iterable[Photo]:
        """The photos to try for sample `index`."""
        if isinstance(self.photos, HubPhotos):
            return self.photos.choices(index, self.seed)
        if not self.photos:
            return ()
        lap, place = divmod(index, len(self.photos))
        order = np.random.default_rng((self.seed, 0, lap)).permutation(len(self.photos))
        return (self.photos[chosen] for chosen in (*order[place:], *order[:place]))

    def _read(self, photo: Photo) -> Image.Image:
        if photo in self._decoded:
            return self._decoded[photo]
        picture = read_rgb(photo)
        self._check(photo, picture)
        size = 3 * picture.width * picture.height
        # A photo of a dataset is not met again before all others were.
        if isinstance(photo, Path) and self._bytes + size <= MEMORY:
            self._decoded[photo] = picture
            self._bytes += size
        return picture

    def _check(self, photo: Photo, picture: Image.Image) -> None:
        """Refuse a photo that is no use, with a `TrainingError`."""


class Crops(PhotoStream):
    """Random square crops of photos, resized: what a style is trained on.

    Attributes:
        crop: their side. Below what it was at first, a crop is a part of what it would have been:
            no smaller a picture, which would teach small strokes.
    """

    def __init__(self, photos: Photos, crop: int, seed: int) -> None:
        super().__init__(photos, crop, seed)
        self._whole = crop

    def read(self, index: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """(3, crop, crop) RGB in [0, 1].

        Raises:
            TrainingError: no photo can be read.
        """
        picture = self.open(index)
        short = min(picture.size)
        side = short * rng.uniform(CLOSEST, 1.0) if short > self._whole else short
        side = min(short, max(side, self._whole)) * self.crop / self._whole
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


class Patches(PhotoStream):
    """Random square patches of photos, pixel for pixel, turned and mirrored at random.

    Nothing is resampled: what super-resolution learns is what pixels look like. A photo that is
    smaller than a patch is passed over.
    """

    def read(self, index: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """(3, crop, crop) RGB in [0, 1].

        Raises:
            TrainingError: no photo can be read, or is large enough.
        """
        picture = self.open(index)
        left = int(rng.integers(picture.width - self.crop + 1))
        top = int(rng.integers(picture.height - self.crop + 1))
        patch = picture.crop((left, top, left + self.crop, top + self.crop))
        pixels = np.asarray(patch, np.float32) / 255
        pixels = np.rot90(pixels, int(rng.integers(4)))
        if rng.random() < 0.5:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def _check(self, photo: Photo, picture: Image.Image) -> None:
        if min(picture.size) < self.crop:
            raise TrainingError(
                f"{photo} is {picture.width}×{picture.height} pixels; "
                f"patches need {self.crop} on each side."
            )


def read_rgb(photo: Photo) -> Image.Image:
    """A photo as 8-bit RGB, upright.

    Raises:
        TrainingError: it cannot be read.
    """
    file = photo.read() if isinstance(photo, HubPhoto) else photo
    try:
        return ImageOps.exif_transpose(open_picture(file)).convert("RGB")
    except PictureError as error:
        raise TrainingError(f"Cannot train on {photo}: {error}") from error
