"""One small run of the evaluation of styles that were learnt after the network."""

import json
import sys
from dataclasses import replace

import evaluate
import pytest
import style_strip
from conftest import make_picture
from PIL import Image

from fastnst.adapters import extract
from fastnst.catalog import load
from fastnst.checkpoint import Style
from fastnst.checkpoint_file import save_checkpoint
from fastnst.errors import TrainingError

pytestmark = pytest.mark.usefixtures("one_thread")
README = "<!-- evaluation:new_styles -->\n<!-- /evaluation:new_styles -->\n"


@pytest.fixture
def command(tmp_path):
    """Two paintings, one of them at two depths."""
    base = load("paintings")
    for folder in ("photos", "paintings", "styles"):
        (tmp_path / folder).mkdir()
    for seed in range(6):
        make_picture(64, 48, seed).save(tmp_path / "photos" / f"{seed}.png")
    for row, name in enumerate(("mill", "port")):
        make_picture(96, 80, 20 + row).save(tmp_path / "paintings" / f"{name}.png")
        adapter = extract(base, base.styles[row].name, "paintings")
        adapter = replace(
            adapter,
            styles=(Style(name, f"The {name}"),),
            grams={},
            training={"held_out": 2, "style_size": 64},
        )
        save_checkpoint(adapter, tmp_path / "styles" / f"{name}-quick.safetensors")
        if name == "mill":
            save_checkpoint(adapter, tmp_path / "styles" / f"{name}-full_30.safetensors")
    (tmp_path / "README.md").write_text(README)
    return [
        "new_styles", "--photos", str(tmp_path / "photos"),
        "--paintings", str(tmp_path / "paintings"), "--styles", str(tmp_path / "styles"),
        "--depths", "quick", "full_30", "--held-out", "2", "--size", "48", "--baseline-photos", "1",
        "--baseline", str(tmp_path / "curves.json"), "--out", str(tmp_path / "out"),
        "--readme", str(tmp_path / "README.md"),
    ]  # fmt: skip


def test_a_row_a_painting_and_a_column_a_depth(command, tmp_path):
    evaluate.evaluate(evaluate.parse(command))
    results = json.loads((tmp_path / "out" / "new_styles.json").read_text())
    assert set(results["styles"]) == {"mill", "port"}
    assert set(results["styles"]["mill"]) == {"quick", "full_30"}
    mill = results["styles"]["mill"]
    assert mill["quick"] == mill["full_30"]  # they are the same style
    mean = sum(losses["objective"] for losses in mill["quick"]) / 2
    table = (tmp_path / "README.md").read_text()
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert lines[0] == "| painting | quick | worth | full 30 min | worth | L-BFGS 15 |"
    assert lines[2].startswith(f"| The mill | {mean:.2f} |")
    assert lines[3].split("|")[4:6] == [" – ", " – "]  # the port was not trained in full
    sheet = Image.open(tmp_path / "out" / "new_styles.jpg")
    assert sheet.size == (3 * 320, 3 * 320)  # the photo above, the painting first


def test_without_files_it_says_so(command, tmp_path):
    for path in (tmp_path / "styles").iterdir():
        path.unlink()
    with pytest.raises(TrainingError, match=r"There are no files NAME-DEPTH\.safetensors"):
        evaluate.evaluate(evaluate.parse(command))


def test_a_strip_shows_painting_photo_and_each_style(command, tmp_path, monkeypatch):
    styles = sorted((tmp_path / "styles").iterdir())
    painting, photo = tmp_path / "paintings" / "mill.png", tmp_path / "photos" / "0.png"
    made = tmp_path / "strip.png"
    command = ["style_strip.py", painting, photo, made, "--height", "40", "--weights", *styles]
    monkeypatch.setattr(sys, "argv", list(map(str, command)))
    style_strip.main()
    strip = Image.open(made)
    assert strip.size == (48 + 4 * 53, 40)  # 96×80, then 64×48
    expected = make_picture(64, 48, 0).resize((53, 40), Image.Resampling.LANCZOS)
    assert strip.crop((48, 0, 101, 40)).tobytes() == expected.tobytes()
