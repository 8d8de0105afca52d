"""What tests of the Hub share: who is there, and small networks to push and pull."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from conftest import TOKEN, make_picture
from local_hub import LocalHub, settings
from test_checkpoint import checkpoint

from fastnst.checkpoint import Checkpoint, Style
from fastnst.checkpoint_file import save_checkpoint

REPO = "ann/cypress"
PHOTO = make_picture(64, 48)


def small(styles: int = 1) -> Checkpoint:
    made = checkpoint(styles=styles)
    rows = tuple(
        Style(f"style_{i}", f"Cypress {i}", "Vincent <b>van</b> Gogh", "1889", "public domain")
        for i in range(styles)
    )
    return replace(made, styles=rows)


def checkpoint_two() -> Checkpoint:
    made = small(1)
    return replace(made, tensors={key: array * 0.5 for key, array in made.tensors.items()})


def packed(tmp_path: Path, made: Checkpoint) -> bytes:
    path = tmp_path / "packed.safetensors"
    save_checkpoint(made, path)
    return path.read_bytes()


def config(task: str = "style") -> bytes:
    return json.dumps({"library_name": "fastnst", "task": task}).encode()


def files(hub: LocalHub, repo: str = REPO) -> set[str]:
    return set(hub.repositories["model", repo].files) - {".gitattributes"}


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
