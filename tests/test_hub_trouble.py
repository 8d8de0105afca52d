"""The Hub when something goes wrong: strangers' files, faults, kills."""

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import BOB, READER, TOKEN
from hubs import REPO, assert_secret, checkpoint_two, config, files, packed, run, small
from huggingface_hub import constants
from local_hub import LocalHub, settings
from PIL import Image

from fastnst import Stylizer
from fastnst.catalog import load as load_weights
from fastnst.checkpoint_file import save_checkpoint
from fastnst.errors import FastnstError, HubError
from fastnst.hub.library import pulled_networks
from fastnst.hub.pull import pull
from fastnst.hub.repository import CARD, CONFIG, FILES, PREVIEW, WEIGHTS
from fastnst.hub.search import search

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def network() -> Stylizer:
    return Stylizer(small(1), engine="torch")


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
