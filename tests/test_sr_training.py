"""Training super-resolution networks."""

import json

import numpy as np
import pytest
import torch
import train_sr
from PIL import Image
from safetensors import safe_open

from fastnst.checkpoint_file import load_checkpoint
from fastnst.degradations import bicubic
from fastnst.errors import TrainingError
from fastnst.fit import fit
from fastnst.networks import SR, build_network
from fastnst.photos import Patches, list_photos
from fastnst.settings import SRSettings
from fastnst.sr_training import SRSamples, SRTask

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {
    "crop": 32, "batch": 2, "channels": 8, "blocks": 2, "preview_steps": 0, "precision": "fp32",
}  # fmt: skip


@pytest.fixture
def photos(photo_folder):
    return list_photos(photo_folder)


def train(settings, photos, folder, resume=False, **options):
    task = SRTask(settings, photos, **options)
    return task, list(fit(task, settings, folder, resume=resume))


def test_it_learns_and_saves_what_it_learnt(photos, tmp_path):
    settings = SRSettings(steps=40, warmup=5, **SMALL)
    task, progress = train(settings, photos, tmp_path)
    before = SRTask(settings, photos)

    def error(network):
        sample = SRSamples(Patches(photos, 32, 7), settings)[3]
        with torch.no_grad():
            return float((network(sample["small"][None]) - sample["large"]).abs().mean())

    assert error(task.network) < error(before.network)
    assert len(progress) == 40 and set(progress[-1].losses) == {"total", "pixel", "gradient"}
    checkpoint = load_checkpoint(tmp_path / "weights.safetensors")
    assert checkpoint.task == SR and checkpoint.settings["scale"] == 4
    assert checkpoint.training["degradation"] == "bicubic"
    assert error(build_network(checkpoint)) == pytest.approx(error(task.network), abs=1e-6)


def test_a_resumed_training_is_the_same_training(photos, tmp_path):
    settings = SRSettings(steps=6, **SMALL)
    whole, _ = train(settings, photos, tmp_path / "whole")
    task = SRTask(settings, photos)
    run = fit(task, settings, tmp_path / "cut")
    for _ in range(3):
        next(run)
    run.close()
    again, _ = train(settings, photos, tmp_path / "cut", resume=True)
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], value, rtol=0, atol=0)


def test_batch_normalisation_survives_a_resume(photos, tmp_path):
    settings = SRSettings(steps=4, **{**SMALL, "architecture": "paper-sr", "blocks": 1})
    whole, _ = train(settings, photos, tmp_path / "whole")
    run = fit(SRTask(settings, photos), settings, tmp_path / "cut")
    next(run), next(run)
    run.close()
    again, _ = train(settings, photos, tmp_path / "cut", resume=True)
    key = "layers.1.running_var"
    assert torch.equal(again.network.state_dict()[key], whole.network.state_dict()[key])
    network = build_network(load_checkpoint(tmp_path / "cut" / "weights.safetensors"))
    assert torch.equal(network.state_dict()[key], whole.network.state_dict()[key])


def test_samples_are_photos_pixel_for_pixel(tmp_path):
    """A patch of a photo whose pixels say where they are: nothing is resampled."""
    rows, columns = np.meshgrid(np.arange(48), np.arange(64), indexing="ij")
    pixels = np.stack([rows * 5, columns * 3, np.zeros_like(rows)], 2).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "map.png")
    patches = Patches([tmp_path / "map.png"], 16, 0)
    turns = set()
    for index in range(24):
        patch = np.round(patches.read(index, patches.generator(index)) * 255)
        down, across = (np.diff(patch[:2], axis=axis).mean((1, 2)) for axis in (1, 2))
        turns.add((tuple(np.round(down)), tuple(np.round(across))))
    assert len(turns) == 8  # four turns, each mirrored or not
    assert all({abs(x) for each in turn for x in each} <= {0, 3, 5} for turn in turns)


def test_a_sample_is_the_patch_and_what_became_of_it(photos):
    sample = SRSamples(Patches(photos, 32, 0), SRSettings(**SMALL))[5]
    np.testing.assert_array_equal(sample["small"], bicubic(sample["large"].numpy(), 4))


def test_photos_that_are_too_small_are_passed_over(photos):
    patches = Patches(photos, 64, 0)
    for index in range(12):
        assert patches.read(index, patches.generator(index)).shape == (3, 64, 64)
    assert {path.name for path in patches.unreadable} == {"small.png"}
    with pytest.raises(TrainingError, match=r"96×80 pixels; patches need 90|40×30"):
        Patches(photos, 90, 0).read(0, np.random.default_rng(0))


def test_losses_are_their_weighted_sum(photos, loss_network):
    settings = SRSettings(
        pixel_loss="mse", pixel_weight=3.0, feature_weight=0.5,
        feature_layers="relu1_2,relu2_2", **SMALL,
    )  # fmt: skip
    task = SRTask(settings, photos, loss_network)
    samples = [task.samples[i] for i in range(2)]
    batch = {key: torch.stack([each[key] for each in samples]) for key in samples[0]}
    losses = task.losses(task.network, batch)
    expected = 3 * losses["pixel"] + 0.5 * losses["features"]
    torch.testing.assert_close(losses["total"], expected)
    made = task.network(batch["small"])
    torch.testing.assert_close(losses["pixel"], (made - batch["large"]).square().mean())
    perfect = task.losses(lambda small: batch["large"], batch)
    assert float(perfect["total"]) == 0


def test_another_scale_starts_from_the_inside(photos):
    settings = SRSettings(steps=1, **SMALL)
    first = SRTask(settings, photos)
    start = first.checkpoint({})
    eight = SRTask(SRSettings(steps=1, **{**SMALL, "scale": 8}), photos, start=start)
    assert torch.equal(
        eight.network.blocks[1].convs[0].weight, first.network.blocks[1].convs[0].weight
    )
    assert eight.network.to_rgb.weight.shape[0] == 192


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop": 30}, "The crop is 30 pixels; at scale 4 it is a multiple of 4"),
        ({"pixel_weight": 0.0}, "All losses weigh 0"),
        ({"pixel_weight": -1.0}, "0 or more"),
        ({"feature_weight": 1.0}, "needs the loss network"),
        ({"architecture": "srcnn"}, "srcnn network has no --channels"),
    ],
)
def test_settings_that_do_not_fit(photos, changes, message):
    with pytest.raises(TrainingError, match=message):
        SRTask(SRSettings(**{**SMALL, **changes}), photos)


def test_a_start_that_does_not_fit(photos):
    start = SRTask(SRSettings(**SMALL), photos).checkpoint({})
    with pytest.raises(TrainingError, match="another width or depth"):
        SRTask(SRSettings(**{**SMALL, "channels": 12}), photos, start=start)
    with pytest.raises(TrainingError, match="Cannot start from a fast-sr"):
        SRTask(SRSettings(**{**SMALL, "architecture": "paper-sr"}), photos, start=start)


def test_the_script(photo_folder, tmp_path, capsys):
    arguments = [
        "--photos", str(photo_folder), "--out", str(tmp_path), "--held-out", "1", "--crop", "32",
        "--batch", "2", "--channels", "8", "--blocks", "2", "--precision", "fp32",
        "--degradation", "photo", "--without", "photo_0.jpg",
    ]  # fmt: skip
    train_sr.train(train_sr.parse([*arguments, "--steps", "2", "--preview-steps", "2"]))
    assert "1 photos are smaller" in capsys.readouterr().out
    assert (tmp_path / "previews" / "000002.jpg").is_file()
    train_sr.train(train_sr.parse([*arguments, "--steps", "3", "--resume"]))
    with safe_open(tmp_path / "state.safetensors", "pt") as file:
        assert file.metadata()["step"] == "3"
    assert json.loads((tmp_path / "settings.json").read_text())["degradation"] == "photo"
