"""Evaluation: what a picture is worth, the files it leaves, and one small run of all of it."""

import json
import subprocess
import sys
from pathlib import Path

import baseline
import evaluate
import numpy as np
import pytest
import sr_evaluation
import style_evaluation
import torch
from PIL import Image

from fastnst.checkpoint import Checkpoint, Style
from fastnst.checkpoint_file import save_checkpoint
from fastnst.errors import TrainingError
from fastnst.networks import (
    ARCHITECTURES,
    StyleNetwork,
    architecture_settings,
    network_tensors,
)
from fastnst.networks.vgg import LossNetwork
from fastnst.optimize import StyleObjective
from fastnst.settings import StyleSettings
from fastnst.stylizer import Stylizer

pytestmark = pytest.mark.usefixtures("one_thread")

SCRIPT = Path(evaluate.__file__)
SIZE = 32
README = "# A\n\n<!-- evaluation:style -->\nold\n<!-- /evaluation:style -->\n\nthe end\n"


@pytest.mark.parametrize(
    ("objective", "iterations", "beyond"),
    [
        (12, 0, False),  # worse than the photo itself
        (10, 0, False),
        (9, 0.5, False),
        (4, 2, False),
        (3, 3.5, False),
        (2, 4, False),
        (1.9, 4, True),  # better than the baseline ever gets
    ],
)
def test_worth_is_interpolated(objective: float, iterations: float, beyond: bool) -> None:
    worth = baseline.worth_iterations(objective, [10, 8, 4, 4, 2])
    assert worth == baseline.Worth(iterations, beyond)


def test_an_iteration_that_makes_it_worse_counts_as_none() -> None:
    assert baseline.worth_iterations(8, [10, 12, 6]) == baseline.Worth(1.5)
    assert baseline.worth_iterations(5, [10, 4, 12]) == baseline.Worth(5 / 6)
    assert baseline.worth_iterations(3, [10, 4, 12]) == baseline.Worth(2, beyond=True)


def test_the_mean_of_worths_says_when_it_is_a_lower_bound() -> None:
    plain = baseline.mean_worth([baseline.Worth(10), baseline.Worth(21)])
    assert (plain, str(plain)) == (baseline.Worth(15.5), "15.5")
    bound = baseline.mean_worth([baseline.Worth(10), baseline.Worth(50, beyond=True)])
    assert (bound, str(bound)) == (baseline.Worth(30, beyond=True), ">30")


def test_a_block_is_replaced_and_nothing_else() -> None:
    made = evaluate.replace_block(README, "evaluation:style", r"a \1 b" + "\n")
    assert made == README.replace("old", r"a \1 b")
    assert evaluate.replace_block(made, "evaluation:style", "old") == README


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "<!-- evaluation:style --> no end",
        "<!-- /evaluation:style --> <!-- evaluation:style -->",
        README + README,
        README.replace("style", "sr"),
    ],
)
def test_a_block_that_is_not_there(text: str) -> None:
    with pytest.raises(TrainingError, match="evaluation:style"):
        evaluate.replace_block(text, "evaluation:style", "table")


def test_curves_outlive_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "new" / "curves.json"
    curves = baseline.Curves(path)
    assert "a" not in curves
    curves.add("a", [3, 2.123456789], 1.26, style="udnie", photo="1.jpg")
    curves.add("b", [4, 1], 2, style="udnie", photo="2.jpg")
    read = baseline.Curves(path)
    assert (read["a"], read["b"]) == ([3, 2.12346], [4, 1])
    assert [each.name for each in path.parent.iterdir()] == ["curves.json"]
    assert json.loads(path.read_text())["curves"]["a"] == {
        "style": "udnie", "photo": "1.jpg", "seconds": 1.3, "objective": [3, 2.12346],
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"curves": [1]}', '{"curves": {"a": {}}}'])
def test_a_file_that_holds_no_curves(tmp_path: Path, text: str) -> None:
    path = tmp_path / "curves.json"
    path.write_text(text)
    with pytest.raises(TrainingError, match=r"curves\.json is not a file of baseline curves"):
        baseline.Curves(path)
    assert path.read_text() == text


def test_a_curve_is_only_taken_for_what_it_was_computed_from() -> None:
    one, other = Image.new("RGB", (4, 2), "red"), Image.new("RGB", (2, 4), "red")
    numbers = {"style_weight": 5.0}
    keys = [
        baseline.curve_key(one, other, numbers),
        baseline.curve_key(other, one, numbers),
        baseline.curve_key(one, one, numbers),
        baseline.curve_key(one, other, {"style_weight": 4.0}),
    ]
    assert len(set(keys)) == len(keys)
    assert baseline.curve_key(one.copy(), other.copy(), dict(numbers)) == keys[0]


def checkpoint(**training: object) -> Checkpoint:
    """A network that was never trained, of two styles."""
    torch.manual_seed(0)
    small = {"styles": 2, "channels": (4, 4, 8, 8), "blocks": 1}
    network = ARCHITECTURES["fast"].network(**small)
    assert isinstance(network, StyleNetwork)
    torch.nn.init.normal_(network.styles, std=0.5)
    return Checkpoint(
        task="style",
        architecture="fast",
        settings=architecture_settings("fast", **small),
        tensors=network_tensors(network),
        styles=(Style("waves", title="The Waves"), Style("squares")),
        training=training,
    )


def test_the_yardstick_keeps_its_weights_whatever_was_trained_with() -> None:
    trained = checkpoint(style_weight=9.0, content_weight=2.0, style_size=512, held_out=20)
    settings = style_evaluation.yardstick(trained, held_out=20)
    assert (settings.content_weight, settings.style_weight) == (1, 5)
    assert (settings.style_size, settings.content_layer) == (512, "relu2_2")
    assert style_evaluation.yardstick(checkpoint(), held_out=3).style_size == 384


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ({"held_out": 10}, "10 photos held out, not 20"),
        ({"content_layer": "relu9_9"}, "relu9_9"),
        ({"style_size": "large"}, "'large'"),
    ],
)
def test_a_training_that_cannot_be_judged(training: dict, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        style_evaluation.yardstick(checkpoint(**training), held_out=20)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos, two paintings, a network and a README."""
    folder = tmp_path_factory.mktemp("material")
    rng = np.random.default_rng(0)
    for name in ("photos", "paintings"):
        (folder / name).mkdir()
    for index in range(4):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8))
        coarse.resize((48, 40), Image.Resampling.BICUBIC).save(folder / f"photos/{index}.png")
    down, across = np.indices((64, 64))
    waves = 128 + 100 * np.sin(down / 3 + np.sin(across / 5))
    squares = 255.0 * ((down // 8 + across // 8) % 2)
    for name, values in {"waves": waves, "squares": squares}.items():
        Image.fromarray(values.astype(np.uint8)).save(folder / f"paintings/{name}.png")
    save_checkpoint(checkpoint(style_size=64, held_out=2), folder / "weights.safetensors")
    (folder / "README.md").write_text(README)
    return folder


def arguments(material: Path, out: str, *more: str) -> list[str]:
    return [
        "style",
        f"--photos={material / 'photos'}",
        f"--paintings={material / 'paintings'}",
        f"--weights={material / 'weights.safetensors'}",
        f"--out={material / out}",
        f"--size={SIZE}",
        "--held-out=2",
        *more,
    ]


def run(material: Path, out: str, *more: str) -> dict:
    evaluate.evaluate(evaluate.parse(arguments(material, out, *more)))
    return json.loads((material / out / "style.json").read_text())


@pytest.fixture(scope="module")
def results(material: Path) -> dict:
    return run(
        material,
        "first",
        "--baseline-photos=1",
        f"--baseline={material / 'curves.json'}",
        f"--readme={material / 'README.md'}",
    )


def test_the_losses_are_those_of_what_users_get(
    material: Path, results: dict, loss_network: LossNetwork
) -> None:
    stylizer = Stylizer(material / "weights.safetensors")
    assert results["photos"] == ["0.png", "2.png"]
    assert list(results["styles"]) == ["waves", "squares"]
    for style, row in results["styles"].items():
        painting = Image.open(material / f"paintings/{style}.png")
        measured = []
        for name in results["photos"]:
            original = Image.open(material / "photos" / name)
            photo = original.resize((SIZE, 27), Image.Resampling.LANCZOS)
            objective = StyleObjective.of(
                photo, painting, loss_network, StyleSettings(style_size=64)
            )
            measured.append(objective.of_picture(stylizer(photo, style=style)))
            assert row["photos"][name] == pytest.approx(measured[-1], rel=1e-3)
        for loss in ("content", "style", "objective"):
            assert row[loss] == pytest.approx(sum(each[loss] for each in measured) / 2, rel=1e-3)
        assert row["objective"] == pytest.approx(row["content"] + 5 * row["style"])
    objectives = [row["objective"] for row in results["styles"].values()]
    assert results["mean"]["objective"] == pytest.approx(sum(objectives) / 2)


def test_the_baseline_is_in_its_file_and_in_the_results(material: Path, results: dict) -> None:
    rows = list(json.loads((material / "curves.json").read_text())["curves"].values())
    assert [row["style"] for row in rows] == ["waves", "squares"]
    for row in rows:
        curve, shown = row["objective"], results["styles"][row["style"]]
        assert len(curve) == 51
        assert curve[50] < 0.8 * curve[0]
        assert row["photo"] == results["photos"][0]
        assert shown["baseline"] == {str(count): curve[count] for count in (5, 10, 20, 50)}
        of_network = shown["photos"][row["photo"]]["objective"]
        worth = baseline.worth_iterations(of_network, curve)
        assert shown["worth"]["iterations"] == worth.iterations
    worths = [row["worth"]["iterations"] for row in results["styles"].values()]
    assert results["mean"]["worth"]["iterations"] == pytest.approx(sum(worths) / 2)


def test_the_table_is_in_its_file_and_in_the_readme(material: Path, results: dict) -> None:
    table = (material / "first/style.md").read_text()
    lines = table.splitlines()
    assert lines[0] == (
        "| style | content | style | objective | L-BFGS 5 | L-BFGS 10 | L-BFGS 20 | L-BFGS 50 "
        "| worth iterations |"
    )
    row = results["styles"]["waves"]
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells[:5] == [
        "The Waves",
        *(f"{row[loss]:.2f}" for loss in ("content", "style", "objective")),
        f"{row['baseline']['5']:.2f}",
    ]
    assert lines[3].startswith("| squares |")
    assert lines[4].startswith("| **mean** |")
    readme = (material / "README.md").read_text()
    assert readme == README.replace("old", table.strip())


def test_the_sheet_shows_every_painting_and_photo(material: Path, results: dict) -> None:
    sheet = Image.open(material / "first/style_sheet.jpg")
    assert sheet.size == (3 * 320, 3 * 320)  # the painting and two photos; a row of photos on top
    cells = [
        sheet.crop((x * 320, y * 320, x * 320 + 320, y * 320 + 320))
        for y in range(3)
        for x in range(3)
    ]
    plain = [bool(np.asarray(cell).min() >= 250) for cell in cells]
    assert plain == [True] + [False] * 8


def test_curves_are_computed_once(material: Path, results: dict) -> None:
    path = material / "curves.json"
    before = path.read_bytes()
    again = run(material, "again", "--baseline-photos=1", f"--baseline={path}")
    assert path.read_bytes() == before
    assert again == results


def test_a_stopped_baseline_goes_on(material: Path, results: dict) -> None:
    whole = json.loads((material / "curves.json").read_text())["curves"]
    (kept, first), (lost, second) = whole.items()
    path = material / "stopped.json"
    path.write_text(json.dumps({"curves": {kept: {**first, "seconds": -1}}}))
    run(material, "stopped", "--baseline-photos=1", f"--baseline={path}")
    after = json.loads(path.read_text())["curves"]
    assert after[kept]["seconds"] == -1  # not computed again
    assert after[lost]["objective"] == pytest.approx(second["objective"], rel=0.05)


def test_without_a_baseline(material: Path) -> None:
    some = run(material, "some", "--baseline-photos=0", "--only", "waves")
    results = run(material, "bare", "--baseline-photos=0")
    assert list(some["styles"]) == ["waves"]
    assert some["styles"]["waves"] == results["styles"]["waves"]
    assert results["mean"]["worth"] is None
    assert not (material / "bare/baseline.json").exists()
    assert (material / "bare/style.md").read_text().count("| – | – | – | – | – |") == 3


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--paintings=nowhere"], "no folder nowhere"),
        (["--held-out=0"], "--held-out is 0"),
        (["--held-out=3"], "2 photos held out, not 3"),
        (["--baseline-photos=3"], "0 to the 2 held out"),
        (["--size=8"], "16 at least"),
        (["--readme=missing.md"], "Cannot read missing.md"),
        (["--weights=cubism"], "no weights 'cubism'"),
        (["--only", "cubism"], "cubism"),
    ],
)
def test_what_cannot_be_evaluated(
    material: Path, more: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["evaluate.py", *arguments(material, "refused", *more)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit, match=said):
        evaluate.main()
    assert not (material / "refused").exists()


def test_a_painting_that_is_missing(material: Path, tmp_path: Path) -> None:
    Image.open(material / "paintings/waves.png").save(tmp_path / "waves.png")
    with pytest.raises(TrainingError, match="no painting squares"):
        run(material, "refused", f"--paintings={tmp_path}")


def test_the_command_says_what_is_wrong_in_one_line(material: Path) -> None:
    script = [sys.executable, str(SCRIPT)]
    command = [*script, *arguments(material, "refused", "--photos=nowhere")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: There is no folder nowhere to read photos from.\n"


def make_benchmark(folder: Path) -> Path:
    """Two sets of one picture; sides are not multiples of the scales."""
    for name, seed in (("SetA", 0), ("SetB", 1)):
        (folder / name / "HR").mkdir(parents=True)
        noise = np.random.default_rng(seed).integers(0, 256, (13, 14, 3), np.uint8)
        picture = Image.fromarray(noise).resize((66, 61), Image.Resampling.BICUBIC)
        picture.save(folder / name / "HR" / "one.png")
    return folder


def test_pictures_are_made_small_as_the_benchmarks_are() -> None:
    step = Image.new("RGB", (32, 8))
    step.paste((255, 255, 255), (16, 0, 32, 8))
    small = sr_evaluation.made_small(step, 8)
    assert small.size == (4, 1)
    row = [small.getpixel((x, 0))[0] for x in range(4)]
    # The running sums of Keys's kernel; what passes black and white is cut off.
    assert row[0] == 0 and row[3] == 255
    assert row[1] + row[2] in (254, 255, 256)


def test_the_sr_table_gives_means() -> None:
    rows = {
        "a": sr_evaluation.Measured([30.0, 31.0], [0.8, 0.9], [0.1, 0.3], [0.05, 0.07]),
        "b": sr_evaluation.Measured([28.0], [0.7], [0.5], [0.1]),
    }
    table = sr_evaluation.to_table({(4, "SetA"): rows, (4, "SetB"): rows})
    assert "| ×4 | SetA | SetB | features | GMSD |" in table
    assert "| a | 30.50 / 0.8500 | 30.50 / 0.8500 | 0.2000 | 0.0600 |" in table
    numbers = sr_evaluation.to_json({(4, "SetA"): rows})
    assert numbers["x4"]["SetA"]["b"] == {"psnr": 28.0, "ssim": 0.7, "features": 0.5, "gmsd": 0.1}


def test_one_small_run_of_sr(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(README.replace("style", "sr"))
    weights = tmp_path / "tiny.safetensors"
    torch.manual_seed(0)
    settings = architecture_settings("srcnn", channels=(4, 4), kernels=(3, 1, 3))
    network = ARCHITECTURES["srcnn"].network(**settings)
    settings = {key: list(v) if isinstance(v, tuple) else v for key, v in settings.items()}
    save_checkpoint(
        Checkpoint("super-resolution", "srcnn", settings, network_tensors(network)), weights
    )
    arguments = [
        "sr", "--benchmarks", str(make_benchmark(tmp_path)), "--sets", "SetA", "SetB",
        "--network", f"tiny={weights}", "--strip", "SetB/one=0,0", "--out", str(tmp_path / "out"),
        "--readme", str(readme),
    ]  # fmt: skip
    with pytest.raises(TrainingError, match="66×61 pixels; 96 from 0,0 pass"):
        evaluate.evaluate(evaluate.parse(arguments))
    Image.new("RGB", (120, 104), "teal").save(tmp_path / "SetB" / "HR" / "one.png")
    evaluate.evaluate(evaluate.parse(arguments))
    numbers = json.loads((tmp_path / "out" / "sr.json").read_text())
    shipped = [f"fastnst, {each}" for each in ("fidelity", "half-way", "detail")]
    assert list(numbers["x4"]["SetA"]) == ["bicubic", "tiny", *shipped]
    assert list(numbers["x8"]["SetB"]) == ["bicubic", *shipped]
    assert numbers["x4"]["SetA"]["bicubic"]["psnr"] > 20 > numbers["x4"]["SetA"]["tiny"]["psnr"]
    assert numbers["x4"]["SetB"]["bicubic"]["gmsd"] == 0  # one colour stays what it was
    assert "| bicubic |" in readme.read_text() and "old" not in readme.read_text()
    with Image.open(tmp_path / "out" / "sr_strip.png") as strip:
        assert strip.size == (6 * 192, 192 + 22)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--network", "tiny.safetensors", "it is NAME=FILE"),
        ("--strip", "SetC/one=0,0", "no picture SetC/one"),
        ("--strip", "SetA/one=here", "is not SET/NAME=X,Y"),
        ("--sets", "SetC", "no folder"),
    ],
)
def test_what_the_sr_evaluation_refuses(
    tmp_path: Path, option: str, value: str, message: str
) -> None:
    given = {"--sets": "SetA", "--strip": "SetA/one=0,0", option: value}
    Image.new("RGB", (96, 96)).save(make_benchmark(tmp_path) / "SetA" / "HR" / "one.png")
    arguments = ["sr", "--benchmarks", str(tmp_path), "--out", str(tmp_path)]
    for name, text in given.items():
        arguments += [name, text]
    with pytest.raises(TrainingError, match=message):
        evaluate.evaluate(evaluate.parse(arguments))
