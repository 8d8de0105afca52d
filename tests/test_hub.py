"""The Hub, through the real client and real HTTP, against a Hub on this machine."""

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import make_picture
from huggingface_hub import HfApi, constants
from local_hub import LocalHub, User, serving, settings, use
from PIL import Image
from test_checkpoint import checkpoint
from typer.testing import CliRunner

import fastnst
from fastnst import Stylizer, Upscaler
from fastnst.catalog import load as load_weights
from fastnst.checkpoint import Checkpoint, Style
from fastnst.checkpoint_file import load_checkpoint, save_checkpoint
from fastnst.cli import app
from fastnst.errors import CheckpointError, FastnstError, HubError
from fastnst.hub.card import model_card
from fastnst.hub.library import find_pulled, folder, forget, pulled_networks
from fastnst.hub.pull import pull
from fastnst.hub.push import push
from fastnst.hub.repository import CARD, CONFIG, FILES, PREVIEW, WEIGHTS
from fastnst.hub.search import fetch_preview, search
from fastnst.networks import ARCHITECTURES, architecture_settings, build_network, network_tensors
from fastnst.networks.style import FastStyleNetwork, PaperStyleNetwork

pytestmark = pytest.mark.usefixtures("one_thread")

TOKEN = "hf_SecretOfAnn1234567890"
BOB = "hf_SecretOfBob1234567890"
READER = "hf_ReadOnlyOfAnn12345678"
REPO = "ann/cypress"
PHOTO = make_picture(64, 48)


@pytest.fixture(scope="module")
def network() -> Stylizer:
    return Stylizer(small(1), engine="torch")


def small(styles: int = 1) -> Checkpoint:
    made = checkpoint(styles=styles)
    rows = tuple(
        Style(f"style_{i}", f"Cypress {i}", "Vincent <b>van</b> Gogh", "1889", "public domain")
        for i in range(styles)
    )
    return replace(made, styles=rows)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    made = LocalHub(tmp_path / "server")
    made.users = {
        TOKEN: User("ann", ("studio",)),
        BOB: User("bob"),
        READER: User("ann", (), "read"),
    }
    with serving(made):
        use(made, tmp_path / "home", TOKEN, monkeypatch)
        yield made


def packed(tmp_path: Path, made: Checkpoint) -> bytes:
    path = tmp_path / "packed.safetensors"
    save_checkpoint(made, path)
    return path.read_bytes()


def config(task: str = "style") -> bytes:
    return json.dumps({"library_name": "fastnst", "task": task}).encode()


def files(hub: LocalHub, repo: str = REPO) -> set[str]:
    return set(hub.repositories["model", repo].files) - {".gitattributes"}


# Push, pull, use


def test_round_trip(hub: LocalHub, network: Stylizer) -> None:
    pushed = network.push_to_hub(REPO)
    assert pushed.changed and pushed.url == f"{hub.url}/{REPO}"
    assert files(hub) == set(FILES)
    pulled = pull(REPO)
    assert (pulled.title, pulled.licence) == ("Cypress 0", "apache-2.0")
    assert pulled.commit == pushed.commit == hub.repositories["model", REPO].head
    for again in (
        fastnst.load(REPO, engine="torch"),
        Stylizer.from_pretrained(REPO, engine="torch"),
        Stylizer.from_pretrained(f"{REPO}@{pushed.commit}", engine="torch"),
        Stylizer(REPO, engine="torch"),
    ):
        assert isinstance(again, Stylizer)
        assert again.checkpoint.hash == network.checkpoint.hash
        assert again.checkpoint.styles == network.checkpoint.styles
        assert np.array_equal(again(PHOTO), network(PHOTO))


def test_an_unchanged_push_makes_no_commit(hub: LocalHub, network: Stylizer) -> None:
    first = network.push_to_hub(REPO)
    sent = len(hub.requests)
    again = Stylizer(network.checkpoint, engine="torch").push_to_hub(REPO)
    assert not again.changed and again.commit == first.commit
    assert len(hub.repositories["model", REPO].commits) == 2  # the Hub's own, and one of ours
    assert not [line for line in hub.requests[sent:] if line.startswith("PUT")]


def test_equal_checkpoints_are_equal_files_in_every_process(tmp_path: Path) -> None:
    script = (
        "import sys, numpy\n"
        "from fastnst.checkpoint import Checkpoint\n"
        "from fastnst.checkpoint_file import save_checkpoint\n"
        "tensors = {key: numpy.ones(3) for key in 'qwert'}\n"
        "save_checkpoint(Checkpoint('style', 'fast', {}, tensors), sys.argv[1])"
    )
    for name in "abc":
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / f"{name}.safetensors")], check=True
        )
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_a_changed_network_is_a_second_commit(hub: LocalHub, network: Stylizer) -> None:
    first = network.push_to_hub(REPO)
    pull(REPO)
    second = Stylizer(checkpoint_two(), engine="torch").push_to_hub(REPO)
    assert second.changed and second.commit != first.commit
    # It was pulled here, and pushed by the same person: the new one is meant from now on.
    assert load_weights(REPO).hash == checkpoint_two().hash
    assert load_weights(f"{REPO}@{first.commit}").hash == network.checkpoint.hash


def checkpoint_two() -> Checkpoint:
    made = small(1)
    return replace(made, tensors={key: array * 0.5 for key, array in made.tensors.items()})


def test_a_name_alone_is_in_my_own_place(hub: LocalHub, network: Stylizer) -> None:
    assert network.push_to_hub("cypress").repo == REPO
    assert files(hub) == set(FILES)


def test_an_organisation_of_mine(hub: LocalHub, network: Stylizer) -> None:
    network.push_to_hub("studio/cypress")
    assert files(hub, "studio/cypress") == set(FILES)


def test_private_stays_private(hub: LocalHub, network: Stylizer) -> None:
    network.push_to_hub(REPO, private=True)
    assert hub.repositories["model", REPO].private
    assert pull(REPO).repo == REPO
    with pytest.raises(
        HubError, match="There is no model ann/cypress on the Hub, or it is private"
    ):
        pull(REPO, token=BOB)
    assert search(token=BOB) == []


def test_a_public_repository_is_not_pushed_to_as_private(hub: LocalHub, network: Stylizer) -> None:
    network.push_to_hub(REPO)
    with pytest.raises(HubError, match="public already"):
        network.push_to_hub(REPO, private=True)


def test_networks_are_of_the_hub_too(hub: LocalHub, network: Stylizer, tmp_path: Path) -> None:
    network.push_to_hub(REPO)
    built = FastStyleNetwork.from_pretrained(REPO)
    assert built.to_checkpoint().hash == network.checkpoint.hash
    built.save_pretrained(tmp_path / "mine")
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {WEIGHTS, CONFIG, CARD}
    saved = load_checkpoint(tmp_path / "mine" / WEIGHTS)
    assert saved.hash == network.checkpoint.hash and saved.styles == network.checkpoint.styles
    assert Stylizer(tmp_path / "mine", engine="torch").styles == network.styles
    fresh = PaperStyleNetwork(styles=1, channels=4, blocks=1)
    settings = {"styles": 1, "channels": 4, "blocks": 1, "mixing": 0}
    assert fresh.to_checkpoint().settings == settings
    assert build_network(fresh.to_checkpoint()).state_dict().keys() == fresh.state_dict().keys()
    with pytest.raises(CheckpointError, match="is a FastStyleNetwork, not a PaperStyleNetwork"):
        PaperStyleNetwork.from_pretrained(REPO)
    fresh.push_to_hub("ann/fresh")
    assert files(hub, "ann/fresh") == set(FILES)


# The card


def test_the_card(hub: LocalHub, network: Stylizer) -> None:
    network.push_to_hub(REPO, base_model="ann/base")
    text = hub.read(REPO, CARD).decode()
    card = yaml.safe_load(text.split("---")[1])
    assert card["license"] == "apache-2.0" and card["library_name"] == "fastnst"
    assert set(card["tags"]) == {"fastnst", "style-transfer"}
    assert card["base_model"] == "ann/base"
    metric = card["model-index"][0]["results"][0]["metrics"][0]
    assert metric["name"] == "total loss" and metric["value"] == 1.5
    assert f'Stylizer.from_pretrained("{REPO}")' in text
    assert f"--weights {REPO}" in text and "Cypress 0" in text and "1889" in text
    assert card["artist"] == "Vincent <b>van</b> Gogh"
    assert "<b>" not in text.split("---", 2)[2]  # the painter's name is shown, not obeyed
    described = json.loads(hub.read(REPO, CONFIG))
    assert described["architecture"] == "fast" and described["styles"][0]["title"] == "Cypress 0"


def test_the_preview_is_the_photo_before_and_after(hub: LocalHub, network: Stylizer) -> None:
    network.push_to_hub(REPO)
    preview = fetch_preview(REPO)
    assert preview is not None and preview.width == 2 * preview.height
    left, right = (
        np.asarray(preview.crop((x, 0, x + preview.width // 2, preview.height)), float)
        for x in (0, preview.width // 2)
    )
    assert np.abs(left - right).mean() > 5


@pytest.mark.parametrize(
    ("painting", "given", "licence"),
    [
        ("public domain", "", "apache-2.0"),
        ("CC BY-NC 4.0", "", "other"),
        ("CC BY-NC 4.0", "CC-BY-NC-4.0", "cc-by-nc-4.0"),
    ],
)
def test_licences(painting: str, given: str, licence: str) -> None:
    made = small(1)
    made = replace(made, styles=(replace(made.styles[0], licence=painting),))
    text = model_card(made, REPO, 10, given)
    card = yaml.safe_load(text.split("---")[1])
    assert card["license"] == licence
    assert card.get("license_name") == ("cc-by-nc-4.0" if licence == "other" else None)


# Pinned, kept, offline


def test_a_pulled_network_stays_at_its_commit(hub: LocalHub, network: Stylizer) -> None:
    network.push_to_hub(REPO)
    pulled = pull(REPO)
    other = packed(hub.objects, checkpoint_two())
    hub.add(REPO, {WEIGHTS: other})  # by somebody else
    asked = len(hub.requests)
    assert load_weights(REPO).hash == network.checkpoint.hash
    assert len(hub.requests) == asked
    newer = pull(REPO)
    assert newer.commit != pulled.commit
    assert load_weights(REPO).hash == checkpoint_two().hash
    assert load_weights(f"{REPO}@{pulled.commit}").hash == network.checkpoint.hash
    with pytest.raises(HubError, match="no such revision"):
        load_weights(f"{REPO}@v9")


def test_without_a_network(
    hub: LocalHub, network: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.push_to_hub(REPO)
    network.push_to_hub("ann/other")
    pull(REPO)
    load_weights("ann/other")  # used once, never pulled
    refuses = "http://127.0.0.1:9"
    monkeypatch.setattr(constants, "ENDPOINT", refuses)
    assert load_weights(REPO).hash == network.checkpoint.hash
    assert load_weights("ann/other").hash == network.checkpoint.hash
    for call in (lambda: load_weights("ann/unknown"), search, lambda: push(network, REPO)):
        with pytest.raises(HubError, match=f"{refuses} cannot be reached"):
            call()


def test_an_address_that_swallows_every_packet(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener whose queue is full: like a firewall, it neither accepts nor refuses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        full = [socket.socket() for _ in range(4)]
        for each in full:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{listener.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(HubError, match="cannot be reached"):
            search()
        assert 1 < time.monotonic() - started < 4
        for each in full:
            each.close()


def test_offline_mode(hub: LocalHub, network: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    network.push_to_hub(REPO)
    pull(REPO)
    asked = len(hub.requests)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert Stylizer.from_pretrained(REPO, engine="torch").styles == ["style_0"]
    for call in (lambda: load_weights("ann/unknown"), search, lambda: push(network, REPO)):
        with pytest.raises(HubError, match="Offline mode is on"):
            call()
    assert len(hub.requests) == asked


def test_the_library_survives(hub: LocalHub, network: Stylizer) -> None:
    network.push_to_hub(REPO)
    network.push_to_hub("ann/other")
    pull(REPO)
    pull("ann/other")
    assert [each.repo for each in pulled_networks()] == [REPO, "ann/other"]
    row = find_pulled(REPO)
    assert row is not None and row.preview is not None and row.weights is not None
    assert row.styles == network.checkpoint.styles and row.size == row.weights.stat().st_size
    with Image.open(row.preview) as preview:
        assert preview.format == "JPEG"
    table = folder() / "library.json"
    rows = json.loads(table.read_text())
    rows["networks"].insert(0, {"repo": "evil\x1b[31m/x"})
    rows["networks"].insert(0, 7)
    table.write_text(json.dumps(rows))
    assert [each.repo for each in pulled_networks()] == [REPO, "ann/other"]
    assert forget(REPO) and not forget(REPO)
    assert row.preview is None
    for damage in (b"", b"{", b"\xff" * 100, b"[" * 100_000, b'{"networks": 3}'):
        table.write_bytes(damage)
        assert pulled_networks() == []
    pull(REPO)
    assert [each.repo for each in pulled_networks()] == [REPO]


def test_an_emptied_cache_is_filled_again_from_the_same_commit(
    hub: LocalHub, network: Stylizer
) -> None:
    network.push_to_hub(REPO)
    row = pull(REPO)
    hub.add(REPO, {WEIGHTS: packed(hub.objects, checkpoint_two())})
    path = row.weights
    assert path is not None
    path.resolve().unlink()
    assert row.weights is None
    assert load_weights(REPO).hash == network.checkpoint.hash


# Search


def test_search(hub: LocalHub, network: Stylizer) -> None:
    for name, likes, downloads in (("ann/cypress", 3, 10), ("ann/wave", 8, 1), ("ann/bare", 0, 0)):
        network.push_to_hub(name)
        repository = hub.repositories["model", name]
        repository.likes, repository.downloads = likes, downloads
    hub.add("bob/llama", {CARD: b"---\ntags: [text-generation]\n---\n"}, likes=99)
    assert [row.repo for row in search()] == ["ann/wave", "ann/cypress", "ann/bare"]
    assert search(sort="downloads")[0].repo == "ann/cypress"
    assert [row.repo for row in search("CYP")] == ["ann/cypress"]
    assert [row.repo for row in search(limit=1)] == ["ann/wave"]
    assert search(task="super-resolution") == []
    (row,) = search("wave", task="style")
    size = hub.repositories["model", "ann/wave"].files[WEIGHTS].size
    assert (row.title, row.task, row.licence, row.size) == (
        "Cypress 0",
        "style",
        "apache-2.0",
        size,
    )
    assert (row.likes, row.downloads) == (8, 1)
    assert row.preview_url == f"{hub.url}/ann/wave/resolve/main/{PREVIEW}"


def test_a_card_by_hand_has_its_size_looked_up(hub: LocalHub, tmp_path: Path) -> None:
    card = b"---\ntags: [fastnst, style-transfer]\nlicense: mit\n---\n<script>alert(1)</script>"
    data = packed(tmp_path, small(1))
    hub.add("bob/plain", {WEIGHTS: data, CARD: card})
    (row,) = search()
    assert (row.size, row.licence, row.title, row.preview_url) == (len(data), "mit", "plain", None)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"sort": "age"}, "order"), ({"limit": 0}, "limit"), ({"task": "chess"}, "task")],
)
def test_search_refuses(hub: LocalHub, options: Any, said: str) -> None:
    with pytest.raises(HubError, match=f"The {said} is"):
        search(**options)
    assert hub.requests == []


# Strangers' files


def hostile(tmp_path: Path) -> dict[str, tuple[dict[str, bytes], str]]:
    made = small(1)
    good = packed(tmp_path, made)
    extra = replace(made, tensors={**made.tensors, "extra": np.ones(3, np.float32)})
    holes = {key: array.copy() for key, array in made.tensors.items()}
    next(iter(holes.values())).flat[0] = 1.0
    nan = bytearray(good)
    nan[-4:] = np.array([np.nan], "<f4").tobytes()
    jpeg = tmp_path / "huge.jpg"
    Image.new("RGB", (9000, 20)).save(jpeg)
    return {
        "pickle only": ({"pytorch_model.bin": b"\x80\x04."}, "pickles are never loaded"),
        "no weights": ({"data.csv": b"1"}, "wrong kind of repository"),
        "another library": ({WEIGHTS: good, CONFIG: b'{"model_type": "bert"}'}, "wrong kind"),
        "config is no JSON": ({WEIGHTS: good, CONFIG: b"[" * 5000}, "wrong kind"),
        "large config": ({WEIGHTS: good, CONFIG: b" " * 2**19}, "config.json of .* has 0.5 MB"),
        "truncated": ({WEIGHTS: good[:-50], CONFIG: config()}, "truncated"),
        "not safetensors": ({WEIGHTS: b"\x80\x04" * 50, CONFIG: config()}, "not a safetensors"),
        "extra tensor": ({WEIGHTS: packed(tmp_path, extra)}, "has the unknown extra"),
        "NaN": ({WEIGHTS: bytes(nan)}, "not finite"),
        "preview is HTML": ({WEIGHTS: good, PREVIEW: b"<script>"}, "not a JPEG picture"),
        "preview is wide": ({WEIGHTS: good, PREVIEW: jpeg.read_bytes()}, "9000×20 pixels"),
    }


@pytest.mark.parametrize(
    "case",
    [
        "pickle only",
        "no weights",
        "another library",
        "config is no JSON",
        "large config",
        "truncated",
        "not safetensors",
        "extra tensor",
        "NaN",
        "preview is HTML",
        "preview is wide",
    ],
)
def test_a_hostile_repository_is_refused(hub: LocalHub, tmp_path: Path, case: str) -> None:
    contents, said = hostile(tmp_path)[case]
    hub.add("eve/trap", contents)
    with pytest.raises(FastnstError, match=said) as caught:
        pull("eve/trap")
    assert "eve/trap" in str(caught.value)
    assert pulled_networks() == []


def test_too_large_is_refused_before_a_byte_is_downloaded(hub: LocalHub, tmp_path: Path) -> None:
    hub.add("eve/large", {WEIGHTS: packed(tmp_path, small(1))})
    repository = hub.repositories["model", "eve/large"]
    listed = repository.files[WEIGHTS]
    repository.files[WEIGHTS] = replace(listed, size=300 * 2**20)
    for call in (pull, load_weights):
        with pytest.raises(HubError, match=r"has 300.0 MB"):
            call("eve/large")
    assert not [line for line in hub.requests if "/resolve/" in line]


def test_only_our_files_are_fetched_and_nothing_of_the_card_is_used(
    hub: LocalHub, tmp_path: Path
) -> None:
    evil = b'---\nlicense: "mit\\e[31m <img src=x>"\ntags: [fastnst]\n---\n<script>x</script>'
    hub.add(
        "eve/mixed",
        {
            WEIGHTS: packed(tmp_path, small(1)),
            CONFIG: config(),
            CARD: evil,
            "setup.py": b"raise SystemExit",
            "pytorch_model.bin": b"\x80\x04.",
        },
    )
    row = pull("eve/mixed")
    assert row.licence == "mit[31m <img src=x>"  # a plain text, for those who show it to escape
    fetched = {line.rpartition("/")[2] for line in hub.requests if "/resolve/" in line}
    assert fetched == {WEIGHTS, CONFIG}


def test_a_file_that_is_not_the_listed_one_is_refused(hub: LocalHub, tmp_path: Path) -> None:
    hub.add(REPO, {WEIGHTS: packed(tmp_path, small(1))})
    blob = hub.repositories["model", REPO].files[WEIGHTS]
    (hub.objects / blob.sha256).write_bytes(packed(tmp_path, checkpoint_two()))
    with pytest.raises(HubError, match="truncated or tampered"):
        pull(REPO)


def test_a_damaged_cache_mends_itself(hub: LocalHub, network: Stylizer) -> None:
    network.push_to_hub(REPO)
    path = pull(REPO).weights
    assert path is not None
    path.resolve().write_bytes(path.read_bytes()[:-8])
    pull(REPO)
    assert load_weights(REPO).hash == network.checkpoint.hash


# What goes wrong


def test_no_token(hub: LocalHub, network: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"needs a token .* hf auth login"):
        network.push_to_hub(REPO)
    assert hub.requests == []


def test_the_stored_token_is_used(
    hub: LocalHub, network: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    stored = Path(constants.HF_TOKEN_PATH)
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_text(TOKEN)
    network.push_to_hub(REPO)
    assert files(hub) == set(FILES)


@pytest.mark.parametrize(
    ("repo", "token", "said"),
    [
        (REPO, "hf_nobody", "does not accept the token"),
        (REPO, READER, "may only read"),
        (REPO, BOB, "no permission to write to ann; your token is for bob"),
        ("a//b", TOKEN, "cannot be a repository's name"),
        ("ann/../etc", TOKEN, "cannot be a repository's name"),
    ],
)
def test_push_is_refused(
    hub: LocalHub, network: Stylizer, repo: str, token: str, said: str
) -> None:
    with pytest.raises(HubError, match=said):
        network.push_to_hub(repo, token=token)
    assert hub.repositories == {}


def test_what_is_there_already(hub: LocalHub, network: Stylizer, tmp_path: Path) -> None:
    hub.add("ann/llama", {"pytorch_model.bin": b"x"})
    hub.add("ann/bert", {WEIGHTS: b"x", CONFIG: b"{}"})
    hub.add("ann/large", {WEIGHTS: b"x", CONFIG: config("super-resolution")})
    for repo, said in (
        ("ann/llama", "The name ann/llama is taken"),
        ("ann/bert", "The name ann/bert is taken"),
        ("ann/large", "wrong kind of repository: for 'super-resolution'"),
    ):
        head = hub.repositories["model", repo].head
        with pytest.raises(HubError, match=said):
            network.push_to_hub(repo)
        assert hub.repositories["model", repo].head == head
    hub.add("ann/begun", {CARD: b"# made on the web page"})
    network.push_to_hub("ann/begun")
    assert files(hub, "ann/begun") == set(FILES)


def test_a_bad_licence_is_refused_before_anything_is_sent(hub: LocalHub, network: Stylizer) -> None:
    with pytest.raises(HubError, match="The licence is 'my own one'"):
        network.push_to_hub(REPO, licence="my own one")
    assert hub.requests == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [("space", "wrong kind of repository: a Space"), ("dataset", "kind of repository: a dataset")],
)
def test_other_kinds_of_repository(hub: LocalHub, kind: str, said: str) -> None:
    hub.add("bob/thing", {"app.py": b"1"}, kind=kind)
    with pytest.raises(HubError, match=said):
        pull("bob/thing")


def test_gated(hub: LocalHub, tmp_path: Path) -> None:
    hub.add("bob/gated", {WEIGHTS: packed(tmp_path, small(1))}, gated=True, admitted={"ann"})
    assert pull("bob/gated").repo == "bob/gated"
    hub.repositories["model", "bob/gated"].admitted.clear()
    hub.add("bob/gated", {WEIGHTS: packed(tmp_path, checkpoint_two())})
    with pytest.raises(HubError, match="is gated: ask for access"):
        pull("bob/gated")


@pytest.mark.parametrize("name", ["nobody/nothing", "ann/nothing"])
def test_unknown(hub: LocalHub, name: str) -> None:
    with pytest.raises(HubError, match=f"There is no model {name} on the Hub"):
        pull(name)
    with pytest.raises(HubError, match=f"There is no model {name} on the Hub"):
        Stylizer.from_pretrained(name)


@pytest.mark.parametrize("name", ["paintingz", "a/b/c", "a b/c", "../up", "x/y@", "x/y@../z"])
def test_what_no_hub_has(hub: LocalHub, name: str) -> None:
    with pytest.raises(FastnstError, match="There are no weights"):
        load_weights(name)
    assert hub.requests == []


PUSH_ROUTES = ("whoami", "info", "create", "validate", "preupload", "batch", "upload", "commit")
PULL_ROUTES = ("info", "tree", "head", "download")


@pytest.mark.parametrize("route", PUSH_ROUTES)
@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}, {"seconds": 0.3}])
def test_a_stumble_during_a_push(hub: LocalHub, network: Stylizer, route: str, fault: Any) -> None:
    hub.fail(route, times=1, **fault)
    network.push_to_hub(REPO)
    assert files(hub) == set(FILES)
    assert len(hub.repositories["model", REPO].commits) == 2


@pytest.mark.parametrize("route", PULL_ROUTES)
@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}, {"truncate": True}])
def test_a_stumble_during_a_pull(hub: LocalHub, tmp_path: Path, route: str, fault: Any) -> None:
    hub.add(REPO, {WEIGHTS: packed(tmp_path, small(1)), CONFIG: config()})
    hub.fail(route, times=1, **fault)
    assert pull(REPO).repo == REPO


LASTING = {
    "403": ({"status": 403}, "no permission|refuses"),
    "429": (
        {"status": 429, "headers": {"Retry-After": "900"}},
        "too many requests .* in 900 s",
    ),
    "500": ({"status": 500}, "failed with error 500"),
    "drop": ({"drop": True}, "broke off"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("route", "kind"),
    [
        *(
            (route, "403")
            for route in ("whoami", "create", "preupload", "upload", "commit", "head")
        ),
        *((route, "429") for route in ("info", "batch", "tree")),
        *((route, "500") for route in ("preupload", "upload", "head")),
        *((route, "drop") for route in ("create", "download")),
    ],
)
def test_a_lasting_fault(
    hub: LocalHub,
    network: Stylizer,
    tmp_path: Path,
    route: str,
    kind: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault, said = LASTING[kind]
    caplog.set_level(logging.DEBUG)
    pulling = route in ("tree", "head", "download")
    if pulling:
        hub.add(REPO, {WEIGHTS: packed(tmp_path, small(1))})
    hub.fail(route, **fault)
    started = time.monotonic()
    with pytest.raises(HubError, match=said) as caught:
        pull(REPO) if pulling else network.push_to_hub(REPO)
    assert time.monotonic() - started < 60
    assert_secret(str(caught.value), caplog.text)
    hub.faults.clear()
    pull(REPO) if pulling else network.push_to_hub(REPO)
    assert files(hub) >= {WEIGHTS}


def test_a_time_out(
    hub: LocalHub, network: Stylizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    hub.fail("info", seconds=60)
    with pytest.raises(HubError, match="did not answer in time for ann/cypress"):
        pull(REPO)


def test_a_rate_limit(hub: LocalHub) -> None:
    hub.fail("list", status=429, headers={"RateLimit": '"api";r=0;t=55'})
    with pytest.raises(HubError, match=r"too many requests from here; .* again in 55 s"):
        search()


def test_a_full_disk(hub: LocalHub, tmp_path: Path) -> None:
    """No disk to fill here, but a limit on the size of files, which meets the same end."""
    resource = pytest.importorskip("resource")
    hub.add(REPO, {WEIGHTS: packed(tmp_path, small(1))})
    script = (
        "import resource, fastnst.hub.pull as p\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: p.fetch('ann/cypress')\n"
        "except p.HubError as error: print(error)"
    )
    assert resource
    assert "disk is full" in run(hub, tmp_path / "home", "-c", script).stdout


def run(hub: LocalHub, home: Path, *arguments: str, token: str | None = TOKEN) -> Any:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **settings(hub, home, token)},
        capture_output=True,
        text=True,
        timeout=100,
    )


def assert_secret(*texts: str) -> None:
    for text in texts:
        assert "SecretOf" not in text


def test_the_token_stays_secret(
    hub: LocalHub, network: Stylizer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even a Hub that repeats it in its answers gets it into a message, a log or a file."""
    caplog.set_level(logging.DEBUG)
    hub.fail("commit", status=418)  # answers with the token
    with pytest.raises(HubError, match="refuses ann/cypress") as caught:
        network.push_to_hub(REPO, token=TOKEN)
    assert_secret(str(caught.value), caplog.text)
    chain = caught.value.__cause__
    assert chain is None or "SecretOf" not in str(chain)
    hub.faults.clear()
    network.push_to_hub(REPO, token=TOKEN)
    pull(REPO, token=TOKEN)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"SecretOf" not in path.read_bytes(), path


def test_a_visitors_token_is_the_only_one_used(hub: LocalHub, network: Stylizer) -> None:
    network.push_to_hub("bob/mine", token=BOB)
    assert {token for token in hub.tokens_seen if token} == {f"Bearer {BOB}"}


# The command


def command(*arguments: str) -> Any:
    result = CliRunner().invoke(app, arguments)
    assert "Traceback" not in result.stderr
    return result


def test_commands(hub: LocalHub, network: Stylizer, tmp_path: Path) -> None:
    weights = tmp_path / "weights.safetensors"
    save_checkpoint(network.checkpoint, weights)
    options = ("--private", "--license", "cc-by-4.0", "--engine", "torch")
    pushed = command("push", str(weights), REPO, *options)
    assert (pushed.exit_code, pushed.stdout) == (0, f"{hub.url}/{REPO}\n")
    assert hub.repositories["model", REPO].private
    again = command("push", str(weights), REPO, "--license", "cc-by-4.0", "--engine", "torch")
    assert again.exit_code == 0 and "nothing has changed" in again.stderr

    (row,) = json.loads(command("search", "cyp", "--sort", "downloads", "--json").stdout)
    assert (row["repo"], row["licence"]) == (REPO, "cc-by-4.0")
    assert REPO in command("search").stdout
    pulled = json.loads(command("pull", REPO, "--json").stdout)
    assert pulled["commit"] == hub.repositories["model", REPO].head
    listed = json.loads(command("styles", "--hub", "--json").stdout)
    assert [(row["weights"], row["name"]) for row in listed] == [(REPO, "style_0")]
    assert "Cypress 0" in command("styles", "--hub").stdout
    assert "Cypress 0" in command("styles", "--weights", REPO).stdout

    PHOTO.save(tmp_path / "photo.png")
    made = tmp_path / "made.png"
    options = ("--weights", REPO, "--engine", "torch")
    assert command("stylize", str(tmp_path / "photo.png"), "-o", str(made), *options).exit_code == 0
    with Image.open(made) as picture:
        assert np.array_equal(picture, network(PHOTO))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pull", "ann/nothing"), "There is no model ann/nothing"),
        (("pull", "nothing"), "'nothing' is not a Hub id"),
        (("push", "ann/nothing", "ann/x"), "There is no model ann/nothing"),
        (("search", "--sort", "age"), "The order is 'age'"),
        (("stylize", "x.png", "-o", "y.png", "--weights", "ann/nothing"), "There is no"),
    ],
)
def test_commands_that_fail(hub: LocalHub, arguments: tuple[str, ...], said: str) -> None:
    failed = command(*arguments)
    assert failed.exit_code == 2
    assert failed.stderr.startswith("error: ") and failed.stderr.count("\n") == 1
    assert said in failed.stderr


def test_the_environment_says_which_hub_and_whose_token(
    hub: LocalHub, network: Stylizer, tmp_path: Path
) -> None:
    hub.add(REPO, {WEIGHTS: packed(tmp_path, small(1))}, private=True)
    done = run(hub, tmp_path / "home", "-m", "fastnst.cli", "pull", REPO)
    assert done.stdout == f"{REPO}@{hub.repositories['model', REPO].head}\n"
    other = run(hub, tmp_path / "other", "-m", "fastnst.cli", "pull", REPO, token=None)
    assert other.returncode == 2 and "it is private" in other.stderr
    assert_secret(done.stderr, other.stderr)
    assert {path.name for path in (tmp_path / "home").iterdir()} == {"hub", "fastnst"}


# Super-resolution


def test_an_upscaler_travels_too(hub: LocalHub, tmp_path: Path) -> None:
    settings = architecture_settings("srcnn", scale=4)
    made = Checkpoint(
        task="super-resolution",
        architecture="srcnn",
        settings=settings,
        tensors=network_tensors(ARCHITECTURES["srcnn"].network(**settings)),
        training={"psnr": {"Set5": 30.5}},
    )
    upscaler = Upscaler(weights=made, engine="torch")
    upscaler.push_to_hub("ann/large")
    assert files(hub, "ann/large") == set(FILES)
    row = pull("ann/large")
    assert (row.task, row.title, row.styles) == ("super-resolution", "large", ())
    again = fastnst.load("ann/large", engine="torch")
    assert isinstance(again, Upscaler)
    tiny = PHOTO.resize((20, 16))
    assert np.array_equal(again(tiny), upscaler(tiny))
    with pytest.raises(CheckpointError, match="not for style"):
        Stylizer.from_pretrained("ann/large")
    card = yaml.safe_load(hub.read("ann/large", CARD).decode().split("---")[1])
    assert set(card["tags"]) == {"fastnst", "image-super-resolution"}
    (result,) = card["model-index"][0]["results"]
    assert result["dataset"]["name"] == "Set5" and result["metrics"][0]["value"] == 30.5
    assert [row.repo for row in search(task="super-resolution")] == ["ann/large"]
    tiny.save(tmp_path / "tiny.png")
    enlarged = tmp_path / "large.png"
    arguments = ("upscale", str(tmp_path / "tiny.png"), "-o", str(enlarged), "--engine", "torch")
    assert command(*arguments, "--weights", "ann/large").exit_code == 0
    with Image.open(enlarged) as picture:
        assert np.array_equal(picture, upscaler(tiny))


# Killed

# Loads once, then pushes to each name it is told, in a child whose number it says.
PUSHER = """
import os, sys, fastnst, fastnst.hub.push, fastnst.networks, fastnst.ui.samples
network = fastnst.load(sys.argv[1], engine="torch")
for name in sys.stdin:
    child = os.fork()
    if not child:
        network.push_to_hub(name.strip())
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_push_is_completed_by_the_next(
    hub: LocalHub, network: Stylizer, tmp_path: Path
) -> None:
    weights = tmp_path / "weights.safetensors"
    save_checkpoint(network.checkpoint, weights)
    rng = np.random.default_rng(5)
    with subprocess.Popen(
        [sys.executable, "-c", PUSHER, str(weights)],
        env={**os.environ, **settings(hub, tmp_path / "home", TOKEN), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as pusher:
        assert pusher.stdin and pusher.stdout

        def start(name: str) -> int:
            print(name, file=pusher.stdin, flush=True)
            return int(pusher.stdout.readline())

        start("ann/whole")
        assert pusher.stdout.readline() == "0\n"
        asks = len(hub.requests)
        whole = {file: hub.read("ann/whole", file) for file in (WEIGHTS, CONFIG)}
        killed = 0
        for number in range(10):
            name = f"ann/killed_{number}"
            for blob in hub.objects.iterdir():  # that a push finds nothing of the one before
                blob.unlink()
            moment = len(hub.requests) + rng.integers(asks)
            child, deadline = start(name), time.monotonic() + 60
            while len(hub.requests) < moment and time.monotonic() < deadline:
                time.sleep(0.0005)
            time.sleep(rng.uniform(0, 0.01))
            os.kill(child, signal.SIGKILL)
            killed += pusher.stdout.readline() != "0\n"
            half_made = hub.repositories.get(("model", name))
            assert half_made is None or files(hub, name) in (set(), set(FILES))
            network.push_to_hub(name)
            assert files(hub, name) == set(FILES)
            assert whole == {file: hub.read(name, file) for file in whole}
            assert len(hub.repositories["model", name].commits) == 2
        pusher.stdin.close()
    assert killed >= 8


# Without importing too much


def test_importing_fastnst_imports_no_hub_library() -> None:
    script = "import sys, fastnst; print('huggingface_hub' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_api_lists_what_was_pushed(hub: LocalHub, network: Stylizer) -> None:
    """With the Hub library's own eyes."""
    network.push_to_hub(REPO)
    api = HfApi()
    assert set(api.list_repo_files(REPO)) == {*FILES, ".gitattributes"}
    assert re.fullmatch(r"[0-9a-f]{40}", api.model_info(REPO).sha or "")
