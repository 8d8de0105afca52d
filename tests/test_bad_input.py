"""Everything that can be wrong with a request, through the Python API and the command line.

Each is one clear sentence, costs little time and memory, and leaves no file behind.
"""

import io
import json
import re
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_picture
from odd_files import animation, encoded, png_of_size, text_bomb, whole_png
from PIL import Image
from typer.testing import CliRunner

from fastnst import Stylizer
from fastnst.cli import app
from fastnst.errors import CheckpointError, EngineError, FastnstError, PictureError, SettingError
from fastnst.images import PIXEL_LIMIT, open_picture, pixel_limit, take_apart

PHOTO = make_picture(64, 48)
LIMIT = "FASTNST_MAX_PIXELS"


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer()


def jpeg() -> bytes:
    return encoded(make_picture(200, 160), "JPEG")


def damaged_png() -> bytes:
    data = bytearray(encoded(make_picture(200, 160), "PNG"))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


def with_size(data: bytes, mark: bytes, width: int, height: int) -> bytes:
    """A JPEG that says it has another size."""
    place = data.index(mark) + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def nan_tiff() -> bytes:
    array = np.full((32, 32), 0.5, np.float32)
    array[5, 5] = np.nan
    return encoded(Image.fromarray(array), "TIFF")


# The file's bytes, and what the sentence says.
BAD_FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "truncated jpeg": (lambda: jpeg()[:2000], "is damaged or incomplete"),
    "truncated in the header": (lambda: jpeg()[:100], "not a picture|is damaged"),
    "truncated png": (
        lambda: encoded(make_picture(200, 160), "PNG")[:9000],
        "is damaged or incomplete",
    ),
    "changed png": (damaged_png, "is damaged or incomplete"),
    "truncated webp": (
        lambda: encoded(make_picture(200, 160), "WEBP")[:1000],
        "not a picture|is damaged",
    ),
    "text": (lambda: b"Dear Sir or Madam, " * 50, "is not a picture that can be read; allowed"),
    "zeros": (lambda: b"\0" * 5000, "is not a picture that can be read; allowed are JPEG, PNG"),
    "a program": (lambda: b"\x7fELF" + b"\1" * 500, "is not a picture that can be read"),
    "svg": (
        lambda: b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"></svg>',
        "is an SVG drawing; export it as PNG or JPEG first",
    ),
    "heic": (lambda: b"\0\0\0\x18ftypheic" + b"\0" * 50, "is a HEIC photo; export it as PNG"),
    "pdf": (lambda: b"%PDF-1.7\n", "is a PDF document"),
    "1×1": (lambda: encoded(Image.new("RGB", (1, 1)), "PNG"), "is 1×1 pixels; each side needs 16"),
    "1×5000": (
        lambda: encoded(Image.new("RGB", (1, 5000)), "PNG"),
        "is 1×5000 pixels; each side needs 16",
    ),
    "15×400": (lambda: encoded(Image.new("L", (15, 400)), "PNG"), "is 15×400 pixels"),
    "gif animation": (lambda: animation("GIF"), "has several frames"),
    "png animation": (lambda: animation("PNG"), "has several frames"),
    "webp animation": (lambda: animation("WEBP"), "has several frames"),
    "pages": (lambda: animation("TIFF"), "has several frames"),
    "bomb": (
        lambda: png_of_size(50_000, 50_000),
        "is 50000×50000, 2500 megapixels; the limit is 50",
    ),
    "jpeg bomb": (
        lambda: with_size(jpeg(), b"\xff\xc0", 65500, 65500),
        "is 65500×65500, 4290 megapixels; the limit is 50",
    ),
    "gif bomb": (
        lambda: encoded(Image.new("L", (20, 20)), "GIF").replace(
            struct.pack("<HH", 20, 20), struct.pack("<HH", 65535, 65535)
        ),
        "the limit is 50|too many pixels",
    ),
    "200 megapixels": (lambda: whole_png(20_000, 10_000), "is 20000×10000, 200 megapixels"),
    "text bomb": (text_bomb, "is damaged or incomplete"),
    "not a number": (nan_tiff, "holds values that are not finite numbers"),
}

SMALL_FILES = ("1×1", "1×5000", "15×400")  # which can be upscaled


@pytest.fixture(scope="module", params=BAD_FILES)
def bad(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    make, message = BAD_FILES[request.param]
    path = tmp_path_factory.mktemp("bad") / "photo.png"
    path.write_bytes(make())
    return path, message


def run(*arguments: object, **options: Any) -> Any:
    return CliRunner().invoke(app, [str(each) for each in arguments], **options)


def assert_refused(result: Any, message: str, *, folder: Path | None = None) -> None:
    """One sentence, exit code 2, no traceback; and nothing in the folder."""
    assert result.exit_code == 2, result.output
    assert result.stdout_bytes == b""
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and lines[0].endswith((".", "?"))
    assert re.search(message, lines[0]), lines[0]
    assert folder is None or list(folder.iterdir()) == []


def test_bad_file_in_python(bad: tuple[Path, str]) -> None:
    path, message = bad
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        with pytest.raises(PictureError, match=message):
            take_apart(open_picture(source))


def test_bad_file_in_the_command_line(
    bad: tuple[Path, str], tmp_path: Path, stylizer: Stylizer
) -> None:
    path, message = bad
    out = tmp_path / "out"
    out.mkdir()
    before = path.read_bytes()
    assert_refused(run("stylize", path, "-o", out / "a.png"), message, folder=out)
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize("name", [name for name in BAD_FILES if name not in SMALL_FILES])
def test_bad_file_to_upscale(name: str, tmp_path: Path) -> None:
    make, message = BAD_FILES[name]
    (tmp_path / "photo.png").write_bytes(make())
    out = tmp_path / "out"
    out.mkdir()
    assert_refused(run("upscale", tmp_path / "photo.png", "-o", out / "a.png"), message, folder=out)


def test_bad_file_from_a_pipe(bad: tuple[Path, str]) -> None:
    path, message = bad
    assert_refused(run("stylize", "-", "-o", "-", input=path.read_bytes()), message)


def test_bad_file_as_json(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    result = run("stylize", tmp_path / "a.png", "-o", tmp_path / "b.png", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {"error": "a.png is empty."}
    assert result.stderr == "error: a.png is empty.\n"


def test_opened_but_not_decoded(stylizer: Stylizer) -> None:
    """A picture as Image.open returns it has shown nothing but its header."""
    for data, message in (
        (jpeg()[:2000], "is damaged or incomplete"),
        (encoded(make_picture(200, 160), "PNG")[:9000], "is damaged or incomplete"),
        (animation("GIF"), "has several frames"),
        (whole_png(9000, 9000), "81 megapixels; the limit is 50"),
    ):
        with pytest.raises(PictureError, match=message):
            stylizer(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize(
    "what", [np.full((32, 32, 3), np.nan), np.zeros((32, 32, 3), np.uint8), "photo.jpg", None, b"x"]
)
def test_no_picture_at_all(stylizer: Stylizer, what: Any) -> None:
    with pytest.raises(PictureError, match=r"A picture is a PIL\.Image, not "):
        stylizer(what)


def test_float_picture_with_nan(stylizer: Stylizer) -> None:
    with pytest.raises(PictureError, match="not finite numbers"):
        stylizer(Image.fromarray(np.full((32, 32), np.nan, np.float32)))


PROBE = """
import resource, sys, time
from fastnst.errors import PictureError
from fastnst.images import open_picture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
try:
    open_picture(sys.argv[1])
except PictureError:
    print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", ["bomb", "jpeg bomb", "gif bomb", "200 megapixels", "text bomb"])
def test_bombs_cost_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(BAD_FILES[name][0]())
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(path)], capture_output=True, text=True, check=True
    )
    seconds, kilobytes = map(float, done.stdout.split())
    assert seconds < 2
    assert kilobytes < 60_000  # a 50,000×50,000 picture of one bit would have 300 MB


def test_endless_input_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        asked = 0

        def read(self, size: int = -1) -> bytes:
            assert size > 0, "asked for everything"
            type(self).asked += size
            return b"x" * min(size, 100_000_000)

    monkeypatch.setenv(LIMIT, "1000000")
    with pytest.raises(PictureError, match="more than 72 MB"):
        open_picture(Endless())
    assert Endless.asked < 100_000_000


# Requests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ("udney", r"There is no style 'udney'; did you mean udnie\?"),
        ("The Scream", r"did you mean the_scream\?"),
        ("STARRY_NIGHT", r"did you mean starry_night\?"),
        ("zzz", "There is no style 'zzz'; there are .*udnie"),
        ("", "There is no style ''"),
        ({}, "at least one style with a weight over 0"),
        ({"udnie": 0}, "at least one style with a weight over 0"),
        ({"udnie": 0.5, "the_screem": 0.5}, r"did you mean the_scream\?"),
        ({"udnie": -1}, "The weight of udnie is -1; allowed is 0 to"),
        ({"udnie": float("nan")}, "The weight of udnie is nan"),
        ({"udnie": float("inf")}, "The weight of udnie is inf"),
        ({"udnie": 10**400}, "The weight of udnie is 1000"),
        ({"udnie": "1"}, "The weight of udnie is '1'"),
        ({"udnie": True}, "The weight of udnie is True"),
        (["udnie"], r"A style is a name, or a mapping of names to weights, not \['udnie'\]"),
        (7, "A style is a name, or a mapping"),
    ],
)
def test_wrong_style(stylizer: Stylizer, style: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        stylizer(PHOTO, style=style)


@pytest.mark.parametrize("setting", ["strength", "brush"])
@pytest.mark.parametrize("value", [-0.1, 2.1, float("nan"), float("inf"), "1", None, True, 1j, [1]])
def test_wrong_number(stylizer: Stylizer, setting: str, value: Any) -> None:
    with pytest.raises(SettingError, match=f"The {setting} is .*; allowed is 0"):
        stylizer(PHOTO, **{setting: value})


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (0, "whole numbers of pixels"),
        (-5, "whole numbers of pixels"),
        (15, "The result is 15×11 pixels; each side needs 16"),
        ((8, 8), "The result is 8×8 pixels"),
        ((16, 15), "The result is 16×15 pixels"),
        (9000, "The result is 9000×6750, 61 megapixels; the limit is 50"),
        ((10_000, 10_000), "100 megapixels; the limit is 50"),
        (10**400, "whole numbers of pixels up to 1000000"),
        (512.0, "whole numbers of pixels"),
        (float("nan"), "whole numbers of pixels"),
        ("512", "whole numbers of pixels"),
        (True, "whole numbers of pixels"),
        ((1, 2, 3), "whole numbers of pixels"),
        ((), "whole numbers of pixels"),
        ((64,), "whole numbers of pixels"),
        ((64, None), "whole numbers of pixels"),
        ((64, 64.5), "whole numbers of pixels"),
    ],
)
def test_wrong_size(stylizer: Stylizer, size: Any, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        stylizer(PHOTO, size=size)


def test_numpy_numbers_are_numbers(stylizer: Stylizer) -> None:
    made = stylizer(
        PHOTO, {"udnie": np.float32(1)}, strength=np.float64(1), size=(np.int64(40), np.int32(32))
    )
    assert made.size == (40, 32)
    assert made.tobytes() == stylizer(PHOTO, "udnie", size=(40, 32)).tobytes()


def test_large_brush_work_is_refused(stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, "4000")
    stylizer(PHOTO, "udnie")
    with pytest.raises(PictureError, match="With this brush the working picture is 128×96"):
        stylizer(PHOTO, "udnie", brush=0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--style", "udney"], r"There is no style 'udney'; did you mean udnie\?"),
        (["--style", "udnie=x"], "The weight of udnie is 'x'; it is a number, 0 at least"),
        (["--style", "udnie=-1"], "The weight of udnie is -1"),
        (["--style", "udnie=nan"], "The weight of udnie is nan"),
        (["--style", "udnie=0"], "at least one style with a weight over 0"),
        (["--style", "udnie,udnie"], "The style udnie is given twice"),
        (["--style", ","], "There is no style|is given twice"),
        (["--strength", "1.6"], "The strength is 1.6; allowed is 0 to 1.5"),
        (["--strength", "nan"], "The strength is nan; allowed is 0 to 1.5"),
        (["--brush", "0.4"], "The brush is 0.4; allowed is 0.5 to 2"),
        (["--brush", "inf"], "The brush is inf; allowed is 0.5 to 2"),
        (["--size", "big"], r"The size is 'big'; allowed is the long side \(1024\) or both"),
        (["--size", "-5"], "The size is '-5'; allowed is"),
        (["--size", "0"], "The long side is 0 pixels; it needs 16"),
        (["--size", "8x8"], "The result is 8×8 pixels; each side needs 16"),
        (["--size", "99999x99999"], "megapixels; the limit is 50"),
        (["--size", "9999999"], "The size is '9999999'"),
        (["--format", "gif"], "There is no format 'gif' to write; allowed are png, jpeg, webp"),
        (["--format", "jpeg"], r"The name made\.png does not ask for JPEG"),
        (["--weights", "nothing"], "There are no weights 'nothing'; shipped are paintings"),
        (["--weights", "missing.safetensors"], "There is no file missing.safetensors"),
        (["--engine", "steam"], "Unknown engine 'steam'; there are auto, openvino, torch"),
        (["--device", "abacus"], "Unknown device 'abacus'; there are auto, cpu, cuda, mps"),
        (["--engine", "openvino", "--device", "cuda"], "no cuda device|does not run on cuda"),
    ],
)
def test_wrong_option(tmp_path: Path, arguments: list[str], message: str) -> None:
    PHOTO.save(tmp_path / "photo.jpg")
    out = tmp_path / "out"
    out.mkdir()
    result = run("stylize", tmp_path / "photo.jpg", "-o", out / "made.png", *arguments)
    assert_refused(result, message, folder=out)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["stylize"],
        ["stylize", "a.jpg"],
        ["stylize", "a.jpg", "-o", "b.jpg", "--strength", "much"],
        ["stylize", "a.jpg", "-o", "b.jpg", "--nothing"],
        ["paint"],
        ["bench", "--runs", "0"],
        ["upscale", "a.jpg"],
        ["upscale", "a.jpg", "-o", "b.jpg", "--scale", "many"],
        ["upscale", "a.jpg", "-o", "b.jpg", "--style", "udnie"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2 and "Traceback" not in result.output


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Stylizer("nothing"), CheckpointError),
        (lambda: Stylizer("missing.safetensors"), CheckpointError),
        (lambda: Stylizer(engine="steam"), EngineError),
        (lambda: Stylizer(device="abacus"), EngineError),
    ],
)
def test_wrong_machine(make: Callable[[], Stylizer], error: type[FastnstError]) -> None:
    with pytest.raises(error):
        make()


def test_missing_file(tmp_path: Path) -> None:
    result = run("stylize", tmp_path / "no.jpg", "-o", tmp_path / "a.png")
    assert_refused(result, r"Cannot read .*no\.jpg: No such file", folder=tmp_path)
    with pytest.raises(PictureError, match="Cannot read"):
        open_picture(tmp_path)
    result = run("stylize", "x" * 5000, "-o", tmp_path / "a.png")
    assert_refused(result, "File name too long", folder=tmp_path)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("a.gif", r"Cannot write a\.gif: the name must end in \.png, \.jpg"),
        ("a", "Cannot write a: the name must end in"),
        ("file/a.png", r"Cannot write .*a\.png: "),
        ("x" * 300 + ".png", "File name too long"),
    ],
)
def test_bad_output(tmp_path: Path, out: str, message: str) -> None:
    PHOTO.save(tmp_path / "photo.jpg")
    (tmp_path / "file").write_text("this is no folder")
    before = sorted(tmp_path.iterdir())
    assert_refused(run("stylize", tmp_path / "photo.jpg", "-o", tmp_path / out), message)
    assert sorted(tmp_path.iterdir()) == before


def test_styles_of_bad_weights(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"no weights")
    assert_refused(run("styles", "--weights", tmp_path / "a.safetensors"), "not a safetensors file")
    assert_refused(run("styles", "--weights", "vgg"), "There are no weights 'vgg'")


# The limit --------------------------------------------------------------------------------------


def test_limit_can_be_lowered_and_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    data = whole_png(400, 300)
    monkeypatch.delenv(LIMIT, raising=False)
    assert pixel_limit() == PIXEL_LIMIT == 50_000_000
    assert open_picture(data).size == (400, 300)
    monkeypatch.setenv(LIMIT, "119999")
    with pytest.raises(PictureError, match=r"the limit is 0\.12 \(FASTNST_MAX_PIXELS raises it\)"):
        open_picture(data)
    monkeypatch.setenv(LIMIT, "120000")
    assert open_picture(data).size == (400, 300)
    monkeypatch.setenv(LIMIT, "")
    assert pixel_limit() == 50_000_000


def test_limit_above_pillows_own(monkeypatch: pytest.MonkeyPatch) -> None:
    data = whole_png(20_000, 10_000)  # Pillow's own limit is 179 megapixels
    monkeypatch.setenv(LIMIT, "200000000")
    assert open_picture(data).size == (20_000, 10_000)


@pytest.mark.parametrize(
    "text", ["x", "-1", "0", "255", "5e7", "50_000_000", "1.5", "nan", " ", "9" * 5000]
)
def test_bad_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    monkeypatch.setenv(LIMIT, text)
    with pytest.raises(PictureError, match=r"FASTNST_MAX_PIXELS is .*; it is a whole number"):
        pixel_limit()
    PHOTO.save(tmp_path / "photo.jpg")
    out = tmp_path / "out"
    out.mkdir()
    result = run("stylize", tmp_path / "photo.jpg", "-o", out / "a.png")
    assert_refused(result, "FASTNST_MAX_PIXELS is", folder=out)


# Life goes on -----------------------------------------------------------------------------------


def test_work_goes_on_after_errors(stylizer: Stylizer) -> None:
    before = stylizer(PHOTO, "udnie")
    for wrong in ({"style": "x"}, {"strength": 9}, {"size": (1, 1)}):
        with pytest.raises(FastnstError):
            stylizer(PHOTO, **wrong)  # type: ignore[arg-type]
    assert stylizer(PHOTO, "udnie").tobytes() == before.tobytes()


def test_refusals_are_quick(stylizer: Stylizer) -> None:
    start = time.perf_counter()
    with pytest.raises(PictureError):
        stylizer(Image.new("1", (60_000, 1000)))
    assert time.perf_counter() - start < 1
