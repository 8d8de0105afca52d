"""What a training survives: kills, stops, numbers that are none, a full disk, a rival."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from toy_task import ToyTask, distance

from fastnst.checkpoint_file import load_checkpoint
from fastnst.errors import FastnstError, TrainingError
from fastnst.fit import LOG, RESULTS, SETTINGS, STATE, WEIGHTS, fit
from fastnst.fit.schedule import Pace
from fastnst.settings import FitSettings

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).resolve().parent.parent
QUICK = FitSettings(
    steps=60, batch=2, rate=0.16, warmup=4, precision="fp32", preview_steps=0, save_minutes=0.0
)


def rows(folder, key):
    lines = (folder / LOG).read_text().splitlines()
    return [row for row in map(json.loads, lines) if key in row]


def weights(folder):
    return load_checkpoint(folder / WEIGHTS)


def assert_same(first, second):
    assert set(first.tensors) == set(second.tensors)
    for key, array in first.tensors.items():
        np.testing.assert_array_equal(second.tensors[key], array, err_msg=key)


def test_it_finds_the_answer(tmp_path):
    task = ToyTask(QUICK)
    seen = list(fit(task, QUICK, tmp_path))
    assert [each.step for each in seen] == list(range(1, 61))
    assert {each.steps for each in seen} == {60} and seen[-1].remaining == 0
    assert all(each.held_out is None and not each.warning for each in seen)
    assert distance(weights(tmp_path)) < 0.06 and task.held_out_loss() < 2e-3


def test_the_best_weights_by_the_held_out_loss_are_kept(tmp_path):
    """Training goes past what the held-out samples want, which is half the answer."""
    settings = replace(QUICK, check_steps=4)
    task = ToyTask(settings, aim=0.5)
    start = task.held_out_loss()
    seen = list(fit(task, settings, tmp_path / "whole"))
    losses = {each.step: each.held_out for each in seen if each.held_out is not None}
    assert losses.pop(1) == pytest.approx(start)  # of the start
    assert list(losses) == list(range(4, 61, 4))
    best = min(losses, key=losses.__getitem__)
    assert best < 60 and losses[best] < min(start, 0.8 * losses[60])
    kept = weights(tmp_path / "whole")
    assert kept.training["step"] == best
    assert kept.training["held_out_loss"] == pytest.approx(losses[best], rel=1e-4)
    assert json.loads((tmp_path / "whole" / RESULTS).read_text())["step"] == 60

    broken = fit(ToyTask(settings, aim=0.5), settings, tmp_path / "broken")
    for _ in range(best + 2):
        next(broken)
    broken.close()
    assert_same(weights(tmp_path / "broken"), kept)
    list(fit(ToyTask(settings, aim=0.5), settings, tmp_path / "broken", resume=True))
    assert_same(weights(tmp_path / "broken"), kept)


def test_training_ends_when_its_patience_does(tmp_path):
    settings = replace(QUICK, check_steps=4, patience=2)
    seen = list(fit(ToyTask(settings, aim=0.5), settings, tmp_path))
    losses = {each.step: each.held_out for each in seen if each.held_out is not None}
    *_, best, worse, last = losses
    assert last == seen[-1].step < 60
    assert losses[best] == min(losses.values()) < losses[worse]
    assert weights(tmp_path).training["step"] == best
    again = fit(ToyTask(settings, aim=0.5), settings, tmp_path, resume=True)
    assert list(again) == []  # it is out of patience still


def test_stopping_between_checks_keeps_the_newest_if_it_is_better(tmp_path):
    settings = replace(QUICK, check_steps=50)
    training = fit(ToyTask(settings), settings, tmp_path)
    for _ in range(20):
        next(training)
    training.close()
    assert weights(tmp_path).training["step"] == 20


def test_the_share_of_a_budget():
    pace = Pace(0, 30.0)
    assert pace.share(1.0, 0.0) == pytest.approx(0.5, abs=0.01)
    assert pace.share(1.0, 20.0) == pytest.approx(0.75, abs=0.01)
    assert pace.share(0.5, 0.0) == pace.share(0.5, 300.0) == 1.0


def test_a_budget_is_kept_and_resumed(tmp_path):
    settings = replace(QUICK, minutes=0.04, save_minutes=9.0, warmup=100)
    training = fit(ToyTask(settings, delay=0.02), settings, tmp_path)
    for progress in training:
        if progress.elapsed > 1.2:
            break
    training.close()
    assert progress.steps == pytest.approx(2 * progress.step, rel=0.1)
    assert progress.remaining == pytest.approx(1.2, abs=0.1)
    *_, last = fit(ToyTask(settings, delay=0.02), settings, tmp_path, resume=True)
    assert last.steps == last.step > progress.step
    assert last.elapsed == pytest.approx(2.4, abs=0.2)
    assert weights(tmp_path).training["steps"] == last.step


def test_a_task_is_told_how_far_it_is(tmp_path):
    shares = []
    task = ToyTask(QUICK)
    task.grow = shares.append
    first = fit(task, QUICK, tmp_path)
    for _ in range(30):
        next(first)
    first.close()
    list(fit(task, QUICK, tmp_path, resume=True))
    assert shares == sorted(shares) and {*shares} == {step / 60 for step in range(60)}


def test_a_loss_that_is_no_number_is_recovered_from(tmp_path):
    """Beyond a shift of 0.9 the loss is NaN; one step at the full rate is beyond it."""
    settings = replace(QUICK, rate=1.2, warmup=1)
    seen = list(fit(ToyTask(settings, cliff=0.9), settings, tmp_path))
    warnings = [each.warning for each in seen if each.warning]
    assert 1 <= len(warnings) <= 3
    assert warnings[0] == "The loss became nan at step 1: back to step 0, with 0.3 × the rate."
    assert [row["warning"] for row in rows(tmp_path, "warning")] == warnings
    assert json.loads((tmp_path / RESULTS).read_text())["recoveries"] == len(warnings)
    assert [row["step"] for row in rows(tmp_path, "losses")] == list(range(1, 61))
    assert distance(weights(tmp_path)) < 0.1


def test_recovering_goes_on_from_the_last_save_and_gives_up_in_the_end(tmp_path):
    """A cliff that no rate avoids, for it lies before the answer."""
    settings = replace(QUICK, save_minutes=0.0)
    with pytest.raises(TrainingError) as caught:
        list(fit(ToyTask(settings, cliff=0.2), settings, tmp_path))
    told = str(caught.value)
    assert "became nan at step" in told and "lowered 3 times" in told and told.count("\n") == 0
    steps = [row["step"] for row in rows(tmp_path, "warning")]
    assert len(steps) == 3 and steps == sorted(steps) and steps[0] > 0
    kept = weights(tmp_path)
    assert np.abs(kept.tensors["shift"]).max() < 0.2 and kept.training["recoveries"] >= 1
    with safe_open(tmp_path / STATE, "np") as state:
        np.testing.assert_array_equal(state.get_tensor("network.shift"), kept.tensors["shift"])


@contextlib.contextmanager
def small_disk(folder):
    """A disk that can be filled: yields what fills it and what frees it again."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        yield (
            lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1])),
            lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits),
        )
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        return

    def fill():
        with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    yield fill, (folder / "filler").unlink
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_while_saving_damages_nothing(tmp_path):
    with small_disk(tmp_path / "disk") as (fill, free):
        folder = tmp_path / "disk" / "run"
        training = fit(ToyTask(QUICK), QUICK, folder)
        for _ in range(5):
            next(training)
        before = {name: (folder / name).read_bytes() for name in (WEIGHTS, STATE, RESULTS)}
        assert weights(folder).training["step"] == 4  # saved before the fifth step
        fill()
        seen = [next(training) for _ in range(5)]
        after = {name: (folder / name).read_bytes() for name in before}
        free()
        warnings = " ".join(each.warning for each in seen)
        assert f"Cannot write {folder / WEIGHTS}" in warnings and "Training goes on." in warnings
        assert after == before
        next(training)
        assert weights(folder).training["step"] == 10
        fill()
        problem = pytest.raises(FastnstError, match="Cannot write")
        with problem as caught:
            list(training)
        free()
        assert "\n" not in str(caught.value)
        assert weights(folder).training["step"] == 10
        resumed = list(fit(ToyTask(QUICK), QUICK, folder, resume=True))
        assert resumed[0].step == 11
        kept = weights(folder)
    list(fit(ToyTask(QUICK), QUICK, tmp_path / "whole"))
    assert_same(weights(tmp_path / "whole"), kept)


def test_two_trainings_in_one_folder_are_one_too_many(tmp_path):
    training = fit(ToyTask(QUICK), QUICK, tmp_path)
    next(training)
    refused = "Another training is running in .*; wait for it, or take another folder"
    with pytest.raises(TrainingError, match=refused):
        next(fit(ToyTask(QUICK), QUICK, tmp_path))
    settings_before = (tmp_path / SETTINGS).read_bytes()
    done = run(tmp_path, "--steps", "3")
    assert done.returncode == 2 and done.stderr.startswith("error: Another training is running")
    assert (tmp_path / SETTINGS).read_bytes() == settings_before
    training.close()
    training = fit(ToyTask(QUICK), QUICK, tmp_path, resume=True)
    assert next(training).step == 2
    training.close()


def command(folder, *options):
    return [
        sys.executable, str(ROOT / "tests" / "toy_task.py"), str(folder), "--batch", "2",
        "--rate", "0.16", "--warmup", "4", "--precision", "fp32", "--preview-steps", "0", *options,
    ]  # fmt: skip


def environment():
    paths = os.pathsep.join(str(ROOT / each) for each in ("", "tests", "training"))
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}


def run(folder, *options):
    return subprocess.run(
        command(folder, *options), env=environment(), capture_output=True, text=True, timeout=600
    )


def steps_in(log):
    return log.read_text().count('"losses"') if log.is_file() else 0


def wait_for(process, condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.mark.slow
def test_ten_kills_change_nothing(tmp_path):
    """Kill -9 at ten random moments, each in the training that the one before left."""
    options = ["--steps", "60", "--save-minutes", "0", "--check-steps", "7", "--delay", "0.005"]
    done = run(tmp_path / "whole", *options)
    assert done.returncode == 0, done.stderr
    whole, broken = weights(tmp_path / "whole"), tmp_path / "broken"
    rng = np.random.default_rng(5)
    resume: list[str] = []
    for _ in range(10):
        before = steps_in(broken / LOG)
        wanted = before + int(rng.integers(1, 6))
        process = subprocess.Popen(
            command(broken, *options, *resume),
            env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        wait_for(process, lambda: steps_in(broken / LOG) >= wanted)  # noqa: B023
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        _, told = process.communicate()
        assert process.returncode == -signal.SIGKILL, told
        assert weights(broken).training["step"] <= 60
        json.loads((broken / RESULTS).read_text())
        json.loads((broken / SETTINGS).read_text())
        with safe_open(broken / STATE, "np") as state:
            assert all(np.isfinite(state.get_tensor(key)).all() for key in state.keys())  # noqa: SIM118
        resume = ["--resume"]
    done = run(broken, *options, *resume)
    assert done.returncode == 0, done.stderr
    assert_same(weights(broken), whole)
    assert [row["step"] for row in rows(broken, "losses")] == list(range(1, 61))
    assert not list(broken.glob("*.part")) and not list(broken.glob(".*.part"))


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_saves_and_says_so(tmp_path, how):
    options = ["--steps", "40", "--save-minutes", "9", "--delay", "0.02"]
    process = subprocess.Popen(
        command(tmp_path, *options), env=environment(), stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(process, lambda: steps_in(tmp_path / LOG) >= 3)
    process.send_signal(how)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 130 and told == "stopped; go on with --resume\n"
    stopped = weights(tmp_path).training["step"]
    assert 3 <= stopped < 40 and steps_in(tmp_path / LOG) == stopped
    task = ToyTask(replace(QUICK, steps=40))
    list(fit(task, task.settings, tmp_path, resume=True))
    list(fit(ToyTask(task.settings), task.settings, tmp_path / "whole"))
    assert_same(weights(tmp_path), weights(tmp_path / "whole"))
