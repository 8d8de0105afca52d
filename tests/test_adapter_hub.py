"""Adapters on the Hub: pushed, pulled and used like any style, with the base they belong to."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TOKEN, make_picture
from hubs import small as small_network
from huggingface_hub import constants
from local_hub import LocalHub, User, serving, use

import fastnst
from fastnst import Stylizer
from fastnst.adapters import extract
from fastnst.catalog import load
from fastnst.checkpoint import MIXING, Checkpoint, Style
from fastnst.checkpoint_file import load_checkpoint
from fastnst.errors import CheckpointError
from fastnst.hub.pull import pull
from fastnst.hub.repository import CARD, WEIGHTS

pytestmark = pytest.mark.usefixtures("one_thread")
PHOTO = make_picture(64, 48)
REPO = "ann/mine"
BASE_REPO = "ann/base"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    made = LocalHub(tmp_path / "server")
    made.users = {TOKEN: User("ann")}
    with serving(made):
        use(made, tmp_path / "home", TOKEN, monkeypatch)
        yield made


def learnt(base: Checkpoint, base_name: str) -> Checkpoint:
    """As if a style had been learnt on a base, without matrices."""
    first = base.styles[0].name
    taken = extract(base, first, base_name)
    return replace(
        taken,
        settings={**taken.settings, MIXING: 0},
        grams={"mine": taken.grams[first]} if taken.grams else {},
        tensors={"styles": taken.tensors["styles"] * np.float32(0.9)},
        styles=(Style("mine", "My Style", "Me", "2026", "cc0-1.0"),),
    )


def test_an_adapter_of_the_shipped_network_goes_round(hub: LocalHub) -> None:
    network = Stylizer(learnt(load("paintings"), "paintings"))
    network.push_to_hub(REPO)
    card = hub.read(REPO, CARD).decode()
    assert "an adapter: what the style changes in the network `paintings`" in card
    pulled = pull(REPO)
    assert pulled.title == "My Style" and pulled.size < 300_000
    again = fastnst.load(REPO)
    assert again._engine is network._engine
    assert list(again.checkpoint.grams) == ["mine"]  # so that it can be refined
    assert np.array_equal(np.asarray(again(PHOTO)), np.asarray(network(PHOTO)))


def test_a_base_comes_from_the_hub_when_it_is_there(
    hub: LocalHub, tmp_path: Path, monkeypatch: Any
) -> None:
    base = small_network()
    pushed = Stylizer(base, engine="torch").push_to_hub(BASE_REPO)
    adapter = learnt(base, f"{BASE_REPO}@{pushed.commit}")
    network = Stylizer(adapter, base=base, engine="torch")
    network.push_to_hub(REPO)
    card = hub.read(REPO, CARD).decode()
    assert f"base_model: {BASE_REPO}" in card
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "another machine"))
    pull(REPO)
    again = Stylizer(REPO, engine="torch")
    assert np.array_equal(np.asarray(again(PHOTO)), np.asarray(network(PHOTO)))


def test_an_adapter_whose_base_changed_is_refused(hub: LocalHub) -> None:
    base = small_network()
    Stylizer(base, engine="torch").push_to_hub(BASE_REPO)
    other = replace(base, tensors={**base.tensors, "photo": base.tensors["photo"] + 1})
    with pytest.raises(CheckpointError, match="cannot be had: what is there now has the hash"):
        Stylizer(learnt(other, BASE_REPO), engine="torch")


def test_what_is_pulled_can_be_a_file(hub: LocalHub, tmp_path: Path) -> None:
    Stylizer(learnt(load("paintings"), "paintings")).push_to_hub(REPO)
    (tmp_path / "copy.safetensors").write_bytes(hub.read(REPO, WEIGHTS))
    assert load_checkpoint(tmp_path / "copy.safetensors").styles[0].title == "My Style"
