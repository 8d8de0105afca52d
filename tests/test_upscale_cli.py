"""`fastnst upscale`, through its own parser and, where it matters, as a process."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_picture
from odd_files import rgb_profile
from PIL import Image
from test_cli import PHOTO, buffer, files, pixels, run
from test_upscaler import random_weights

from fastnst import Upscaler
from fastnst.tiles import LONGEST_TILE

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def upscalers() -> dict[int, Upscaler]:
    return {
        scale: Upscaler(weights=random_weights(scale), detail_weights=random_weights(scale, 1))
        for scale in (4, 8)
    }


@pytest.fixture(autouse=True)
def small_networks(
    upscalers: dict[int, Upscaler], monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    """All commands of this module share two small networks: compiling takes seconds.

    Tests that ask for `shipped` load what ships.
    """
    if "shipped" not in request.fixturenames:
        monkeypatch.setattr("fastnst.cli.upscale.Upscaler", lambda scale, **_: upscalers[scale])


@pytest.fixture
def shipped() -> None:
    """The command makes its own network."""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    PHOTO.save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_upscale_does_what_upscaler_does(photo: Path, upscalers: dict[int, Upscaler]) -> None:
    out = photo.parent / "made.png"
    result = run("upscale", photo, "-o", out)
    assert result.exit_code == 0 and result.stdout == ""
    assert "made.png · 320 × 240 · " in result.stderr and result.stderr.count("\n") == 1
    assert (pixels(out) == np.asarray(upscalers[4](PHOTO))).all()
    assert files(photo.parent) == ["made.png", "photo.png"]


@pytest.mark.parametrize(
    ("arguments", "scale", "settings"),
    [
        (["--scale", "8"], 8, {}),
        (["--detail", "0"], 4, {"detail": 0.0}),
        (["--detail", "1", "--scale", "4"], 4, {"detail": 1.0}),
        (["--size", "200"], 4, {"size": 200}),
        (["--size", "100x90"], 4, {"size": (100, 90)}),
        (["--match-histogram"], 4, {"match_histogram": True}),
    ],
)
def test_every_setting_arrives(
    photo: Path,
    upscalers: dict[int, Upscaler],
    arguments: list[str],
    scale: int,
    settings: dict[str, Any],
) -> None:
    out = photo.parent / "made.png"
    result = run("upscale", photo, "-o", out, *arguments)
    assert result.exit_code == 0, result.stderr
    expected = upscalers[scale](PHOTO, **settings)
    assert (pixels(out) == np.asarray(expected)).all()
    assert expected.tobytes() != upscalers[4](PHOTO).tobytes()


def test_json_record(photo: Path, upscalers: dict[int, Upscaler]) -> None:
    out = photo.parent / "made.jpg"
    result = run("upscale", photo, "-o", out, "--scale", "8", "--detail", "0.25", "--json")
    record = json.loads(result.stdout)
    assert 0 < record.pop("seconds") < 60
    assert record == {
        "input": str(photo),
        "output": str(out),
        "width": 640,
        "height": 480,
        "scale": 8,
        "detail": 0.25,
        "device": upscalers[8].device,
    }
    assert result.stderr == ""


def test_metadata_and_alpha_survive(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a photo"
    picture = PHOTO.convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(PHOTO.size))
    picture.save(tmp_path / "photo.webp", exif=exif, icc_profile=rgb_profile(), lossless=True)
    result = run("upscale", tmp_path / "photo.webp", "-o", tmp_path / "made.png")
    assert result.exit_code == 0, result.stderr
    with Image.open(tmp_path / "made.png") as made:
        assert (made.mode, made.size) == ("RGBA", (240, 320))
        assert dict(made.getexif()) == {0x010E: "a photo"}
        assert made.info["icc_profile"] == rgb_profile()


@pytest.mark.parametrize(("option", "name"), [([], "PNG"), (["--format", "webp"], "WEBP")])
def test_pipe_to_pipe(upscalers: dict[int, Upscaler], option: list[str], name: str) -> None:
    result = run("upscale", "-", "-o", "-", *option, input=buffer(PHOTO, "PNG"))
    assert result.exit_code == 0 and result.stderr == ""
    made = Image.open(io.BytesIO(result.stdout_bytes))
    assert made.format == name and made.size == (320, 240)
    if name == "PNG":
        assert made.tobytes() == upscalers[4](PHOTO).tobytes()


def test_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = tmp_path / "old", tmp_path / "new"
    (source / "trip").mkdir(parents=True)
    make_picture(20, 16).save(source / "a.png")
    Image.new("RGB", (1, 1), "red").save(source / "b.png")  # too small for a style, not for this
    make_picture(90, 80).save(source / "trip" / "c.jpg")
    make_picture(200, 100).save(source / "large.png")
    (source / "cut.png").write_bytes(b"")
    monkeypatch.setenv("FASTNST_MAX_PIXELS", str(300_000))
    result = run("upscale", source, "-o", out, "--format", "png", "--json")
    assert result.exit_code == 2
    assert files(out) == ["a.png", "b.png", "trip/c.png"]
    records = [json.loads(line) for line in result.stdout.splitlines()]
    sizes = [(each["width"], each["height"]) for each in records if "width" in each]
    assert sizes == [(80, 64), (4, 4), (360, 320)]
    errors = {Path(each["input"]).name: each["error"] for each in records if "error" in each}
    assert errors.keys() == {"cut.png", "large.png"}
    assert "The largest that fits is 774×387, ×3.87: ask for the size 774." in errors["large.png"]
    said = result.stderr.splitlines()
    assert said[-1] == "2 of 5 pictures failed."
    assert f"error: {source / 'cut.png'} is empty." in said
    assert f"error: {source / 'large.png'}: At ×4 the result is 800×400" in result.stderr


def test_a_terminal_shows_tiles_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_picture(2 * LONGEST_TILE, 24).save(tmp_path / "wide.png")
    make_picture(30, 24).save(tmp_path / "small.png")
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, says rich
    result = run("upscale", tmp_path / "wide.png", "-o", tmp_path / "made.png")
    assert result.exit_code == 0 and result.stdout == ""
    assert "left:" in result.stderr and "100%" in result.stderr
    result = run("upscale", tmp_path, "-o", tmp_path / "out")
    assert "3/3" in result.stderr and "100%" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scale", "3"], r"The scale is 3; allowed are 4 and 8\."),
        (["--scale", "0"], r"The scale is 0; allowed are 4 and 8\."),
        (["--detail", "1.5"], r"The detail is 1\.5; allowed is 0 to 1\."),
        (["--detail", "nan"], r"The detail is nan; allowed is 0 to 1\."),
        (["--size", "big"], "The size is 'big'; allowed is"),
        (["--size", "9000"], "The result is 9000×6750, 61 megapixels; .* largest that fits is"),
        (["--format", "gif"], "There is no format 'gif' to write"),
    ],
)
def test_wrong_option_before_any_network(
    photo: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network was loaded")

    monkeypatch.setattr("fastnst.cli.upscale.Upscaler", refuse)
    result = run("upscale", photo, "-o", photo.parent / "made.png", *arguments)
    assert result.exit_code == 2 and result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert re.search(f"^error: {message}", line), line
    assert files(photo.parent) == ["photo.png"]


def test_what_is_too_large_is_refused_the_way_up_it_is(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4000, 3000)).save(tmp_path / "photo.jpg", exif=exif)
    result = run("upscale", tmp_path / "photo.jpg", "-o", tmp_path / "made.png", "--json")
    assert result.exit_code == 2
    error = json.loads(result.stdout)["error"]
    assert "is 12000×16000, 192 megapixels" in error and "ask for the size 8164." in error


def test_torch_is_not_loaded_for_an_error(tmp_path: Path) -> None:
    program = (
        "import sys, runpy\n"
        "sys.argv = ['fastnst', 'upscale', 'no.jpg', '-o', 'a.png']\n"
        "try:\n    runpy.run_module('fastnst.cli', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({'torch', 'openvino', 'gradio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]" and "Cannot read no.jpg" in done.stderr


def test_shipped_networks_as_a_process(shipped: None, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fastnst.cli", "upscale", "-", "-o", "-", "--scale", "4"],
        input=buffer(PHOTO, "PNG"), capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == b""
    made = Image.open(io.BytesIO(done.stdout))
    assert made.tobytes() == Upscaler(4)(PHOTO).tobytes()
    bicubic = PHOTO.resize(made.size, Image.Resampling.BICUBIC)
    distance = np.abs(np.asarray(made, int) - np.asarray(bicubic, int)).mean()
    assert 0.2 < distance < 10
