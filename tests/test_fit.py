"""The training loop, driven for real on a few small pictures."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_picture

from fastnst.checkpoint import Style
from fastnst.checkpoint_file import load_checkpoint
from fastnst.errors import TrainingError
from fastnst.fit import LOG, RESULTS, SETTINGS, STATE, WEIGHTS, choose_precision, fit, schedule
from fastnst.fit.state import LOCK
from fastnst.networks import build_network
from fastnst.paintings import check_painting, painting_factors
from fastnst.photos import list_photos
from fastnst.settings import FitSettings, StyleSettings
from fastnst.style_samples import strength_weight
from fastnst.style_training import StyleTask
from fastnst.stylizer import Stylizer

ROOT = Path(__file__).resolve().parent.parent
SMALL = {
    "steps": 2, "batch": 2, "crop": 32, "warmup": 1, "style_size": 64, "precision": "fp32",
    "held_out": 0, "preview_steps": 0, "save_minutes": 0.0,
}  # fmt: skip


def make_task(folder, loss_network, settings, **options):
    paintings = [
        (Style("first"), make_picture(80, 90, 20)),
        (Style("second"), make_picture(90, 80, 21)),
    ]
    return StyleTask(settings, list_photos(folder), paintings, loss_network, **options)


def test_schedule_rises_then_falls_to_nothing():
    settings = FitSettings(warmup=10)
    assert schedule(0, 0.0, settings) == pytest.approx(0.1)
    assert schedule(9, 0.0, settings) == pytest.approx(1.0)
    assert schedule(9, 0.5, settings) == schedule(900, 0.5, settings) == pytest.approx(0.5)
    assert schedule(110, 1.0, settings) == pytest.approx(0.0)
    # Few steps in all: no longer a rise than a quarter of them.
    assert schedule(2, 0.25, settings) == schedule(9, 0.25, settings) == 0.75


def test_strength_weight():
    strengths = torch.tensor([0.0, 0.5, 1.0, 1.25, 1.5])
    torch.testing.assert_close(strength_weight(strengths), torch.tensor([0.0, 0.25, 1.0, 2.0, 4.0]))


def test_painting_factors():
    names = ["first", "second", "third"]
    torch.testing.assert_close(painting_factors("", names), torch.ones(3))
    torch.testing.assert_close(
        painting_factors("third=0.5,first=2", names), torch.tensor([2.0, 1.0, 0.5])
    )
    with pytest.raises(TrainingError, match="names 'fourth'; the paintings are first, second"):
        painting_factors("fourth=1", names)
    for bad in ("first", "first=", "first=-1", "first=nan", "first=inf", "first=much"):
        with pytest.raises(TrainingError, match="The factor of first is"):
            painting_factors(bad, names)


@pytest.mark.parametrize("architecture", ["fast", "paper"])
def test_two_steps_make_a_usable_checkpoint(photo_folder, tmp_path, loss_network, architecture):
    settings = StyleSettings(**SMALL | {"architecture": architecture, "preview_steps": 2})
    previews = [make_picture(48, 48, 5)]
    task = make_task(photo_folder, loss_network, settings, previews=previews)
    seen = list(fit(task, settings, tmp_path / "run"))
    assert [progress.step for progress in seen] == [1, 2]
    assert all(math.isfinite(value) for value in seen[-1].losses.values())
    assert seen[0].preview is None
    assert seen[1].preview.size == (3 * 48, 48)
    written = {path.name for path in (tmp_path / "run").iterdir()}
    assert written == {WEIGHTS, STATE, SETTINGS, RESULTS, LOG, LOCK}
    assert json.loads((tmp_path / "run" / SETTINGS).read_text())["architecture"] == architecture
    assert json.loads((tmp_path / "run" / RESULTS).read_text())["step"] == 2
    stylizer = Stylizer(tmp_path / "run" / WEIGHTS)
    assert stylizer.styles == ["first", "second"]
    assert stylizer(make_picture(50, 40), "second").size == (50, 40)


def test_training_lowers_the_loss(photo_folder, tmp_path, loss_network):
    settings = StyleSettings(**SMALL | {"steps": 25, "varied_strengths": 0.0, "save_minutes": 9.0})
    totals = [
        progress.losses["total"]
        for progress in fit(make_task(photo_folder, loss_network, settings), settings, tmp_path)
    ]
    assert totals[-1] < 0.9 * totals[0]


def test_stopping_early_keeps_what_was_learnt(photo_folder, tmp_path, loss_network):
    settings = StyleSettings(**SMALL | {"steps": 50, "save_minutes": 9.0})
    training = fit(make_task(photo_folder, loss_network, settings), settings, tmp_path)
    next(training), next(training)
    training.close()
    assert load_checkpoint(tmp_path / WEIGHTS).training["step"] == 2


def test_not_a_number_stops_and_keeps_the_last_good_weights(photo_folder, tmp_path, loss_network):
    settings = StyleSettings(**SMALL | {"steps": 20, "rate": 1e36, "warmup": 5})
    training = fit(make_task(photo_folder, loss_network, settings), settings, tmp_path)
    with pytest.raises(TrainingError, match=r"became (nan|inf) at step .* the last good weights"):
        list(training)
    kept = load_checkpoint(tmp_path / WEIGHTS)  # which refuses what is not finite
    with torch.no_grad():
        made = build_network(kept)(
            torch.rand(1, 3, 32, 32), torch.tensor(kept.tensors["photo"])[None]
        )
    assert made.isfinite().all()


def test_starting_from_weights_keeps_known_styles(photo_folder, tmp_path, loss_network):
    settings = StyleSettings(**SMALL)
    list(fit(make_task(photo_folder, loss_network, settings), settings, tmp_path))
    start = load_checkpoint(tmp_path / WEIGHTS)
    paintings = [
        (Style("new"), make_picture(80, 80, 3)),
        (Style("first"), make_picture(80, 90, 20)),
    ]
    task = StyleTask(settings, list_photos(photo_folder), paintings, loss_network, start=start)
    styles = task.network.styles.detach().numpy()
    np.testing.assert_array_equal(styles[1], start.tensors["styles"][0])
    known = start.tensors["styles"]
    assert (styles[0] >= known.min(0) - 1e-6).all() and (styles[0] <= known.max(0) + 1e-6).all()
    assert not any(np.array_equal(styles[0], row) for row in known)  # a mixture of them
    other = StyleSettings(**SMALL | {"architecture": "paper"})
    with pytest.raises(TrainingError, match="Cannot start from a fast network"):
        make_task(photo_folder, loss_network, other, start=start)


def test_samples_repeat_and_cover_every_style(photo_folder, loss_network):
    settings = StyleSettings(**SMALL | {"steps": 50})
    samples = make_task(photo_folder, loss_network, settings).samples
    again = make_task(photo_folder, loss_network, settings).samples
    for key, value in samples[7].items():
        assert torch.equal(value, again[7][key]), key
    rows = [samples[i] for i in range(60)]
    assert sum(int(row["style"]) for row in rows) == 30
    strengths = torch.stack([row["strength"] for row in rows])
    assert 0.5 < (strengths == 1).float().mean() < 0.9
    assert strengths.min() >= 0 and strengths.max() <= 1.5


def test_automatic_precision_is_one_of_the_two():
    assert choose_precision("auto") in ("bf16", "no")
    assert choose_precision("bf16") == "bf16"


def test_problems_are_told_before_the_first_step(photo_folder, tmp_path, loss_network):
    settings = StyleSettings(**SMALL)
    task = make_task(photo_folder, loss_network, settings)
    with pytest.raises(TrainingError, match="There is no training to resume"):
        next(fit(task, settings, tmp_path / "none", resume=True))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="Cannot write in"):
        next(fit(task, settings, tmp_path / "file"))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / STATE).write_bytes(b"nonsense")
    with pytest.raises(TrainingError, match="does not fit this training"):
        next(fit(task, settings, tmp_path / "bad", resume=True))
    with pytest.raises(TrainingError, match="of one colour"):
        check_painting("blank", make_picture(80, 80).point(lambda _: 7))
    with pytest.raises(TrainingError, match="40×90 pixels; it needs 64"):
        check_painting("tiny", make_picture(40, 90))


def test_a_full_disk_is_told_before_the_first_step(photo_folder, tmp_path, loss_network):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small disk here")
    settings = StyleSettings(**SMALL)
    try:
        with pytest.raises(TrainingError, match=r"No space in .*: 1 MB are free"):
            next(fit(make_task(photo_folder, loss_network, settings), settings, disk))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def command(folder: Path, out: Path, *options: str) -> list[str]:
    return [
        sys.executable, str(ROOT / "training" / "train_style.py"), "--photos", str(folder),
        "--paintings", str(out.parent / "painting.png"), "--out", str(out), "--steps", "12",
        "--batch", "2", "--crop", "32", "--warmup", "2", "--style-size", "64",
        "--precision", "fp32", "--held-out", "1", "--preview-steps", "5", *options,
    ]  # fmt: skip


def test_killed_training_resumes_the_same_run(photo_folder, tmp_path):
    """Kill -9 in the middle, resume: the same weights as a run that nobody disturbed."""
    make_picture(90, 90, 30).save(tmp_path / "painting.png")
    whole = command(photo_folder, tmp_path / "whole", "--save-minutes", "9", "--tracker", "trackio")
    done = subprocess.run(whole, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "1 photos are smaller than the crop of 32 px: enlarged." in done.stdout
    assert list((tmp_path / "whole" / "trackio").glob("*.db"))
    assert (tmp_path / "whole" / "previews" / "000010.jpg").is_file()

    broken = command(photo_folder, tmp_path / "broken", "--save-minutes", "0")
    process = subprocess.Popen(broken, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 100
    log = tmp_path / "broken" / LOG
    while time.monotonic() < deadline and (not log.is_file() or log.read_text().count("\n") < 4):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    stopped = load_checkpoint(tmp_path / "broken" / WEIGHTS).training["step"]
    assert 0 < stopped < 12

    done = subprocess.run([*broken, "--resume"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    first = load_checkpoint(tmp_path / "whole" / WEIGHTS)
    second = load_checkpoint(tmp_path / "broken" / WEIGHTS)
    assert second.training["step"] == 12
    for key, array in first.tensors.items():
        np.testing.assert_allclose(second.tensors[key], array, atol=2e-4, err_msg=key)
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == list(range(1, 13))


def test_script_errors_are_one_sentence(photo_folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "painting.png").write_bytes(b"no painting")
    cases = {
        "No photos found": command(tmp_path / "empty", tmp_path / "run"),
        "Cannot train on": command(photo_folder, tmp_path / "run"),
        "There is no painting nobody": command(photo_folder, tmp_path / "run", "--only", "nobody"),
    }
    for sentence, arguments in cases.items():
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert sentence in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
