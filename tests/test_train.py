"""A new style from one painting: the function and the command."""

import json
import math
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import make_picture
from PIL import Image

from fastnst import Stylizer
from fastnst.catalog import load
from fastnst.checkpoint import Style
from fastnst.checkpoint_file import load_checkpoint
from fastnst.content import HERE, built_in_photos
from fastnst.depths import DEPTHS
from fastnst.descent import OptimizeSettings
from fastnst.errors import FastnstError, SettingError, TrainingError
from fastnst.fit import LOG, WEIGHTS, fit
from fastnst.grams import style_grams
from fastnst.losses import gram_matrices, style_loss
from fastnst.nearness import nearness
from fastnst.networks import build_network
from fastnst.paintings import check_painting, flatten, painting_grams
from fastnst.photos import list_photos
from fastnst.rates import RATE_FACTORS, lowest_good, with_best_rate
from fastnst.refine import refine
from fastnst.settings import StyleSettings
from fastnst.style_training import StyleTask
from fastnst.tensors import to_tensor
from fastnst.train import saved_settings, train

pytestmark = pytest.mark.usefixtures("one_thread")
COMMAND = [sys.executable, "-m", "fastnst.cli", "train"]
TINY = {
    "crop": 64, "batch": 1, "style_size": 96, "precision": "fp32", "warmup": 1,
}  # fmt: skip
PAINTING = make_picture(160, 120, 7)
PHOTO = make_picture(96, 80, 3)


def run(folder, painting=PAINTING, name="mine", **options):
    """A whole training, tiny."""
    settings = {**TINY, "steps": 8, "check_steps": 4, **options}
    return list(train(painting, Style(name), folder, **settings))


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quick")
    return folder, run(folder, steps=40, preview=PHOTO)


def test_quick_makes_an_adapter_of_the_base(quick):
    folder, _ = quick
    made = load_checkpoint(folder / WEIGHTS)
    assert made.base is not None and made.base.name == "paintings"
    assert made.trunk == load("paintings").trunk
    assert [style.name for style in made.styles] == ["mine"]
    assert (folder / WEIGHTS).stat().st_size < 500_000
    stylizer = Stylizer(folder / WEIGHTS)
    assert np.asarray(stylizer(PHOTO)).std() > 5


def test_quick_learns_scales_shifts_and_matrices_and_nothing_else(quick):
    folder, _ = quick
    made, base = load_checkpoint(folder / WEIGHTS), load("paintings")
    convolutions = [key for key, array in base.tensors.items() if array.ndim == 4]
    matrices = [key.replace(".conv.weight", ".mixing.matrices") for key in convolutions]
    assert sorted(made.tensors) == sorted(["styles", *matrices])
    for key in matrices:
        assert 0 < np.abs(made.tensors[key]).max() < 1
    assert not (made.tensors["styles"] == base.tensors["styles"]).all(1).any()


def test_a_new_style_knows_its_painting(quick, loss_network):
    made = load_checkpoint(quick[0] / WEIGHTS)
    layers = ["relu1_2", "relu2_2", "relu3_3", "relu4_3"]
    wanted = painting_grams(PAINTING, loss_network, layers, TINY["style_size"])
    assert float(style_loss(style_grams(made, "mine"), wanted)) < 0.05
    steps = list(
        refine(
            Stylizer(made),
            PHOTO,
            seconds=3600,
            loss_network=loss_network,
            settings=OptimizeSettings(3, "safe"),
        )
    )
    assert steps[-1].objective < steps[0].objective


def test_a_network_of_many_styles_may_mix_too(tmp_path, photo_folder, loss_network):
    paintings = [(Style("first"), PAINTING), (Style("second"), make_picture(120, 160, 8))]
    settings = StyleSettings(**TINY | {"mixing": 1, "steps": 3, "batch": 2, "held_out": 0})
    task = StyleTask(settings, list_photos(photo_folder), paintings, loss_network)
    for _ in fit(task, settings, tmp_path):
        pass
    made = load_checkpoint(tmp_path / WEIGHTS)
    matrices = made.tensors["to_eighth.mixing.matrices"]
    assert matrices.shape == (2, 96, 96) and np.abs(matrices).max(axis=(1, 2)).min() > 0
    stylizer = Stylizer(made)
    pictures = [np.asarray(stylizer(PHOTO, name)) for name in ("first", "second")]
    assert not np.array_equal(*pictures)


def test_everything_is_in_one_group_and_all_matrices_are_muons(photo_folder, loss_network):
    settings = StyleSettings(**TINY | {"mixing": 1, "held_out": 0})
    task = StyleTask(settings, list_photos(photo_folder), [(Style("a"), PAINTING)], loss_network)
    groups = task.parameter_groups()
    grouped = [value for group in groups for value in group["params"]]
    assert {id(value) for value in grouped} == {id(value) for value in task.network.parameters()}
    assert len(grouped) == len({id(value) for value in grouped})
    orthogonal = {id(v) for group in groups if group.get("orthogonal") for v in group["params"]}
    assert {id(value) for value in task.network.matrices()} < orthogonal


def test_the_built_in_photos_are_as_they_say():
    trained_on, held_out = built_in_photos()
    own = sorted(HERE.glob("*.webp"))
    assert {*own} < {*trained_on, *held_out} and not {*trained_on} & {*held_out}
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    for path in own:
        with Image.open(path) as photo:
            assert photo.mode == "RGB" and 256 <= min(photo.size) <= 400
        assert f"| `{path.name}` |" in readme


def test_quick_comes_nearer_to_the_painting(quick):
    _, states = quick
    checked = [state.held_out for state in states if state.held_out is not None]
    assert min(checked) < checked[0]


def test_it_says_what_it_does_and_shows_the_photo(quick):
    _, states = quick
    assert [state.about for state in states][:2] == [
        "Comparing with the styles that are known",
        "Trying how fast to learn",
    ]
    assert states[-1].progress.step == states[-1].progress.steps == 40
    first = next(state.preview for state in states if state.preview)
    assert first.size == PHOTO.size
    assert not np.array_equal(np.asarray(first), np.asarray(states[-1].preview))


def test_stopping_keeps_what_was_learnt(tmp_path):
    with closing(train(PAINTING, Style("mine"), tmp_path, steps=500, **TINY)) as steps:
        for state in steps:
            if state.progress and state.progress.step == 3:
                break
    assert load_checkpoint(tmp_path / WEIGHTS).training["step"] == 3
    assert (tmp_path / LOG).read_text().count('"losses"') == 3


def test_a_budget_is_kept(tmp_path):
    states = list(train(PAINTING, Style("mine"), tmp_path, minutes=0.25, **TINY))
    assert states[-1].progress.step < 10**4
    assert states[-1].progress.elapsed < 30


def test_trying_rates_is_part_of_the_budget(tmp_path, monkeypatch):
    def slowly(task):
        time.sleep(1.5)
        return task.settings

    monkeypatch.setattr("fastnst.train.with_best_rate", slowly)
    list(train(PAINTING, Style("mine"), tmp_path, minutes=0.1, **TINY))
    assert saved_settings(tmp_path).minutes <= 0.1 - 1.5 / 60


@pytest.mark.parametrize("depth", ["full", "scratch"])
def test_deeper_trainings_make_whole_networks(depth, tmp_path, photo_folder):
    run(tmp_path, depth=depth, photos=photo_folder, steps=2)
    made = load_checkpoint(tmp_path / WEIGHTS)
    assert made.base is None and [style.name for style in made.styles] == ["mine"]
    assert made.training["held_out"] == 1  # of six photos, not the loss
    assert made.training["held_out_loss"] > 0
    Stylizer(made)(PHOTO)
    base = load("paintings")
    same = np.array_equal(
        made.tensors["blocks.0.first.conv.weight"], base.tensors["blocks.0.first.conv.weight"]
    )
    assert not same  # it learns
    near = (
        np.abs(
            made.tensors["blocks.0.first.conv.weight"] - base.tensors["blocks.0.first.conv.weight"]
        ).mean()
        < 0.02
    )
    assert near == (depth == "full")  # and starts from the base, or from nothing


def test_a_network_from_nothing_needs_photos(tmp_path):
    with pytest.raises(TrainingError, match="The depth scratch needs a folder of photos"):
        run(tmp_path, depth="scratch")
    assert list(tmp_path.iterdir()) == []


def test_a_taken_name_is_refused(tmp_path):
    taken = load("paintings").styles[0].name
    with pytest.raises(TrainingError, match=f"The name {taken} is taken"):
        run(tmp_path, name=taken)


def test_bad_settings_are_refused(tmp_path):
    with pytest.raises(SettingError, match="The depth is 'deep'; allowed are quick, full, scratch"):
        run(tmp_path, depth="deep")
    for minutes in (0.0, -1.0, float("nan")):
        with pytest.raises(SettingError, match="allowed is a number over 0"):
            list(train(PAINTING, Style("mine"), tmp_path, minutes=minutes))
    with pytest.raises(FastnstError, match="super-resolution, not for style"):
        run(tmp_path, base="upscale_x4_fidelity")


def test_paintings_without_a_style_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    nearly_blank = np.full((120, 160, 3), 200, np.uint8) + rng.integers(
        0, 3, (120, 160, 3), np.uint8
    )
    for blank in (
        Image.new("RGB", (160, 120), "white"),
        Image.new("L", (160, 120), 7),
        Image.new("RGBA", (160, 120), (9, 200, 9, 0)),
        Image.fromarray(nearly_blank),
    ):
        with pytest.raises(TrainingError, match="of one colour"):
            run(tmp_path, painting=blank)
    with pytest.raises(TrainingError, match="40×60 pixels; it needs 64"):
        run(tmp_path, painting=make_picture(40, 60))
    assert list(tmp_path.iterdir()) == []


def test_any_painting_is_flattened():
    clear = make_picture(90, 80).convert("RGBA")
    clear.putalpha(0)
    assert flatten(clear).getcolors() == [(90 * 80, (255, 255, 255))]
    assert flatten(make_picture(90, 80).convert("L")).mode == "RGB"
    assert flatten(make_picture(5000, 100)).size == (2048, 41)
    check_painting("grey", flatten(make_picture(90, 80).convert("LA")))


@pytest.fixture
def task(loss_network):
    trained_on, held_out = built_in_photos()
    settings = StyleSettings(**TINY | {"learn": "styles", "steps": 100})
    return StyleTask(
        settings, trained_on, [(Style("mine"), PAINTING)], loss_network,
        held_out=held_out, start=load("paintings"), start_name="paintings",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("losses", "factor"),
    [
        ({0.4: 6.0, 1.0: 4.3, 2.5: 4.1}, 1.0),  # a tie: a few steps flatter the higher
        ({0.4: 9.4, 1.0: 7.3, 2.5: 6.1}, 1.0),  # which twelve steps no longer do
        ({0.4: 9.0, 1.0: 8.0, 2.5: 5.7}, 2.5),
        ({0.4: 4.0, 1.0: 5.0, 2.5: math.inf}, 0.4),
        ({0.4: math.inf, 1.0: math.inf, 2.5: math.inf}, 0.4),
    ],
)
def test_a_higher_rate_has_to_be_clearly_better(losses, factor):
    assert lowest_good(losses) == factor


def test_a_rate_is_chosen_and_nothing_else_changed(task):
    before = {key: value.clone() for key, value in task.network.state_dict().items()}
    rate = task.settings.style_rate
    settings = with_best_rate(task)
    assert settings.style_rate / rate in RATE_FACTORS
    assert settings == replace(
        task.settings,
        **{name: getattr(settings, name) for name in ("rate", "adam_rate", "style_rate")},
    )
    for key, value in task.network.state_dict().items():
        assert torch.equal(value, before[key])


def test_the_held_out_loss_is_always_of_the_same_photos(task):
    assert task.held_out_loss() == task.held_out_loss()
    before = task.held_out_loss()
    with torch.no_grad():
        task.network.styles.copy_(task.network.photo[None])  # no style at all
    assert task.held_out_loss() > before


def test_what_painted_it_counts_most(loss_network):
    network = build_network(load("paintings"))
    photos = torch.cat([to_tensor(make_picture(128, 128, seed)) for seed in (1, 2)])
    layers = ("relu1_2", "relu2_2", "relu3_3")
    rows = [3, 0, 7]
    with torch.no_grad():
        grams = []
        for row in rows:
            made = network(photos, network.vectors()[row].expand(2, -1))
            other = make_picture(128, 128, row)  # else the loss would be 0
            features = [loss_network(each, layers) for each in (made, to_tensor(other))]
            near, far = (gram_matrices(each) for each in features)
            grams.append({layer: 0.9 * near[layer].mean(0) + 0.1 * far[layer][0] for layer in near})
    targets = {layer: torch.stack([gram[layer] for gram in grams]) for layer in layers}
    shares = nearness(network, targets, loss_network, photos)
    torch.testing.assert_close(shares.sum(1), torch.ones(3))
    assert shares.min() > 0 and shares.argmax(1).tolist() == rows
    # In inverse proportion to the losses, which are those of the mean Gram matrices.
    losses = []
    with torch.no_grad():
        for row in (3, 5):
            made = network(photos, network.vectors()[row].expand(2, -1))
            mean = {
                layer: gram.mean(0, True)
                for layer, gram in gram_matrices(loss_network(made, layers)).items()
            }
            losses.append(style_loss(mean, targets)[0])
    assert float(shares[0, 3] / shares[0, 5]) == pytest.approx(
        float(losses[1] / losses[0]), rel=1e-3
    )


@pytest.mark.parametrize("learn", ["styles", "all"])
def test_a_new_style_starts_from_all_and_a_known_one_from_itself(learn, loss_network, photo_folder):
    base = load("paintings")
    paintings = [(Style("new"), PAINTING), (Style("udnie"), make_picture(120, 160, 8))]
    settings = StyleSettings(**TINY | {"learn": learn, "steps": 100, "held_out": 0})
    task = StyleTask(
        settings, list_photos(photo_folder), paintings, loss_network, start=base,
        start_name="paintings",
    )  # fmt: skip
    row = [style.name for style in base.styles].index("udnie")
    own = task.network.state_dict()
    for key in ("styles", "blocks.0.first.mixing.matrices"):
        table = torch.tensor(base.tensors[key])
        assert torch.equal(own[key][1], table[row])
        assert (own[key][0] >= table.amin(0) - 1e-6).all() and (
            own[key][0] <= table.amax(0) + 1e-6
        ).all()
        assert not (own[key][0] == table).flatten(1).all(1).any()


def command(*options, **process):
    return subprocess.Popen(
        [*COMMAND, *map(str, options)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **process,
    )  # fmt: skip


@pytest.fixture
def painting(tmp_path):
    path = tmp_path / "painting.png"
    PAINTING.save(path)
    return path


@pytest.mark.slow
def test_the_command_trains_and_is_stopped(painting, tmp_path):
    out, folder, photo = tmp_path / "mine.safetensors", tmp_path / "run", tmp_path / "photo.jpg"
    PHOTO.save(photo)
    process = command(
        painting, "--name", "mine", "--title", "My Painting", "--minutes", 30, "-o", out,
        "--run", folder, "--preview", photo, "--strokes", 128, "--json",
    )  # fmt: skip
    rows = []
    for line in process.stdout:
        rows.append(json.loads(line))
        if "step" in rows[-1] and "saved" not in rows[-1]:
            process.send_signal(signal.SIGTERM)
    assert process.wait() == 0, process.stderr.read()
    assert next(row["about"] for row in rows if "phase" in row).startswith("Comparing")
    step = next(row for row in rows if "losses" in row)
    assert step["steps"] > 20 and step["left"] > 60 and set(step["losses"]) >= {"content", "style"}
    assert step["preview"] == str(folder / "preview.jpg")
    assert Image.open(step["preview"]).size == PHOTO.size
    assert rows[-1]["saved"] == str(out) and rows[-1]["reason"] == "stopped"
    assert load_checkpoint(out).styles == (Style("mine", "My Painting"),)


def test_the_command_refuses_in_one_sentence(painting, tmp_path):
    there = tmp_path / "there.safetensors"
    there.write_bytes(b"precious")
    for options, sentence in (
        (["--name", "a b"], "The name is 'a b'; allowed are letters, digits and underscores."),
        (["--name", "mine", "-o", there], "There is a file"),
        (["--name", "mine", "-o", tmp_path / "mine.pt"], "does not end in .safetensors"),
        (["--name", "mine", "--depth", "deep", "-o", tmp_path / "m.safetensors"], "The depth is"),
    ):
        process = command(painting, *options)
        _, said = process.communicate()
        assert process.returncode == 2 and sentence in said and "Traceback" not in said
    assert there.read_bytes() == b"precious"


def test_the_settings_of_every_depth_are_settings():
    assert set(DEPTHS) == {"quick", "full", "scratch"}
    for depth in DEPTHS.values():
        learn = StyleSettings(**depth.settings).learn
        assert depth.adapter == (learn == "styles")
        least, most = depth.page_minutes
        assert least <= depth.minutes <= most
