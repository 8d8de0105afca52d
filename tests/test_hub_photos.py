"""Photos streamed from a dataset: a Hub on this machine, the real library, a real process."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import make_picture
from local_hub import LocalHub, User, serving, settings

datasets = pytest.importorskip("datasets")

ROOT = Path(__file__).resolve().parent.parent
COUNT = 12
# Prints what a training sees: a digest of each sample's pixels.
READ = """
import hashlib, json, sys
from fastnst.photos import Crops, find_photos, read_rgb
source, held_out, seed, *indices = sys.argv[1:]
photos, spared = find_photos(source, int(held_out))
crops = Crops(photos, 16, int(seed))
samples = [crops.read(int(i), crops.generator(int(i))) for i in indices]
print(json.dumps({
    "samples": [hashlib.sha256(sample.tobytes()).hexdigest() for sample in samples],
    "spared": [hashlib.sha256(read_rgb(photo).tobytes()).hexdigest() for photo in spared],
    "opened": [hashlib.sha256(crops.open(int(i)).tobytes()).hexdigest() for i in indices],
    "unreadable": [str(photo) for photo in sorted(crops.unreadable)],
}))
"""


def png(seed: int) -> bytes:
    file = io.BytesIO()
    make_picture(40, 36, seed).save(file, "PNG")
    return file.getvalue()


def parquet(pictures: list[bytes], folder: Path) -> bytes:
    rows = {"label": list(range(len(pictures))), "photo": [{"bytes": each} for each in pictures]}
    features = datasets.Features({"label": datasets.Value("int64"), "photo": datasets.Image()})
    made = datasets.Dataset.from_dict(rows, features=features)
    made.to_parquet(str(folder / "made.parquet"))
    return (folder / "made.parquet").read_bytes()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    hub = LocalHub(folder)
    hub.users["hf_secret"] = User("bob")
    pictures = [png(i) for i in range(COUNT)]
    table = parquet(pictures, folder)
    hub.add("ann/table", {"data/train-00000-of-00001.parquet": table}, kind="dataset")
    hub.add("ann/files", {f"{i:02d}.png": each for i, each in enumerate(pictures)}, kind="dataset")
    damaged = [*pictures[:4], pictures[4][:90], *pictures[5:]]
    hub.add("ann/damaged", {"test.parquet": parquet(damaged, folder)}, kind="dataset")
    hub.add("ann/words", {"train.csv": b"a,b\n1,2\n3,4\n"}, kind="dataset")
    hub.add("ann/hidden", {"train.parquet": table}, kind="dataset", private=True)
    with serving(hub) as hub:
        yield hub


def run(hub, home, *arguments, **environment):
    known = {**os.environ, **settings(hub, home, None), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", READ, *map(str, arguments)],
        env={**known, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )


def read(hub, home, *arguments):
    done = run(hub, home, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ann/table", "ann/files"])
def test_samples_depend_on_seed_and_place_alone(hub, tmp_path, name):
    """Also after a resume, which asks for a later place first, and over several laps."""
    laps = [0, 1, 9, 10, 19, 20, 25]
    first = read(hub, tmp_path, name, 2, 7, *laps)
    resumed = read(hub, tmp_path, f"{name}:train", 2, 7, 9, 10, 19, 20, 25)
    assert resumed["samples"] == first["samples"][2:]
    assert resumed["spared"] == first["spared"] and len(first["spared"]) == 2
    every = read(hub, tmp_path, name, 2, 7, *range(COUNT - 2))["opened"]
    assert len(set(every)) == COUNT - 2  # a lap shows each photo once, and none of the held out
    assert not set(every) & set(first["spared"])
    other = read(hub, tmp_path, name, 2, 8, *range(COUNT - 2))["opened"]
    assert other != every and set(other) == set(every)
    assert not (tmp_path / "hub").exists()  # nothing is stored


@pytest.mark.slow
def test_a_damaged_photo_of_a_dataset_is_passed_over(hub, tmp_path):
    found = read(hub, tmp_path, "ann/damaged:test", 0, 1, *range(COUNT))
    assert len(found["samples"]) == COUNT and len(set(found["opened"])) == COUNT - 1
    (told,) = found["unreadable"]
    assert told.startswith("photo ") and told.endswith(" of ann/damaged:test")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "environment", "sentence"),
    [
        ("ann/nothing", {}, "There is no dataset ann/nothing on the Hub, or you have no access"),
        ("ann/hidden", {}, "There is no dataset ann/hidden on the Hub, or you have no access"),
        ("ann/words", {}, "The dataset ann/words has no column of images; it has"),
        ("ann/table:validation", {}, "Cannot read dataset ann/table:validation: "),
        ("ann/table", {"HF_HUB_OFFLINE": "1"}, "Offline mode is on (HF_HUB_OFFLINE)"),
        ("ann/table", {"HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot be reached"),
    ],
)
def test_what_is_wrong_with_a_dataset_is_one_sentence(hub, tmp_path, name, environment, sentence):
    done = run(hub, tmp_path, name, 2, 0, 0, HF_TOKEN="hf_secret", **environment)
    told = done.stderr.strip().splitlines()[-1]
    assert told.startswith("fastnst.errors.TrainingError: There is no folder ") and sentence in told
    assert "hf_secret" not in done.stderr
