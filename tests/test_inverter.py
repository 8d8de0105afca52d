"""The feed-forward inverter: its network, its training, and the one that ships."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import train_inverter
from conftest import make_picture
from gradio.media import get_image
from PIL import Image

from fastnst.catalog import load
from fastnst.checkpoint_file import load_checkpoint
from fastnst.errors import CheckpointError, FastnstError, PictureError
from fastnst.fit import fit
from fastnst.images import open_picture
from fastnst.inverter import Inverter
from fastnst.inverter_training import InverterTask
from fastnst.loss_layers import LAYERS
from fastnst.networks import INVERSION, InverterNetwork, build_network
from fastnst.networks.vgg import LossNetwork
from fastnst.photos import list_photos
from fastnst.settings import InverterSettings

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL: dict[str, Any] = {
    "crop": 32, "batch": 2, "channels": 16, "blocks": 1, "warmup": 2, "preview_steps": 0,
    "precision": "fp32",
}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_has_a_network_that_fits(layer: str, loss_network: LossNetwork) -> None:
    block, convolution = (int(each) for each in layer.removeprefix("relu").split("_"))
    network = InverterNetwork(block, convolution, channels=16, blocks=1)
    assert network.layer == layer
    pictures = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        made = network(loss_network(pictures, [layer])[layer])
    assert made.shape == pictures.shape
    assert float(made.min()) >= 0 and float(made.max()) <= 1


def test_no_such_layer() -> None:
    with pytest.raises(ValueError, match="no layer relu1_3"):
        InverterNetwork(1, 3)


def test_it_learns_and_inverts(
    photo_folder: Path, loss_network: LossNetwork, tmp_path: Path
) -> None:
    settings = InverterSettings(steps=15, layer="relu2_2", **SMALL)
    task = InverterTask(
        settings, list_photos(photo_folder), loss_network, previews=[make_picture(32, 32)]
    )
    losses = [progress.losses["total"] for progress in fit(task, settings, tmp_path)]
    assert len(losses) == 15 and losses[-1] < 0.95 * losses[0]
    assert task.preview().size == (64, 32)
    checkpoint = load_checkpoint(tmp_path / "weights.safetensors")
    assert checkpoint.task == INVERSION and checkpoint.training["layer"] == "relu2_2"
    inverter = Inverter(loss_network, checkpoint)
    assert inverter.layer == "relu2_2"
    assert inverter(make_picture(37, 21)).size == (37, 21)
    again = InverterTask(settings, list_photos(photo_folder), loss_network, start=checkpoint)
    for name, value in build_network(checkpoint).state_dict().items():
        assert torch.equal(again.network.state_dict()[name], value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"layer": "relu9_1"}, "no layer 'relu9_1'"), ({"crop": 40}, "a multiple of 16")],
)
def test_settings_that_do_not_fit(
    photo_folder: Path, loss_network: LossNetwork, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(FastnstError, match=said):
        InverterTask(
            InverterSettings(**{**SMALL, **changes}), list_photos(photo_folder), loss_network
        )


def test_the_script(photo_folder: Path, tmp_path: Path) -> None:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    arguments = ["--photos", str(photo_folder), "--out", str(tmp_path / "run"), *options]
    train_inverter.train(
        train_inverter.parse([*arguments, "--steps=2", "--held-out=2", "--layer=relu1_2"])
    )
    assert load_checkpoint(tmp_path / "run" / "weights.safetensors").settings["block"] == 1


def test_the_one_that_ships_gives_a_photo_back(loss_network: LossNetwork) -> None:
    inverter = Inverter(loss_network)
    assert inverter.layer == "relu4_3"
    photo = open_picture(get_image("cheetah1.jpg")).convert("RGB").resize((96, 96))
    made, wanted = (np.asarray(each, float) for each in (inverter(photo), photo))
    plain = np.abs(wanted - wanted.mean((0, 1))).mean()
    assert np.abs(made - wanted).mean() < 0.8 * plain


def test_what_is_refused(loss_network: LossNetwork) -> None:
    with pytest.raises(CheckpointError, match="for style, not for inversion"):
        Inverter(loss_network, load("paintings"))
    with pytest.raises(PictureError, match="2 megapixels"):
        Inverter(loss_network)(Image.new("RGB", (2000, 1500)))
