"""The scripts that prepare photos and the loss network."""

import sys

import numpy as np
import pytest
import torch
from conftest import make_mixing, make_picture
from describe import at_strengths, describe, without
from mix import mix
from PIL import Image
from prepare_loss_network import main as prepare_loss_network
from prepare_paintings import prepare as prepare_paintings
from prepare_photos import prepare
from safetensors.torch import load_file

from fastnst import Stylizer
from fastnst.adapters import extract, join
from fastnst.catalog import LOSS_NETWORK, load
from fastnst.checkpoint import Style
from fastnst.checkpoint_file import load_checkpoint, save_checkpoint
from fastnst.errors import CheckpointError, TrainingError


def test_photos_are_shrunk_upright_and_none_is_overwritten(tmp_path):
    source, target = tmp_path / "camera", tmp_path / "photos"
    (source / "trip").mkdir(parents=True)
    turned = make_picture(120, 60)
    exif = turned.getexif()
    exif[0x0112] = 6  # the camera stood upright
    turned.save(source / "one.jpg", exif=exif)
    make_picture(50, 40).save(source / "one.png")
    make_picture(90, 90).save(source / "trip" / "two.webp")
    (source / "broken.jpg").write_bytes(b"broken")
    written, problems = prepare(source, target, 48)
    assert written == 3
    assert len(problems) == 1 and "broken.jpg" in problems[0]
    sizes = {path.name: Image.open(path).size for path in target.rglob("*.jpg")}
    assert sizes == {"one_jpg.jpg": (48, 96), "one_png.jpg": (50, 40), "two_webp.jpg": (48, 48)}
    with pytest.raises(TrainingError, match="There is no folder"):
        prepare(tmp_path / "none", target, 48)


def test_details_are_cut_from_corner_to_corner(tmp_path):
    source, target = tmp_path / "paintings", tmp_path / "details"
    source.mkdir()
    painting = make_picture(200, 100)
    painting.save(source / "large.png")
    make_picture(90, 90).save(source / "small.png")
    assert prepare_paintings(source, target, 2, 60) == 2
    assert sorted(path.name for path in target.iterdir()) == [
        "large_detail_1.png", "large_detail_2.png",
    ]  # fmt: skip
    second = Image.open(target / "large_detail_2.png")
    assert second.tobytes() == painting.crop((105, 30, 165, 90)).tobytes()


def test_the_shipped_loss_network_is_what_the_script_makes(tmp_path, monkeypatch):
    made = tmp_path / "vgg.safetensors"
    monkeypatch.setattr(sys, "argv", ["prepare", str(LOSS_NETWORK), str(made)])
    prepare_loss_network()
    first, second = load_file(LOSS_NETWORK), load_file(made)
    assert first.keys() == second.keys() and len(first) == 26
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert second["features.28.weight"].dtype == torch.float16


def test_styles_can_be_described_anew(tmp_path):
    checkpoint = load("paintings")
    facts = [{"name": "udnie", "title": "Young American Girl", "year": 1914}]
    described = describe(checkpoint, facts, "CC0")
    save_checkpoint(described, tmp_path / "new.safetensors")
    again = load_checkpoint(tmp_path / "new.safetensors")
    udnie = next(style for style in again.styles if style.name == "udnie")
    assert udnie == Style("udnie", "Young American Girl", "Francis Picabia", "1914", "CC0")
    assert again.hash == checkpoint.hash
    with pytest.raises(CheckpointError, match="no style nobody"):
        describe(checkpoint, [{"name": "nobody"}], "")


def test_networks_are_mixed_by_their_weights():
    first, second = load("upscale_x8_fidelity"), load("upscale_x8_detail")
    mixed = mix(first, second, 0.25)
    key = "to_rgb.weight"
    np.testing.assert_allclose(
        mixed.tensors[key], 0.75 * first.tensors[key] + 0.25 * second.tensors[key], rtol=1e-5
    )
    with pytest.raises(CheckpointError, match="Only networks of one shape"):
        mix(first, load("upscale_x4_fidelity"), 0.5)


def test_a_style_can_be_made_milder():
    checkpoint = load("paintings")
    milder = at_strengths(checkpoint, {"udnie": 0.5})
    assert milder.trunk == checkpoint.trunk
    photo = make_picture(64, 48)
    half, same = Stylizer(milder)(photo, "udnie"), Stylizer(checkpoint)(photo, "udnie", 0.5)
    assert np.abs(np.asarray(half, int) - np.asarray(same, int)).max() <= 1
    before, after = (Stylizer(each)(photo, "the_scream") for each in (checkpoint, milder))
    assert before.tobytes() == after.tobytes()
    with pytest.raises(CheckpointError, match="no style nobody"):
        at_strengths(checkpoint, {"nobody": 1})


def test_matrices_go_with_their_styles():
    base = load("paintings")
    network = join(base, [make_mixing(extract(base, "udnie", "paintings"))])
    photo = make_picture(64, 48)
    mixing = np.asarray(Stylizer(network)(photo, "mixing"))
    fewer = without(network, ["udnie", "the_scream"])
    assert np.array_equal(np.asarray(Stylizer(fewer)(photo, "mixing")), mixing)
    assert set(fewer.grams) == set(base.grams) - {"udnie", "the_scream"}
    half = Stylizer(at_strengths(network, {"mixing": 0.5}))(photo, "mixing")
    expected = Stylizer(network)(photo, "mixing", 0.5)
    assert np.abs(np.asarray(half, int) - np.asarray(expected, int)).max() <= 1
    assert not np.array_equal(np.asarray(half), mixing)


def test_styles_can_be_left_out():
    checkpoint = load("paintings")
    fewer = without(checkpoint, ["udnie"])
    assert [style.name for style in fewer.styles] == [
        style.name for style in checkpoint.styles if style.name != "udnie"
    ]
    photo = make_picture(64, 48)
    first, second = (Stylizer(each)(photo, "the_scream") for each in (checkpoint, fewer))
    assert first.tobytes() == second.tobytes()
    fewest = without(checkpoint, ["*night*", "udnie"])
    gone = {style.name for style in checkpoint.styles} - {style.name for style in fewest.styles}
    assert gone == {"starry_night", "night_cafe", "udnie"}
    with pytest.raises(CheckpointError, match="Cannot take nobody away"):
        without(checkpoint, ["nobody"])
    with pytest.raises(CheckpointError, match="Cannot take"):
        without(checkpoint, [style.name for style in checkpoint.styles])
