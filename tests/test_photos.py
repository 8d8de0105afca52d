"""Photos to train on, and grain."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import make_picture
from PIL import Image

from fastnst.errors import TrainingError
from fastnst.grain import TILE, grain_tile
from fastnst.photos import Crops, count_small, describe, find_photos, list_photos, split_photos

ROOT = Path(__file__).resolve().parent.parent


def test_list_photos_finds_pictures_only(photo_folder):
    (photo_folder / "notes.txt").write_text("no picture")
    (photo_folder / "deeper").mkdir()
    make_picture(50, 50).save(photo_folder / "deeper" / "one.webp")
    names = [path.name for path in list_photos(photo_folder)]
    assert len(names) == 7 and "one.webp" in names and "notes.txt" not in names


def test_no_photos(tmp_path):
    with pytest.raises(TrainingError, match="No photos found"):
        list_photos(tmp_path)
    with pytest.raises(TrainingError, match="There is no folder"):
        list_photos(tmp_path / "none")


def test_split_is_even_complete_and_repeatable():
    names = [str(i) for i in range(100)]
    kept, held_out = split_photos(names, 20)
    assert len(held_out) == 20 and sorted(kept + held_out) == sorted(names)
    assert np.ptp(np.diff([int(name) for name in held_out])) <= 1
    assert split_photos(names, 20) == (kept, held_out)
    assert split_photos(names, 0) == (names, [])
    with pytest.raises(TrainingError, match="only 100"):
        split_photos(names, 100)


def test_finding_photos_in_a_folder(photo_folder):
    kept, spared = find_photos(photo_folder, 2, ["photo_0.jpg"])
    assert describe(kept) == f"{len(kept)} photos" and len(spared) == 2
    names = {path.name for path in (*kept, *spared)}
    assert names | {"photo_0.jpg"} == {path.name for path in list_photos(photo_folder)}
    assert "photo_0.jpg" not in {path.name for path in kept}
    with pytest.raises(TrainingError, match=r"There is no folder .*none"):
        find_photos(photo_folder / "none", 2)
    with pytest.raises(TrainingError, match="--without names files of a folder; ann/photos is a"):
        find_photos("ann/photos", 2, ["photo_0.jpg"])


def test_a_dataset_needs_its_package():
    """In a process where it cannot be imported."""
    script = (
        "import sys; sys.modules['datasets'] = None\n"
        "from fastnst.photos import find_photos; find_photos('ann/photos', 2)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    told = done.stderr.strip().splitlines()[-1]
    assert told.endswith(
        "There is no folder ann/photos. As a dataset: Photos of a dataset on the Hub need the "
        "package datasets: pip install datasets."
    )


def test_small_photos_are_counted(photo_folder):
    assert count_small(list_photos(photo_folder), 32) == 1
    assert count_small(list_photos(photo_folder), 30) == 0
    assert count_small(list_photos(photo_folder), 200) == 6


def test_crops_repeat_and_visit_every_photo(photo_folder):
    photos = list_photos(photo_folder)
    crops = Crops(photos, 32, seed=1)
    first = [crops.read(i, crops.generator(i)) for i in range(12)]
    second = [crops.read(i, crops.generator(i)) for i in range(12)]
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(crop.shape == (3, 32, 32) and 0 <= crop.min() <= crop.max() <= 1 for crop in first)
    other = Crops(photos, 32, seed=2)
    assert not np.array_equal(first[0], other.read(0, other.generator(0)))


def test_a_smaller_crop_shows_less_and_not_smaller(tmp_path):
    """On a photo that is a slope, the range of a crop says how much of the photo it shows."""
    slope = np.linspace(0, 250, 120).astype(np.uint8)
    Image.fromarray(np.tile(slope, (100, 1)).repeat(3).reshape(100, 120, 3)).save(
        tmp_path / "a.png"
    )
    crops = Crops([tmp_path / "a.png"], 200, seed=0)
    for side, part in ((200, 100 / 120), (50, 25 / 120)):
        crops.crop = side
        read = [crops.read(index, crops.generator(index)) for index in range(40)]
        assert {crop.shape for crop in read} == {(3, side, side)}
        # Some are darkened; the rest span as much.
        assert max(np.ptp(crop) for crop in read) == pytest.approx(part * 250 / 255, rel=0.05)


def test_photos_are_decoded_once(photo_folder):
    photos = list_photos(photo_folder)
    crops = Crops(photos, 32, seed=1)
    first = [crops.read(i, crops.generator(i)) for i in range(12)]
    for photo in photos:
        photo.unlink()
    again = [crops.read(i, crops.generator(i)) for i in range(12)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_damaged_photo_is_passed_over_and_named(photo_folder):
    damaged = photo_folder / "photo_2.jpg"
    damaged.write_bytes(damaged.read_bytes()[:400])
    crops = Crops(list_photos(photo_folder), 32, seed=0)
    for i in range(6):
        assert crops.read(i, crops.generator(i)).shape == (3, 32, 32)
    assert crops.unreadable == {damaged}
    crops = Crops([damaged], 32, seed=0)
    with pytest.raises(TrainingError, match=r"Cannot train on .*photo_2\.jpg"):
        crops.read(0, crops.generator(0))


def test_what_is_no_picture_is_told_before_training(photo_folder):
    (photo_folder / "photo_2.jpg").write_bytes(b"broken")
    with pytest.raises(TrainingError, match=r"photo_2\.jpg: it is not a picture"):
        count_small(list_photos(photo_folder), 32)


def test_grain_has_no_mean_unit_variance_and_no_seam():
    tile = grain_tile()
    assert tile.shape == (3, TILE, TILE)
    assert abs(tile.mean()) < 1e-4 and abs(tile.std() - 1) < 1e-4
    inside = np.abs(np.diff(tile, axis=2)).mean()
    seam = np.abs(tile[:, :, 0] - tile[:, :, -1]).mean()
    assert seam < 1.5 * inside
    assert np.array_equal(tile, grain_tile())
    with pytest.raises(ValueError, match="read-only"):
        tile[0, 0, 0] = 1
