"""The Hub, through the real client and real HTTP, against a Hub on this machine."""

import json
import re
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import BOB
from hubs import PHOTO, REPO, assert_secret, checkpoint_two, files, packed, run, small
from huggingface_hub import HfApi, constants
from local_hub import LocalHub
from PIL import Image
from typer.testing import CliRunner

import fastnst
from fastnst import Stylizer, Upscaler
from fastnst.catalog import load as load_weights
from fastnst.checkpoint import Checkpoint
from fastnst.checkpoint_file import load_checkpoint, save_checkpoint
from fastnst.cli import app
from fastnst.errors import CheckpointError, HubError
from fastnst.hub.card import model_card
from fastnst.hub.library import find_pulled, folder, forget, pulled_networks
from fastnst.hub.pull import pull
from fastnst.hub.push import push
from fastnst.hub.repository import CARD, CONFIG, FILES, PREVIEW, WEIGHTS
from fastnst.hub.search import fetch_preview, search
from fastnst.networks import ARCHITECTURES, architecture_settings, build_network, network_tensors
from fastnst.networks.style import FastStyleNetwork, PaperStyleNetwork

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def network() -> Stylizer:
    return Stylizer(small(1), engine="torch")


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
