"""What several test modules share."""

import os
import tempfile

os.environ.setdefault("CI", "true")  # OpenVINO reads it at import: no telemetry from tests
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# Nobody's: tests neither use the networks and the token of whoever runs them, nor add to them.
os.environ["HF_HOME"] = os.path.join(tempfile.gettempdir(), "fastnst-tests-have-no-home")

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from local_hub import LocalHub, User, use
from local_hub import serving as serving_hub
from PIL import Image
from visitor import Visitor, chromium, serving

from fastnst.catalog import DEFAULT_STYLES, LOSS_NETWORK, load
from fastnst.checkpoint import MATRICES, MIXING, Checkpoint, Style
from fastnst.choices import SCALES
from fastnst.networks import ARCHITECTURES, SR, architecture_settings, network_tensors
from fastnst.networks.vgg import LossNetwork, load_loss_network

# Of people at the Hub on this machine.
TOKEN = "hf_SecretOfAnn1234567890"
BOB = "hf_SecretOfBob1234567890"
READER = "hf_ReadOnlyOfAnn12345678"


@pytest.fixture(scope="session")
def loss_network() -> LossNetwork:
    return load_loss_network(LOSS_NETWORK)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """On pictures this small threads only wait for each other, the more so on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """A colourful picture with shapes at several scales, different for each seed."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (max(2, height // 16), max(2, width // 16), 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def make_mixing(adapter: Checkpoint) -> Checkpoint:
    """The same adapter, called "mixing", with matrices that mix all maps a little."""
    rng = np.random.default_rng(0)
    matrices = {
        key.replace(".conv.weight", MATRICES): np.float32(
            rng.normal(0, 0.02, (len(adapter.styles), len(weight), len(weight)))
        )
        for key, weight in load(DEFAULT_STYLES).tensors.items()
        if weight.ndim == 4
    }
    return replace(
        adapter,
        settings={**adapter.settings, MIXING: 1},
        tensors={**adapter.tensors, **matrices},
        styles=(Style("mixing"),),
        grams={},
    )


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """Six photos; one of them is smaller than the crops that the tests train on."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(5):
        make_picture(96, 80, seed).save(folder / f"photo_{seed}.jpg")
    make_picture(40, 30, 9).save(folder / "small.png")
    return folder


@pytest.fixture(scope="session")
def upscalers() -> dict[int, Any]:
    """Factor → an upscaler whose networks, a faithful and a detailed one, have learnt nothing."""
    from fastnst import Upscaler

    return {
        scale: Upscaler(weights=untrained(scale, 0), detail_weights=untrained(scale, 1))
        for scale in SCALES
    }


def untrained(scale: int, seed: int) -> Checkpoint:
    torch.manual_seed(seed)
    settings = architecture_settings("fast-sr", scale=scale)
    network = ARCHITECTURES["fast-sr"].network(**settings)
    return Checkpoint(SR, "fast-sr", settings, network_tensors(network))


@pytest.fixture(scope="session")
def studio(upscalers: dict[int, Any]) -> Any:
    """What serves the page."""
    from fastnst.ui.studio import Studio

    studio = Studio(upscalers=upscalers)
    studio.open()
    return studio


@pytest.fixture(scope="module")
def address(studio: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the page."""
    with serving(studio, tmp_path_factory.mktemp("uploads")) as (_, url):
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visitor(browser: Any, address: str) -> Iterator[Visitor]:
    """Of the page, once its first picture is there."""
    visitor = Visitor(browser, address)
    yield visitor
    visitor.close()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A Hub on this machine, with Ann, Bob, and a token of Ann's that may only read."""
    made = LocalHub(tmp_path / "server")
    made.users = {
        TOKEN: User("ann", ("studio",)),
        BOB: User("bob"),
        READER: User("ann", (), "read"),
    }
    with serving_hub(made):
        use(made, tmp_path / "home", TOKEN, monkeypatch)
        yield made
