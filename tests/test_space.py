"""The page as a Space: what is published, that it starts there, and that it can be installed."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml
from conftest import TOKEN
from hubs import packed, small
from huggingface_hub import HfApi, snapshot_download
from local_hub import LocalHub, User, serving, settings, use
from typer.testing import CliRunner
from visitor import chromium, free_port

from fastnst.cli import app
from fastnst.errors import HubError
from fastnst.hub.repository import CARD, CONFIG, WEIGHTS
from fastnst.hub.space import FRONT_MATTER, publish_space, space_files

ROOT = Path(__file__).parent.parent
SPACE = "ann/page"
STYLE = "ann/cypress"
LONGEST_DESCRIPTION = 60  # that the Hub accepts


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    made = LocalHub(tmp_path / "server")
    made.users = {TOKEN: User("ann"), "mock-oauth-token-for-local-dev": User("visitor")}
    with serving(made):
        use(made, tmp_path / "home", TOKEN, monkeypatch)
        yield made


def add_style(hub: LocalHub, tmp_path: Path, **facts: Any) -> str:
    config = json.dumps({"library_name": "fastnst", "task": "style"}).encode()
    return hub.add(STYLE, {WEIGHTS: packed(tmp_path, small(1)), CONFIG: config}, **facts)


def front_matter(readme: str) -> dict[str, Any]:
    match = re.match(r"---\n(.*?)\n---\n", readme, re.DOTALL)
    assert match
    return yaml.safe_load(match[1])


def tracked(*folders: str) -> set[str]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    kept = {path.relative_to(ROOT) for path in found if path.is_file()}
    return {path.as_posix() for path in kept if "__pycache__" not in path.parts}


# What is published


def test_the_files(hub: LocalHub) -> None:
    pushed = publish_space(SPACE)
    assert pushed.changed and pushed.url == f"{hub.url}/spaces/{SPACE}"
    made = hub.repositories["space", SPACE]
    weights = {path for path in tracked("weights") if path.endswith(".safetensors")}
    alone = {"README.md", "app.py", "requirements.txt", ".gitattributes"}
    assert set(made.files) == alone | tracked("fastnst") | weights
    assert len(made.commits) == 2  # that which made it, and ours
    assert (made.private, made.hardware) == (False, "zero-a10g")
    for path in ("fastnst/stylizer.py", "fastnst/ui/page.css", "weights/paintings.safetensors"):
        assert hub.read(SPACE, path, "space") == (ROOT / path).read_bytes()
    api = HfApi()
    assert set(api.list_repo_files(SPACE, repo_type="space")) == set(made.files)


def test_unchanged_is_no_commit_and_what_is_gone_is_deleted(hub: LocalHub) -> None:
    first = publish_space("page", private=True, hardware="cpu-basic")
    made = hub.repositories["space", SPACE]
    assert (made.private, made.hardware) == (True, "cpu-basic")
    again = publish_space(SPACE)
    assert (again.changed, again.commit, len(made.commits)) == (False, first.commit, 2)
    hub.add(SPACE, {"fastnst/old.py": b"", "notes.md": b"mine"}, "space")
    assert publish_space(SPACE).changed
    assert "fastnst/old.py" not in made.files and "notes.md" in made.files


def test_styles_are_pinned_and_loaded_while_it_is_built(hub: LocalHub, tmp_path: Path) -> None:
    commit = add_style(hub, tmp_path)
    publish_space(SPACE, [STYLE])
    facts = front_matter(hub.read(SPACE, CARD, "space").decode())
    assert facts["preload_from_hub"] == [f"{STYLE} {WEIGHTS},{CONFIG} {commit}"]
    assert facts["models"] == [STYLE]
    assert f"{STYLE}@{commit}" in hub.read(SPACE, "app.py", "space").decode()


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("a/b/c", {}, "cannot be a Space's name"),
        ("bob/page", {}, "You have no permission to write to bob"),
        (SPACE, {"hardware": "abacus"}, "There is no hardware 'abacus'"),
        (SPACE, {"networks": ["ann/nothing"]}, "There is no model ann/nothing"),
        (SPACE, {"networks": ["nothing"]}, "'nothing' is not a Hub id"),
        (SPACE, {"token": "hf_wrong"}, "does not accept the token for the Space ann/page"),
    ],
)
def test_refused_before_anything_is_made(
    hub: LocalHub, name: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(HubError, match=re.escape(said)):
        publish_space(name, **options)
    assert not hub.repositories


def test_a_network_that_is_private(hub: LocalHub, tmp_path: Path) -> None:
    add_style(hub, tmp_path, private=True)
    with pytest.raises(HubError, match="ann/cypress is not public"):
        publish_space(SPACE, [STYLE])


def test_a_space_of_something_else(hub: LocalHub) -> None:
    hub.add(SPACE, {"game.js": b""}, "space")
    with pytest.raises(HubError, match=r"taken: it is a Space of something else, with 'game.js'"):
        publish_space(SPACE)
    assert "app.py" not in hub.repositories["space", SPACE].files


def test_no_token(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="needs a token for publishing ann/page"):
        publish_space(SPACE)
    assert not hub.requests


@pytest.mark.parametrize("route", ["create", "info", "tree", "preupload", "upload", "commit"])
def test_a_stumble(hub: LocalHub, route: str) -> None:
    hub.fail(route, status=503, times=1, after=route == "info")
    publish_space(SPACE)
    assert set(space_files()) <= set(hub.repositories["space", SPACE].files)
    assert len(hub.repositories["space", SPACE].commits) == 2


def test_a_plan_that_must_be_paid(hub: LocalHub) -> None:
    hub.fail("create", status=402)
    with pytest.raises(HubError, match="asks for a paid plan for the Space ann/page"):
        publish_space(SPACE)


def test_the_command(hub: LocalHub, tmp_path: Path) -> None:
    add_style(hub, tmp_path)
    arguments = ["space", SPACE, "--style", STYLE, "--private"]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (0, f"{hub.url}/spaces/{SPACE}\n")
    assert hub.repositories["space", SPACE].private
    again = CliRunner().invoke(app, [*arguments, "--json"])
    assert json.loads(again.stdout)["changed"] is False
    failed = CliRunner().invoke(app, ["space", "bob/page"])
    assert failed.exit_code == 2 and failed.stderr.count("\n") == 1


# What the Hub asks of it


def test_the_readme_makes_the_repository_itself_a_space() -> None:
    facts = front_matter((ROOT / "README.md").read_text(encoding="utf-8"))
    ours = yaml.safe_load("".join(f"{key}: {value}\n" for key, value in FRONT_MATTER.items()))
    version = facts.pop("sdk_version")
    assert facts == {key: value for key, value in ours.items() if key != "sdk_version"}
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert f"gradio=={version}\n" in constraints
    assert len(facts["short_description"]) <= LONGEST_DESCRIPTION
    assert facts["hf_oauth"] is True and facts["python_version"] == "3.12"
    assert (ROOT / facts["app_file"]).is_file()


# How it starts


@pytest.mark.slow
@pytest.mark.browser
def test_what_was_published_runs_as_on_a_space(hub: LocalHub, tmp_path: Path) -> None:
    add_style(hub, tmp_path)
    publish_space(SPACE, [STYLE])
    folder = snapshot_download(SPACE, repo_type="space", local_dir=tmp_path / "app")
    port = free_port()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("HF_")},
        **settings(hub, tmp_path / "space_home", None),
        "SYSTEM": "spaces",
        "SPACE_ID": SPACE,
        "SPACE_HOST": f"127.0.0.1:{port}",
        "OAUTH_CLIENT_ID": "a",
        "OAUTH_CLIENT_SECRET": "b",
        "OAUTH_SCOPES": "openid profile contribute-repos",
        "OPENID_PROVIDER_URL": hub.url,
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "PYTHONPATH": "",
    }
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "app.py"], cwd=folder, env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, process, tmp_path / "log")
            with chromium() as browser:
                page = browser.new_page()
                page.goto(url)
                page.get_by_role("tab", name="Hub").click(timeout=120_000)
                page.locator("#sign-in").wait_for(timeout=60_000)
                page.get_by_role("tab", name="Stylize").click()
                page.get_by_text("Cypress 0").first.wait_for(timeout=60_000)
        finally:
            process.kill()


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=20) as answer:
                assert answer.status == 200
                return
        except OSError:  # of any kind, while it starts
            time.sleep(0.3)
    pytest.fail(f"it does not answer: {log.read_text()}")


STAND_IN = """
CALLS = []

def GPU(task, *, duration):
    def lent(*given):
        CALLS.append((task.__name__, duration, given[1].shape))
        raise RuntimeError("used up")
    return lent
"""
ON_ZERO_GPU = """
import logging, sys
import spaces
import numpy as np
from fastnst import Stylizer
from PIL import Image

logging.basicConfig(format="%(message)s", stream=sys.stdout)
stylizer = Stylizer()
print(stylizer.device)
stylizer(Image.new("RGB", (100, 80)))
print(spaces.CALLS)
made = stylizer(Image.new("RGB", (400, 300)))
print(spaces.CALLS, made.size)
"""


@pytest.mark.slow
def test_zero_gpu_is_asked_for_large_pictures_and_may_refuse(tmp_path: Path) -> None:
    (tmp_path / "spaces.py").write_text(STAND_IN)
    done = python(ON_ZERO_GPU, PYTHONPATH=f"{tmp_path}:{ROOT}", SPACES_ZERO_GPU="true")
    device, small_ones, *refused, large = done.splitlines()
    assert device.startswith("ZeroGPU, CPU") and small_ones == "[]"
    assert len(refused) == 1 and refused[0].startswith("No GPU: ")
    assert re.fullmatch(r"\[\('compute', 15, \(3\d\d, 4\d\d, 3\)\)\] \(400, 300\)", large)


@pytest.mark.slow
def test_what_a_lent_gpu_makes_is_taken(tmp_path: Path) -> None:
    (tmp_path / "spaces.py").write_text(
        "GPU = lambda task, duration: lambda network, pixels, control: 255 - pixels"
    )
    script = (
        "from fastnst import Stylizer; from PIL import Image;"
        "print(Stylizer()(Image.new('RGB', (400, 300), (255, 155, 55))).getpixel((9, 9)))"
    )
    done = python(script, PYTHONPATH=f"{tmp_path}:{ROOT}", SPACES_ZERO_GPU="true")
    assert done == "(0, 100, 200)\n"


@pytest.mark.slow
def test_without_zero_gpu_spaces_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "spaces.py").write_text("raise RuntimeError('imported')")
    script = "from fastnst import Stylizer; print(Stylizer().device)"
    done = python(script, PYTHONPATH=f"{tmp_path}:{ROOT}", SPACES_ZERO_GPU="")
    assert done.startswith("CPU ")


def python(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# How it is installed

BUILDER = (
    "torch<=2.13.0",
    f"gradio[oauth,mcp]=={FRONT_MATTER['sdk_version']}",
    "uvicorn>=0.14.0",
    "websockets>=10.4",
    "spaces==0.51.3",
)


@pytest.mark.slow
def test_the_builder_can_install_it(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]

    def resolve(*wanted: str) -> subprocess.CompletedProcess:
        report = ["--report", str(tmp_path / "report.json")]
        return subprocess.run(
            [*pip, *report, *wanted], capture_output=True, text=True, timeout=900, check=False
        )

    if resolve("--no-deps", BUILDER[-1]).returncode:
        pytest.skip("no package index answers")
    done = resolve("-r", str(ROOT / "requirements.txt"), *BUILDER)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "report.json").read_text())["install"]
    versions = {row["metadata"]["name"].lower(): row["metadata"]["version"] for row in rows}
    assert versions["gradio"] == FRONT_MATTER["sdk_version"]
    assert int(versions["huggingface_hub"].partition(".")[0]) >= 2
