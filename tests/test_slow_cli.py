"""The commands `optimize`, `invert`, `reconstruct`, `stylize --refine` and `bench --optimize`."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_picture
from PIL import Image
from test_cli import run
from test_optimize import stripes

from fastnst import Stylizer
from fastnst.checkpoint import Checkpoint
from fastnst.checkpoint_file import save_checkpoint
from fastnst.descent import OptimizeSettings, shared_loss_network
from fastnst.inversion import invert
from fastnst.inverter import Inverter
from fastnst.networks import (
    ARCHITECTURES,
    INVERSION,
    architecture_settings,
    network_tensors,
)
from fastnst.optimize import StyleObjective
from fastnst.settings import StyleSettings

pytestmark = pytest.mark.usefixtures("one_thread")

PHOTO = make_picture(40, 32)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    PHOTO.save(tmp_path / "photo.png")
    stripes().save(tmp_path / "stripes.png")
    return tmp_path / "photo.png"


def record(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_optimize(photo: Path) -> None:
    painting, out = photo.parent / "stripes.png", photo.parent / "made.png"
    arguments = ["optimize", photo, painting, "-o", out, "--strokes", 64, "--steps"]
    before, after = record(*arguments, 0), record(*arguments, 12)
    assert after["iterations"] == 12 and not after["stopped"]
    assert after["objective"] < 0.8 * before["objective"]
    with Image.open(out) as made:
        assert made.size == (40, 32)
        objective = StyleObjective.of(
            PHOTO, stripes(), shared_loss_network(), StyleSettings(style_size=64)
        )
        assert objective.of_picture(made)["objective"] == pytest.approx(
            after["objective"], rel=0.02
        )
    keys = {"input", "output", "width", "height", "seconds", "iterations", "objective", "content"}
    assert after.keys() == keys | {"style", "stopped", "method", "start", "device"}


def test_optimize_from_noise_towards_a_shipped_style(photo: Path) -> None:
    out = photo.parent / "made.jpg"
    arguments = ["optimize", photo, "udnie", "-o", out, "--method", "adam", "--size", "24"]
    found = record(*arguments, "--start", "noise", "--steps", 1)
    assert (found["width"], found["height"], found["method"]) == (24, 19, "adam")


def test_invert(photo: Path) -> None:
    out = photo.parent / "made.png"
    found = record("invert", photo, "--layer", "relu2_1", "-o", out, "--steps", 3)
    *_, end = invert(PHOTO, "relu2_1", shared_loss_network(), OptimizeSettings(3, "safe"))
    assert found["features"] == pytest.approx(end.losses["features"], rel=1e-3)
    assert found["layer"] == "relu2_1"
    with Image.open(out) as made:
        assert np.abs(np.asarray(made, int) - np.asarray(end.picture(), int)).max() <= 2


def test_invert_fast(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    settings = architecture_settings("inverter", channels=16, blocks=1)
    network = ARCHITECTURES["inverter"].network(**settings)
    checkpoint = Checkpoint(INVERSION, "inverter", settings, network_tensors(network))
    weights = photo.parent / "inverter.safetensors"
    save_checkpoint(checkpoint, weights)
    monkeypatch.setattr("fastnst.catalog.WEIGHTS_FOLDER", photo.parent)
    out = photo.parent / "made.png"
    found = record("invert", photo, "--fast", "-o", out)
    assert found["layer"] == "relu4_3"
    expected = Inverter(shared_loss_network(), weights)(PHOTO)
    with Image.open(out) as made:
        assert made.size == (40, 32) and made.tobytes() == expected.tobytes()
    refused = run("invert", photo, "--fast", "--layer", "relu1_1", "-o", out)
    assert refused.exit_code == 2 and "--fast inverts relu4_3, not relu1_1" in refused.stderr


def test_reconstruct(photo: Path) -> None:
    painting, out = photo.parent / "stripes.png", photo.parent / "made.png"
    arguments = ["reconstruct", painting, "--layers", "relu1_1, relu2_1", "-o", out]
    before = record(*arguments, "--strokes", 64, "--size", "48x32", "--steps", 0)
    after = record(*arguments, "--strokes", 64, "--size", "48x32", "--steps", 5)
    assert (after["width"], after["height"]) == (48, 32)
    assert after["layers"] == ["relu1_1", "relu2_1"]
    assert after["objective"] < before["objective"]


def test_refine(photo: Path) -> None:
    out, plain = photo.parent / "made.png", photo.parent / "plain.png"
    found = record("stylize", photo, "-s", "udnie", "-o", out, "--refine", 1)
    assert found["iterations"] >= 1 and found["seconds"] < 30
    record("stylize", photo, "-s", "udnie", "-o", plain)
    with Image.open(out) as refined, Image.open(plain) as painted:
        assert refined.tobytes() != painted.tobytes()
        assert painted.tobytes() == Stylizer()(PHOTO, "udnie").tobytes()
    painting = photo.parent / "stripes.png"
    other = record(
        "stylize", photo, "-s", "udnie", "-o", out, "--refine", 0, "--painting", painting
    )
    assert other["iterations"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["optimize", "{photo}", "no_such_style"], "no_such_style"),
        (["optimize", "{photo}", "udnie", "--start", "middle"], "Unknown start 'middle'"),
        (["optimize", "{photo}", "udnie", "--method", "magic"], "Unknown method 'magic'"),
        (["invert", "{photo}", "--layer", "conv9"], "There is no layer 'conv9'; the layers are"),
        (["invert", "{photo}", "--size", "4000"], r"limit is 2 megapixels: ask for the size"),
        (["reconstruct", "{photo}", "--layers", ""], "There is no layer ''"),
        (["reconstruct", "{photo}"], "40×32 pixels; it needs 64"),
        (["stylize", "{photo}", "--refine", "-1"], "The refine is -1.0; allowed is 0 to 3600"),
        (["stylize", "{photo}", "--painting", "{photo}"], "--painting is for --refine"),
    ],
)
def test_what_cannot_be_is_one_sentence(photo: Path, arguments: list[str], said: str) -> None:
    given = [each.format(photo=photo) for each in arguments]
    result = run(*given, "-o", photo.parent / "made.png")
    assert result.exit_code == 2 and result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert re.search(f"^error: .*{said}", line), line
    assert not (photo.parent / "made.png").exists()


def test_a_stopped_command_keeps_the_picture(photo: Path) -> None:
    out = photo.parent / "made.png"
    command = [sys.executable, "-m", "fastnst.cli", "invert", str(photo), "-o", str(out)]
    process = subprocess.Popen(
        [*command, "--steps", "1000000", "--layer", "relu1_1", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": "80"},
    )
    assert process.stderr is not None
    # The bar is there once the noise has been judged; iterations take milliseconds.
    seen, deadline = "", time.monotonic() + 120
    while "left:" not in seen and time.monotonic() < deadline:
        seen += process.stderr.read(1)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopped; the picture is as far as it came" in errors
    found = json.loads(said)
    assert found["stopped"] and 0 < found["iterations"] < 1_000_000
    with Image.open(out) as made:
        assert made.size == (40, 32)


def test_bench_of_optimization() -> None:
    found = record("bench", "--optimize", "--size", "48x32", "--runs", 1)
    (row,) = found["rows"]
    assert (row["width"], row["height"]) == (48, 32)
    assert row["optimization"] == pytest.approx(500 * row["iteration"])
    assert row["ratio"] == pytest.approx(row["optimization"] / row["fastnst"])
    result = run("bench", "--optimize", "--scale", 4)
    assert result.exit_code == 2 and "choose one" in result.stderr
