"""The command `fastnst`, through its own parser and, where it matters, as a process."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_picture
from odd_files import animation, rgb_profile
from PIL import Image
from typer.testing import CliRunner

import fastnst
from fastnst import Stylizer
from fastnst.batch import plan_folder
from fastnst.bench import bench
from fastnst.cli import app
from fastnst.cli.options import parse_blend, parse_format, parse_sides, parse_size
from fastnst.errors import PictureError

COMMAND = [sys.executable, "-m", "fastnst.cli"]
PHOTO = make_picture(80, 60)


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer()


@pytest.fixture(autouse=True)
def one_network(stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch, request: Any) -> None:
    """All commands of this module share one compiled network: compiling takes seconds.

    It is the real one, from the same weights. Tests that ask for `fresh` load their own.
    """
    if "fresh" not in request.fixturenames:
        for command in ("stylize", "bench"):
            monkeypatch.setattr(f"fastnst.cli.{command}.Stylizer", lambda *_, **__: stylizer)


@pytest.fixture
def fresh() -> None:
    """The command makes its own network."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five pictures in folders, among things that are none."""
    folder = tmp_path / "photos"
    (folder / "trip" / "day 2").mkdir(parents=True)
    make_picture(64, 48, 1).save(folder / "b.jpg")
    make_picture(64, 48, 2).save(folder / "a.png")
    make_picture(48, 64, 3).save(folder / "trip" / "c.WEBP")
    make_picture(48, 64, 4).save(folder / "trip" / "day 2" / "d.bmp")
    make_picture(64, 64, 5).save(folder / "trip" / "day 2" / "e.tif")
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.jpg").write_bytes(b"")
    return folder


def run(*arguments: object, **options: Any) -> Any:
    result = CliRunner().invoke(app, [str(each) for each in arguments], **options)
    assert "Traceback" not in result.stderr
    return result


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), int)


# One picture ------------------------------------------------------------------------------------


def test_stylize_does_what_stylizer_does(tmp_path: Path, stylizer: Stylizer) -> None:
    PHOTO.save(tmp_path / "photo.png")
    result = run("stylize", tmp_path / "photo.png", "-o", tmp_path / "made.png", "--style", "udnie")
    assert result.exit_code == 0 and result.stdout == ""
    assert "made.png · 80 × 60 · " in result.stderr
    made = pixels(tmp_path / "made.png")
    assert (made == np.asarray(stylizer(PHOTO, "udnie"))).all()
    assert np.abs(made - np.asarray(PHOTO, int)).mean() > 3
    assert files(tmp_path) == ["made.png", "photo.png"]


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["--strength", "0.5"], {"strength": 0.5}),
        (["--keep-colors"], {"keep_colors": True}),
        (["--brush", "2"], {"brush": 2.0}),
        (["--size", "40"], {"size": 40}),
        (["--size", "64x32"], {"size": (64, 32)}),
        (["--style", "the_scream"], {"style": "the_scream"}),
        (["-s", "udnie=0.7,the_scream=0.3"], {"style": {"udnie": 0.7, "the_scream": 0.3}}),
        (["-s", "udnie", "-s", "the_scream"], {"style": {"udnie": 1, "the_scream": 1}}),
        ([], {"style": None}),
    ],
)
def test_every_setting_arrives(
    tmp_path: Path, stylizer: Stylizer, arguments: list[str], settings: dict[str, Any]
) -> None:
    PHOTO.save(tmp_path / "photo.png")
    style = [] if "style" in settings else ["--style", "udnie"]
    out = tmp_path / "made.png"
    result = run("stylize", tmp_path / "photo.png", "-o", out, *style, *arguments)
    assert result.exit_code == 0, result.stderr
    expected = stylizer(PHOTO, **{"style": "udnie", **settings})
    assert (pixels(out) == np.asarray(expected)).all()
    plain = stylizer(PHOTO, "udnie")
    assert settings == {} or expected.tobytes() != plain.tobytes() or settings == {"style": None}


def test_metadata_survives(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a photo"
    PHOTO.save(tmp_path / "photo.jpg", exif=exif, icc_profile=rgb_profile())
    result = run("stylize", tmp_path / "photo.jpg", "-o", tmp_path / "new" / "made.jpg")
    assert result.exit_code == 0, result.stderr
    with Image.open(tmp_path / "new" / "made.jpg") as made:
        assert made.size == (60, 80)
        assert dict(made.getexif()) == {0x010E: "a photo"}
        assert made.info["icc_profile"] == rgb_profile()


def test_output_folder_keeps_the_name(tmp_path: Path) -> None:
    PHOTO.save(tmp_path / "photo.jpg")
    (tmp_path / "there").mkdir()
    assert run("stylize", tmp_path / "photo.jpg", "-o", tmp_path / "there").exit_code == 0
    assert run("stylize", tmp_path / "photo.jpg", "-o", f"{tmp_path}/new/").exit_code == 0
    out = f"{tmp_path}/webp/"
    assert run("stylize", tmp_path / "photo.jpg", "-o", out, "--format", "webp").exit_code == 0
    assert files(tmp_path) == ["new/photo.jpg", "photo.jpg", "there/photo.jpg", "webp/photo.webp"]


def test_json_record(tmp_path: Path, stylizer: Stylizer) -> None:
    PHOTO.save(tmp_path / "photo.jpg")
    style = "udnie=3,the_scream=1"
    out = tmp_path / "made.png"
    result = run("stylize", tmp_path / "photo.jpg", "-o", out, "-s", style, "--size", 40, "--json")
    record = json.loads(result.stdout)
    assert 0 < record.pop("seconds") < 60
    assert record == {
        "input": str(tmp_path / "photo.jpg"),
        "output": str(out),
        "width": 40,
        "height": 30,
        "style": {"udnie": 3.0, "the_scream": 1.0},
        "device": stylizer.device,
    }
    assert result.stderr == ""


def buffer(picture: Image.Image, name: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, name)
    return stream.getvalue()


@pytest.mark.parametrize(("option", "name"), [([], "PNG"), (["--format", "jpg"], "JPEG")])
def test_pipe_to_pipe(stylizer: Stylizer, option: list[str], name: str) -> None:
    data = buffer(PHOTO, "PNG")
    result = run("stylize", "-", "-o", "-", "--style", "udnie", *option, input=data)
    assert result.exit_code == 0 and result.stderr == ""
    made = Image.open(io.BytesIO(result.stdout_bytes))
    assert made.format == name
    if name == "PNG":
        assert made.tobytes() == stylizer(PHOTO, "udnie").tobytes()


def test_pipe_to_file_and_file_to_pipe(tmp_path: Path) -> None:
    out = tmp_path / "made.webp"
    result = run("stylize", "-", "-o", out, "--json", input=buffer(PHOTO, "JPEG"))
    assert json.loads(result.stdout)["input"] == "-" and out.is_file()
    result = run("stylize", out, "-o", "-")
    assert Image.open(io.BytesIO(result.stdout_bytes)).size == (80, 60)


def test_json_and_a_picture_do_not_mix(tmp_path: Path) -> None:
    PHOTO.save(tmp_path / "photo.jpg")
    result = run("stylize", tmp_path / "photo.jpg", "-o", "-", "--json")
    assert result.exit_code == 2
    assert "choose one" in json.loads(result.stdout)["error"]


def test_stdin_needs_a_file_name(tmp_path: Path) -> None:
    result = run("stylize", "-", "-o", tmp_path, input=buffer(PHOTO, "PNG"))
    assert result.exit_code == 2 and "needs a file name" in result.stderr
    assert files(tmp_path) == []


@pytest.mark.parametrize("out", ["photo.jpg", "./photo.jpg", "link.jpg", "hard.jpg"])
def test_an_input_is_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    monkeypatch.chdir(tmp_path)
    PHOTO.save("photo.jpg")
    Path("link.jpg").symlink_to("photo.jpg")
    os.link("photo.jpg", "hard.jpg")
    before = Path("photo.jpg").read_bytes()
    result = run("stylize", "photo.jpg", "-o", out)
    assert result.exit_code == 2 and "would overwrite a picture that is read" in result.stderr
    assert Path("photo.jpg").read_bytes() == before and Path("link.jpg").is_symlink()


def test_an_older_result_is_replaced(tmp_path: Path) -> None:
    PHOTO.save(tmp_path / "photo.jpg")
    (tmp_path / "made.png").write_bytes(b"old")
    assert run("stylize", tmp_path / "photo.jpg", "-o", tmp_path / "made.png").exit_code == 0
    assert pixels(tmp_path / "made.png").shape == (60, 80, 3)


def test_weights_from_a_file(tmp_path: Path, fresh: None) -> None:
    from test_checkpoint import checkpoint

    from fastnst.checkpoint_file import save_checkpoint

    save_checkpoint(checkpoint(styles=2), tmp_path / "mine.safetensors")
    PHOTO.save(tmp_path / "photo.png")
    arguments = ["--weights", tmp_path / "mine.safetensors", "--engine", "torch", "--json"]
    out = tmp_path / "made.png"
    result = run("stylize", tmp_path / "photo.png", "-o", out, "-s", "style_1", *arguments)
    assert json.loads(result.stdout)["device"] == "CPU fp32 torch"
    mine = Stylizer(tmp_path / "mine.safetensors", engine="torch", device="cpu")
    assert (pixels(out) == np.asarray(mine(PHOTO, "style_1"))).all()
    result = run("stylize", tmp_path / "photo.png", "-o", out, "-s", "udnie", *arguments)
    assert result.exit_code == 2 and "there are style_0, style_1" in result.stderr


# A folder ---------------------------------------------------------------------------------------


def test_folder(tmp_path: Path, photos: Path, stylizer: Stylizer) -> None:
    out = tmp_path / "out"
    result = run("stylize", photos, "-o", out, "--style", "udnie", "--json")
    assert result.exit_code == 0, result.stderr
    assert files(out) == ["a.png", "b.jpg", "trip/c.WEBP", "trip/day 2/d.png", "trip/day 2/e.tif"]
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["output"] for record in records] == [
        str(out / name)
        for name in ("a.png", "b.jpg", "trip/c.WEBP", "trip/day 2/d.png", "trip/day 2/e.tif")
    ]
    assert [record["width"] for record in records] == [64, 64, 48, 48, 64]
    expected = stylizer(make_picture(64, 48, 2), "udnie")
    assert (pixels(out / "a.png") == np.asarray(expected)).all()


def test_folder_in_one_format(tmp_path: Path, photos: Path) -> None:
    make_picture(32, 32, 9).save(photos / "b.png")  # like b.jpg, which becomes PNG too
    out = tmp_path / "out"
    assert run("stylize", photos, "-o", out, "--format", "png").exit_code == 0
    assert files(out) == [
        "a.png",
        "b.png",
        "b_png.png",
        "trip/c.png",
        "trip/day 2/d.png",
        "trip/day 2/e.png",
    ]
    assert {pixels(out / name).shape for name in ("b.png", "b_png.png")} == {
        (48, 64, 3),
        (32, 32, 3),
    }


def test_bad_pictures_in_a_folder_are_skipped(tmp_path: Path, photos: Path) -> None:
    (photos / "aa empty.png").write_bytes(b"")
    (photos / "trip" / "anim.gif").write_bytes(animation("GIF"))
    data = (photos / "b.jpg").read_bytes()
    (photos / "trip" / "cut.jpg").write_bytes(data[: len(data) // 2])
    out = tmp_path / "out"
    result = run("stylize", photos, "-o", out, "--json")
    assert result.exit_code == 2
    assert files(out) == ["a.png", "b.jpg", "trip/c.WEBP", "trip/day 2/d.png", "trip/day 2/e.tif"]
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    failures = {Path(line["input"]).name: line["error"] for line in lines if "error" in line}
    assert set(failures) == {"aa empty.png", "anim.gif", "cut.jpg"}
    assert failures["aa empty.png"] == "aa empty.png is empty."
    assert len(lines) == 8
    said = result.stderr.splitlines()
    errors = [line for line in said if line.startswith("error: ")]
    assert [line.count(".png") + line.count(".gif") + line.count(".jpg") for line in errors] == [
        1
    ] * 3
    assert errors[0] == f"error: {photos / 'aa empty.png'} is empty."
    assert errors[1].startswith(f"error: {photos / 'trip' / 'anim.gif'} has several frames")
    assert said[-1] == "3 of 8 pictures failed."


def test_wrong_setting_ends_a_batch_at_once(tmp_path: Path, photos: Path) -> None:
    result = run("stylize", photos, "-o", tmp_path / "out", "--style", "udney")
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_folder_onto_itself_is_refused(photos: Path) -> None:
    before = {name: (photos / name).read_bytes() for name in files(photos)}
    for out in (photos, photos / "trip" / ".."):
        result = run("stylize", photos, "-o", out)
        assert result.exit_code == 2 and "would overwrite a picture" in result.stderr
    assert {name: (photos / name).read_bytes() for name in files(photos)} == before


def test_result_that_lands_on_another_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a" / "a").mkdir(parents=True)
    make_picture(32, 32, 1).save(tmp_path / "a" / "x.png")
    make_picture(32, 32, 2).save(tmp_path / "a" / "a" / "x.png")
    before = (tmp_path / "a" / "x.png").read_bytes()
    result = run("stylize", tmp_path / "a", "-o", tmp_path)  # a/a/x.png would become a/x.png
    assert result.exit_code == 2 and "would overwrite a picture" in result.stderr
    assert (tmp_path / "a" / "x.png").read_bytes() == before


def test_results_inside_the_folder_are_not_read_again(photos: Path) -> None:
    out = photos / "painted"
    first = [job.target for job in plan_folder(photos, str(out))]
    assert run("stylize", photos, "-o", out).exit_code == 0
    assert [job.target for job in plan_folder(photos, str(out))] == first
    assert len(files(out)) == 5


def test_links_in_a_circle_do_not_matter(photos: Path) -> None:
    (photos / "trip" / "round").symlink_to(photos, target_is_directory=True)
    jobs = plan_folder(photos, str(photos.parent / "out"))
    assert len({job.source.resolve() for job in jobs}) == 5 == len(jobs)


@pytest.mark.parametrize(
    ("out", "message"), [("-", "standard output takes one picture"), ("file", "is a file")]
)
def test_folder_needs_a_folder(tmp_path: Path, photos: Path, out: str, message: str) -> None:
    (tmp_path / "file").write_text("")
    result = run("stylize", photos, "-o", out if out == "-" else tmp_path / out)
    assert result.exit_code == 2 and message in result.stderr


def test_empty_folder(tmp_path: Path) -> None:
    result = run("stylize", tmp_path, "-o", tmp_path / "out")
    assert result.exit_code == 2 and "No photos found" in result.stderr


# Styles, bench, version -------------------------------------------------------------------------


def test_styles_table(stylizer: Stylizer) -> None:
    result = run("styles")
    assert result.exit_code == 0
    for style in stylizer.checkpoint.styles:
        line = next(line for line in result.stdout.splitlines() if f" {style.name} " in line)
        for text in (style.title, style.artist, style.year, style.licence):
            assert text in line


def test_styles_json(stylizer: Stylizer) -> None:
    rows = json.loads(run("styles", "--json").stdout)
    assert [row["name"] for row in rows] == stylizer.styles
    assert set(rows[0]) == {"name", "title", "artist", "year", "licence"}


def test_bench_json() -> None:
    result = run("bench", "--size", "64x48", "--size", "48x64", "--runs", "1", "--json")
    report = json.loads(result.stdout)
    assert report["runs"] == 1
    assert [(row["width"], row["height"]) for row in report["rows"]] == [(64, 48), (48, 64)]
    for row in report["rows"]:
        assert 0 < row["paper_network"] < row["paper"]
        assert row["ratio"] == pytest.approx(row["paper"] / row["fastnst"])
        assert row["network_ratio"] == pytest.approx(row["paper_network"] / row["fastnst"])


def test_bench_of_upscaling() -> None:
    report = json.loads(
        run("bench", "--scale", "4", "--size", "24x16", "--runs", "1", "--json").stdout
    )
    assert [(row["width"], row["height"]) for row in report["rows"]] == [(24, 16)]
    assert report["rows"][0]["fastnst"] > 0
    assert "allowed are 4 and 8" in run("bench", "--scale", "3").stderr


def test_bench_table() -> None:
    result = run("bench", "--size", "64x48", "--runs", "1")
    assert result.exit_code == 0
    assert "64×48" in result.stdout and "paper, eager fp32" in result.stdout


@pytest.mark.slow
def test_the_small_network_is_faster(stylizer: Stylizer) -> None:
    (row,) = bench(stylizer, [(512, 512)], runs=2)
    assert row.ratio > 2


def test_version() -> None:
    assert run("--version").stdout == f"fastnst {fastnst.__version__}\n"


COMMANDS = ("stylize", "upscale", "styles", "bench", "pull", "push", "search", "space")


def test_help_names_every_command() -> None:
    assert all(name in run("--help").stdout for name in COMMANDS)


# What people type ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], None),
        (["udnie"], "udnie"),
        (["udnie=0.7, the_scream=0.3"], {"udnie": 0.7, "the_scream": 0.3}),
        (["udnie", "the_scream=2"], {"udnie": 1.0, "the_scream": 2.0}),
        (["a,b"], {"a": 1.0, "b": 1.0}),
    ],
)
def test_parse_blend(texts: list[str], expected: Any) -> None:
    assert parse_blend(texts) == expected


def test_parse_size_and_format() -> None:
    assert parse_size(None) is None
    assert parse_size("8000") == 8000  # 64 megapixels only if the picture were square
    assert parse_size("1920x1080") == parse_size("1920×1080") == (1920, 1080)
    assert parse_sides("640X480") == (640, 480)
    for name, expected in (("jpg", "JPEG"), ("JPEG", "JPEG"), ("tif", "TIFF"), ("WebP", "WebP")):
        found = parse_format(name)
        assert found is not None and found.name == expected
    with pytest.raises(PictureError):
        parse_sides("640")


# As a process -----------------------------------------------------------------------------------


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, timeout=120, check=False, **options
    )


@pytest.mark.parametrize(
    "arguments", [["--help"], ["styles"], ["stylize", "no.jpg", "-o", "a.png"]]
)
def test_torch_is_not_loaded_for(arguments: list[str], tmp_path: Path) -> None:
    program = (
        "import sys, runpy\n"
        "sys.argv = ['fastnst', *sys.argv[1:]]\n"
        "try:\n    runpy.run_module('fastnst.cli', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({'torch', 'openvino', 'gradio', 'accelerate'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_whole_pipe_as_a_process(stylizer: Stylizer) -> None:
    done = process("stylize", "-", "-o", "-", "--style", "udnie", input=buffer(PHOTO, "PNG"))
    assert done.returncode == 0 and done.stderr == b""
    made = Image.open(io.BytesIO(done.stdout))
    assert made.tobytes() == stylizer(PHOTO, "udnie").tobytes()


def test_error_as_a_process(tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(buffer(make_picture(200, 200), "JPEG")[:3000])
    done = process("stylize", tmp_path / "cut.jpg", "-o", tmp_path / "made.png")
    assert done.returncode == 2 and done.stdout == b""
    assert done.stderr.startswith(b"error: cut.jpg is damaged") and done.stderr.count(b"\n") == 1
    assert files(tmp_path) == ["cut.jpg"]


def test_reader_that_has_seen_enough() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m fastnst.cli styles --json | head -c 1"],
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == b"[" and done.stderr == b""


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="POSIX signals")
def test_control_c_stops_cleanly(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "out"
    source.mkdir()
    for i in range(40):
        make_picture(900, 700, i).save(source / f"{i:02d}.png", compress_level=1)
    running = subprocess.Popen(
        [*COMMAND, "stylize", str(source), "-o", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 90
    while not (out.is_dir() and any(out.glob("*.png"))):
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    stdout, stderr = running.communicate(timeout=30)
    assert running.returncode == 130
    assert stdout == b"" and b"Traceback" not in stderr
    assert stderr.splitlines()[-1] == b"stopped"
    made = sorted(out.iterdir())
    assert 0 < len(made) < 40
    for path in made:  # all of them whole, and no temporary file
        assert path.suffix == ".png" and pixels(path).shape == (700, 900, 3)


def test_no_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("fastnst.cli.stylize.Stylizer", lambda *_, **__: full)
    PHOTO.save(tmp_path / "photo.png")
    result = run("stylize", tmp_path / "photo.png", "-o", tmp_path / "made.png", "--json")
    assert result.exit_code == 2 and "not enough memory" in json.loads(result.stdout)["error"]
    assert result.stderr.startswith("error: This machine has not enough memory")
    assert files(tmp_path) == ["photo.png"]
