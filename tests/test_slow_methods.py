"""Inversion, style reconstruction and refining: known answers on pictures of a few pixels."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_picture
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from test_optimize import gradient, stripes

from fastnst import Stylizer
from fastnst.catalog import load
from fastnst.checkpoint_file import load_checkpoint, save_checkpoint
from fastnst.descent import OptimizeProgress, OptimizeSettings, descend, noise_picture
from fastnst.errors import CheckpointError, FastnstError, PictureError, SettingError, StyleError
from fastnst.grams import factor, style_grams
from fastnst.inversion import FeatureObjective, invert
from fastnst.losses import gram_matrices, style_loss
from fastnst.networks.vgg import LossNetwork
from fastnst.paintings import painting_grams
from fastnst.reconstruction import GramObjective, reconstruct, reconstruct_grams
from fastnst.refine import refine
from fastnst.tensors import to_tensor

pytestmark = pytest.mark.usefixtures("one_thread")

LAYERS = ["relu1_2", "relu2_2"]


def far(first: Image.Image, second: Image.Image) -> float:
    """The mean absolute difference of two pictures, of 255."""
    return float(np.abs(np.asarray(first, float) - np.asarray(second, float)).mean())


def last(steps: Iterator[OptimizeProgress]) -> OptimizeProgress:
    *_, end = steps
    return end


# Inversion --------------------------------------------------------------------------------------


def test_a_photo_is_its_own_inversion(loss_network: LossNetwork) -> None:
    photo = gradient(32, 24)
    objective = FeatureObjective(photo, "relu2_2", loss_network, 0.0)
    values = objective(to_tensor(photo))
    assert values["objective"] == values["features"] == 0
    assert values["variation"] > 0


def test_the_regulariser_has_its_weight(loss_network: LossNetwork) -> None:
    objective = FeatureObjective(gradient(32, 24), "relu1_1", loss_network, 3.0)
    values = objective(to_tensor(noise_picture((32, 24))))
    assert values["objective"] == pytest.approx(float(values["features"] + 3 * values["variation"]))


def test_a_shallow_layer_gives_the_photo_back(loss_network: LossNetwork) -> None:
    photo = gradient(32, 24)
    steps = invert(photo, "relu1_2", loss_network, OptimizeSettings(40), 0.01)
    first = next(steps)
    before = far(first.picture(), photo)
    end = last(steps)
    assert first.losses["features"] > 0.2
    assert end.losses["features"] < 0.01
    assert far(end.picture(), photo) < before / 3


def test_unknown_layers_and_weights(loss_network: LossNetwork) -> None:
    with pytest.raises(SettingError, match=r"no layer 'conv1'; the layers are relu1_1, .*relu5_3"):
        invert(gradient(32, 24), "conv1", loss_network, OptimizeSettings(1))
    with pytest.raises(SettingError, match="variation weight is nan"):
        invert(gradient(32, 24), "relu1_1", loss_network, OptimizeSettings(1), float("nan"))
    with pytest.raises(SettingError, match="No layer was given"):
        reconstruct(stripes(), [], loss_network, OptimizeSettings(1))


def test_what_no_memory_holds_is_refused(loss_network: LossNetwork) -> None:
    with pytest.raises(PictureError, match=r"10 GB .* 2 megapixels: ask for the size 1414"):
        invert(Image.new("RGB", (2000, 2000)), "relu1_1", loss_network, OptimizeSettings(1))


def test_half_precision_takes_the_same_way(loss_network: LossNetwork) -> None:
    objective = FeatureObjective(gradient(32, 24), "relu2_1", loss_network, 0.0)
    whole, half = (
        list(descend(objective, noise_picture((32, 24)), OptimizeSettings(8), half=half))
        for half in (False, True)
    )
    assert whole[-1].objective != half[-1].objective
    assert whole[-1].objective == pytest.approx(half[-1].objective, rel=0.1)
    assert half[-1].pixels.dtype == torch.float32


# Style reconstruction ---------------------------------------------------------------------------


def test_a_painting_has_its_own_style(loss_network: LossNetwork) -> None:
    grams = painting_grams(stripes(), loss_network, LAYERS, 64)
    objective = GramObjective(grams, loss_network, (64, 64))
    assert float(objective(to_tensor(stripes()))["objective"]) == 0


def test_a_style_is_reconstructed_at_any_size(loss_network: LossNetwork) -> None:
    steps = reconstruct(stripes(), LAYERS, loss_network, OptimizeSettings(25, "safe"), (48, 32))
    first = next(steps).objective
    end = last(steps)
    assert end.picture().size == (48, 32)
    assert end.objective < first / 10
    grams = gram_matrices(loss_network(to_tensor(end.picture()), LAYERS))
    wanted = painting_grams(stripes(), loss_network, LAYERS, 64)
    assert float(style_loss(grams, wanted)) == pytest.approx(end.objective, rel=0.1)


# Gram matrices in a checkpoint ------------------------------------------------------------------


def test_a_factor_is_as_narrow_as_its_matrix() -> None:
    rank_two = torch.eye(6)[:, :2] * torch.tensor([3.0, 2.0])
    root = torch.tensor(factor(rank_two @ rank_two.T))
    assert root.shape == (6, 2)
    assert torch.allclose(root @ root.T, torch.diag(torch.tensor([9.0, 4, 0, 0, 0, 0])), atol=1e-4)
    assert factor(torch.zeros(4, 4)).shape[0] == 4


def test_gram_matrices_survive_a_checkpoint(loss_network: LossNetwork, tmp_path: Path) -> None:
    network = load("paintings")
    paintings = {"udnie": stripes(), "the_scream": make_picture(96, 80)}
    whole = {
        name: painting_grams(painting, loss_network, LAYERS, 64)
        for name, painting in paintings.items()
    }
    grams = {
        name: {layer: factor(gram[0]) for layer, gram in of.items()} for name, of in whole.items()
    }
    save_checkpoint(replace(network, grams=grams), tmp_path / "network.safetensors")
    read = load_checkpoint(tmp_path / "network.safetensors")
    assert read.hash == network.hash and read.trunk == network.trunk
    alone = {name: style_grams(read, name) for name in whole}
    for name, of in alone.items():
        for layer in LAYERS:
            assert float(style_loss({layer: of[layer]}, {layer: whole[name][layer]})) < 0.01
    mixed = style_grams(read, {"udnie": 3, "the_scream": 1})
    for layer in LAYERS:
        expected = 0.75 * alone["udnie"][layer] + 0.25 * alone["the_scream"][layer]
        assert torch.allclose(mixed[layer], expected, rtol=1e-4)
    with pytest.raises(StyleError, match="does not know the painting of 'night_cafe'"):
        style_grams(read, "night_cafe")
    with pytest.raises(StyleError, match="nobody"):
        style_grams(read, "nobody")


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("grams.udnie.relu9_9", (64, 2)),
        ("grams.nobody.relu1_2", (64, 2)),
        ("grams.udnie.relu1_2", (128, 2)),
        ("grams.udnie.relu1_2", (64, 65)),
        ("grams.udnie.relu1_2", (64, 0)),
        ("grams.udnie.relu1_2", (64,)),
        ("grams.udnie", (64, 2)),
    ],
)
def test_odd_gram_matrices_are_refused(key: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    network = load("paintings")
    save_checkpoint(replace(network, grams={}), path)
    with safe_open(path, framework="np") as file:
        metadata = file.metadata()
    save_file({**load_file(path), key: np.ones(shape, np.float16)}, path, metadata)
    with pytest.raises(CheckpointError, match="no Gram matrix of a layer of VGG-16"):
        load_checkpoint(path)


def test_every_shipped_style_has_its_painting() -> None:
    network = load("paintings")
    assert {style.name for style in network.styles} == set(network.grams)
    shapes = {layer: gram.shape for layer, gram in style_grams(network, "udnie").items()}
    assert shapes == {
        "relu1_2": (1, 64, 64),
        "relu2_2": (1, 128, 128),
        "relu3_3": (1, 256, 256),
        "relu4_3": (1, 512, 512),
    }


# Refining ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer()


def refined(stylizer: Stylizer, photo: Image.Image, **options: Any) -> list[Any]:
    from fastnst.descent import shared_loss_network

    options = {"seconds": 3600, "settings": OptimizeSettings(4, "safe"), **options}
    return list(refine(stylizer, photo, "udnie", loss_network=shared_loss_network(), **options))


def test_refining_begins_with_the_painting_and_only_gets_better(stylizer: Stylizer) -> None:
    photo = make_picture(40, 32)
    steps = refined(stylizer, photo)
    assert far(steps[0].picture(), steps[-1].picture()) > 0.5
    objectives = [step.objective for step in steps]
    assert objectives == sorted(objectives, reverse=True)
    assert objectives[-1] < 0.9 * objectives[0]
    assert [step.iteration for step in steps] == [0, 1, 2, 3, 4]
    assert steps[-1].share == 1


def test_the_first_step_is_the_painting(stylizer: Stylizer) -> None:
    photo = make_picture(40, 32).convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    for options in ({}, {"brush": 1.25}, {"keep_colors": True}, {"size": 24}, {"strength": 0.5}):
        (start,) = refined(stylizer, photo, settings=OptimizeSettings(0), **options)
        expected = stylizer(photo, "udnie", **options)
        assert (start.picture().mode, start.picture().size) == ("RGBA", expected.size)
        assert far(start.picture(), expected) < 1


def test_time_ends_it(stylizer: Stylizer) -> None:
    steps = refined(stylizer, make_picture(32, 32), seconds=0, settings=OptimizeSettings(1000))
    assert len(steps) == 1 and steps[0].share == 1


def test_a_descent_stops_in_time(loss_network: LossNetwork) -> None:
    objective = FeatureObjective(gradient(32, 24), "relu1_2", loss_network, 0.0)
    (*_, second) = islice(descend(objective, noise_picture((32, 24)), OptimizeSettings(9)), 2)
    limit = 4 * second.seconds
    steps = list(
        descend(objective, noise_picture((32, 24)), OptimizeSettings(10**6), seconds=limit)
    )
    assert 2 <= len(steps) < 1000
    assert steps[-1].share == 1
    assert all(0 <= step.share <= 1 for step in steps)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seconds": -1}, "The seconds is -1; allowed is 0 to 3600"),
        ({"brush": 9}, "brush is 9"),
        ({"size": 3000}, "ask for the size 1414"),
    ],
)
def test_refining_that_cannot_be(stylizer: Stylizer, options: dict[str, Any], said: str) -> None:
    with pytest.raises(FastnstError, match=said):
        refined(stylizer, make_picture(32, 32), **options)


def test_reconstruction_from_shipped_grams(loss_network: LossNetwork) -> None:
    grams = {"relu1_2": style_grams(load("paintings"), "udnie")["relu1_2"]}
    steps = reconstruct_grams(grams, loss_network, OptimizeSettings(8), (32, 24))
    first = next(steps).objective
    assert last(steps).objective < 0.5 * first
