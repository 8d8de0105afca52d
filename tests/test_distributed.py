"""One training in two processes, started by the launchers people use, on the processor."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import make_picture
from test_recovery import command, environment, steps_in, wait_for, weights

from fastnst.fit import LOG, STATE

pytestmark = pytest.mark.slow

OPTIONS = ["--steps", "12", "--batch", "4", "--check-steps", "5", "--save-minutes", "0"]
BIN = Path(sys.executable).parent


def torchrun() -> list[str]:
    return [str(BIN / "torchrun"), "--standalone", "--nproc_per_node", "2"]


def accelerate() -> list[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    return [
        str(BIN / "accelerate"), "launch", "--multi_gpu", "--num_processes", "2",
        "--main_process_port", port,
    ]  # fmt: skip


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, env=environment(), capture_output=True, text=True, timeout=900)


def losses(folder: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    return [row["losses"] for row in rows if "losses" in row]


def assert_close(first: Path, second: Path, tolerance: float) -> None:
    before, after = weights(first), weights(second)
    assert before.training["step"] == after.training["step"]
    for key, array in before.tensors.items():
        np.testing.assert_allclose(after.tensors[key], array, atol=tolerance, err_msg=key)
    for one, other in zip(losses(first), losses(second), strict=True):
        assert one.keys() == other.keys()
        np.testing.assert_allclose(list(other.values()), list(one.values()), rtol=1e-3)


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """What one process makes of it."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    done = run(*command(folder, *OPTIONS))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("launcher", [torchrun, accelerate])
def test_two_processes_train_as_one_does(alone, tmp_path, launcher):
    script = command(tmp_path / "run", *OPTIONS)[1:]
    done = run(*launcher(), *script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("12/12") == 1  # one of them speaks
    assert_close(alone, tmp_path / "run", 1e-5)


def test_a_killed_process_ends_all_and_the_rest_is_resumed(alone, tmp_path):
    folder = tmp_path / "run"
    script = command(folder, *OPTIONS, "--delay", "0.05")[1:]
    launched = subprocess.Popen(
        [*torchrun(), *script], env=environment(), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(launched, lambda: steps_in(folder / LOG) >= 4, 600)
    workers = psutil.Process(launched.pid).children()
    assert len(workers) == 2
    os.kill(max(worker.pid for worker in workers), signal.SIGKILL)
    assert launched.wait(300) != 0
    assert not any(worker.is_running() for worker in workers)
    assert steps_in(folder / LOG) < 12 and weights(folder).training["step"] < 12
    done = run(*torchrun(), *script, "--resume")
    assert done.returncode == 0, done.stderr
    assert_close(alone, folder, 1e-5)


def test_a_stop_of_the_launcher_saves_once_and_ends_all(alone, tmp_path):
    folder = tmp_path / "run"
    script = command(folder, *OPTIONS[:-1], "9", "--delay", "0.2")[1:]
    launched = subprocess.Popen(
        [*torchrun(), *script], env=environment(), stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(launched, lambda: steps_in(folder / LOG) >= 3, 600)
    workers = psutil.Process(launched.pid).children()
    launched.send_signal(signal.SIGTERM)
    _, told = launched.communicate(timeout=300)
    assert told.count("stopped; go on with --resume") == 1
    time.sleep(0.1)
    assert not any(worker.is_running() for worker in workers)
    stopped = steps_in(folder / LOG)
    assert 3 <= stopped < 12 and (folder / STATE).is_file()
    # What was begun by two may be ended by one.
    done = run(*command(folder, *OPTIONS, "--resume"))
    assert done.returncode == 0, done.stderr
    assert_close(alone, folder, 1e-5)


def test_a_batch_that_cannot_be_shared_is_refused_in_a_sentence(tmp_path):
    script = command(tmp_path / "run", "--steps", "3")[1:]
    script[script.index("--batch") + 1] = "3"
    done = run(*torchrun(), *script)
    assert done.returncode != 0
    assert done.stderr.count("error: A batch of 3 cannot be shared by 2 processes") == 1
    assert not (tmp_path / "run" / LOG).exists()


def test_a_style_is_trained_by_two_as_by_one(photo_folder, tmp_path):
    """All of it: the styles' vectors, which the task uses beside the network, and Muon."""
    make_picture(90, 90, 30).save(tmp_path / "painting.png")
    root = Path(__file__).resolve().parent.parent
    script = [
        str(root / "training" / "train_style.py"), "--photos", str(photo_folder), "--paintings",
        str(tmp_path / "painting.png"), "--steps", "4", "--batch", "4", "--crop", "32",
        "--warmup", "1", "--style-size", "64", "--precision", "fp32", "--held-out", "1",
        "--preview-steps", "2",
    ]  # fmt: skip
    for folder, start in (("one", [sys.executable]), ("two", torchrun())):
        done = run(*start, *script, "--out", str(tmp_path / folder))
        assert done.returncode == 0, done.stderr
    first, second = weights(tmp_path / "one"), weights(tmp_path / "two")
    for key, array in first.tensors.items():
        # Adam moves a number whose gradient is all but nothing as far as any other, by chance.
        np.testing.assert_allclose(second.tensors[key], array, atol=1e-3, err_msg=key)
    for one, other in zip(losses(tmp_path / "one"), losses(tmp_path / "two"), strict=True):
        assert other["total"] == pytest.approx(one["total"], rel=1e-3)
    assert (tmp_path / "two" / "previews" / "000002.jpg").is_file()
