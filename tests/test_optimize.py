"""Gatys' method: known answers on pictures of a few pixels, through the real loss network."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fastnst.descent import OptimizeProgress, OptimizeSettings, noise_picture
from fastnst.errors import FastnstError, PictureError, SettingError, TrainingError
from fastnst.networks.vgg import LossNetwork
from fastnst.optimize import StyleObjective, optimize
from fastnst.pixel_optimizers import METHODS
from fastnst.settings import StyleSettings
from fastnst.tensors import to_tensor

pytestmark = pytest.mark.usefixtures("one_thread")

LOSS = StyleSettings(style_size=64)


def gradient(width: int, height: int) -> Image.Image:
    """A soft picture: red from left to right, green from top to bottom."""
    red = np.linspace(40, 215, width)[None].repeat(height, 0)
    green = np.linspace(215, 40, height)[:, None].repeat(width, 1)
    blue = np.full((height, width), 128)
    return Image.fromarray(np.stack([red, green, blue], 2).astype(np.uint8))


def stripes(side: int = 64) -> Image.Image:
    """A painting: diagonal stripes in two colours."""
    down, across = np.indices((side, side))
    bright = ((down + across) // 4 % 2)[:, :, None]
    return Image.fromarray(np.where(bright, (230, 180, 30), (20, 40, 120)).astype(np.uint8))


@pytest.fixture(scope="module")
def objective(loss_network: LossNetwork) -> StyleObjective:
    return StyleObjective.of(gradient(48, 32), stripes(), loss_network, LOSS)


def run(objective: StyleObjective, start: Image.Image, **settings: Any) -> list[OptimizeProgress]:
    return list(optimize(objective, start, OptimizeSettings(**settings)))


def test_a_photo_has_no_content_loss_against_itself(objective: StyleObjective) -> None:
    values = objective.of_picture(gradient(48, 32))
    assert values["content"] == 0
    assert values["style"] > 0.1
    assert values["objective"] == pytest.approx(5 * values["style"])


def test_a_painting_is_its_own_optimum(loss_network: LossNetwork) -> None:
    same = StyleObjective.of(stripes(), stripes(), loss_network, LOSS)
    assert same.of_picture(stripes()) == {"objective": 0, "content": 0, "style": 0}


def test_the_weights_are_those_of_the_settings(loss_network: LossNetwork) -> None:
    weighted = replace(LOSS, content_weight=2.0, style_weight=3.0)
    objective = StyleObjective.of(gradient(48, 32), stripes(), loss_network, weighted)
    values = objective.of_picture(noise_picture((48, 32)))
    expected = 2 * values["content"] + 3 * values["style"]
    assert values["content"] > 0.1
    assert values["objective"] == pytest.approx(expected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "start", [gradient(48, 32), noise_picture((48, 32))], ids=["photo", "noise"]
)
def test_the_objective_falls(objective: StyleObjective, method: str, start: Image.Image) -> None:
    before = start.tobytes()
    steps = run(objective, start, method=method, iterations=12)
    assert [each.iteration for each in steps] == list(range(13))
    assert steps[0].objective == pytest.approx(objective.of_picture(start)["objective"], rel=1e-4)
    assert steps[-1].objective < 0.9 * steps[0].objective
    seconds = [each.seconds for each in steps]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    assert start.tobytes() == before


@pytest.mark.parametrize("method", METHODS)
def test_the_picture_is_the_one_that_was_measured(objective: StyleObjective, method: str) -> None:
    for progress in optimize(
        objective, gradient(48, 32), OptimizeSettings(method=method, iterations=4)
    ):
        measured = objective.of_picture(progress.picture())  # but for its 8 bits
        assert measured["objective"] == pytest.approx(progress.objective, rel=0.01)


def test_adam_first_moves_every_pixel_by_its_rate(objective: StyleObjective) -> None:
    start = gradient(48, 32)
    *_, last = run(objective, start, method="adam", rate=0.02, iterations=1)
    moved = np.abs(np.asarray(last.picture(), int) - np.asarray(start, int))
    assert moved.max() == 5  # 0.02 × 255 = 5.1
    assert np.median(moved) == 5


def test_one_iteration_a_step_is_plain_lbfgs(objective: StyleObjective) -> None:
    steps = run(objective, gradient(48, 32), iterations=6, clip=False)

    pixels = to_tensor(gradient(48, 32)).requires_grad_()
    plain = torch.optim.LBFGS([pixels], max_iter=7, tolerance_grad=0, tolerance_change=0)
    values = []

    def closure() -> torch.Tensor:
        plain.zero_grad()
        value = objective(pixels)["objective"]
        value.backward()
        values.append(float(value.detach()))
        return value

    plain.step(closure)
    assert [each.objective for each in steps] == pytest.approx(values, rel=1e-3)


@pytest.mark.parametrize(("clip", "leaves"), [(True, False), (False, True)])
def test_clipped_pixels_stay_in_range(objective: StyleObjective, clip: bool, leaves: bool) -> None:
    *_, last = run(objective, gradient(48, 32), method="adam", rate=0.4, iterations=3, clip=clip)
    # A picture holds nothing beyond [0, 1], so pixels that left it show as another objective.
    seen = objective.of_picture(last.picture())["objective"]
    assert (abs(seen / last.objective - 1) > 0.05) == leaves


def test_stopping_early_leaves_nothing_behind(
    objective: StyleObjective, loss_network: LossNetwork
) -> None:
    start = gradient(48, 32)
    before = start.tobytes()
    steps = optimize(objective, start, OptimizeSettings(iterations=1000))
    assert [next(steps).iteration for _ in range(3)] == [0, 1, 2]
    assert torch.is_grad_enabled()
    assert isinstance(steps, Generator)
    steps.close()
    assert next(steps, None) is None
    assert start.tobytes() == before
    assert torch.is_grad_enabled()
    assert all(p.grad is None and not p.requires_grad for p in loss_network.parameters())
    again = [each.objective for each in run(objective, start, iterations=2)]
    assert again == [each.objective for each in run(objective, start, iterations=2)]


def test_a_driver_without_gradients_keeps_its_setting(objective: StyleObjective) -> None:
    with torch.no_grad():
        objectives = []
        for progress in optimize(objective, gradient(48, 32), OptimizeSettings(iterations=3)):
            assert not torch.is_grad_enabled()
            objectives.append(progress.objective)
    assert objectives[-1] < objectives[0]


def test_noise_is_the_same_for_a_seed() -> None:
    assert noise_picture((20, 30), 1).size == (20, 30)
    assert noise_picture((20, 30), 1).tobytes() == noise_picture((20, 30), 1).tobytes()
    assert noise_picture((20, 30), 1).tobytes() != noise_picture((20, 30), 2).tobytes()
    assert np.asarray(noise_picture((64, 64))).mean() == pytest.approx(127.5, abs=3)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "newton"}, "lbfgs, adam, safe"),
        ({"iterations": -1}, "0 or more"),
        ({"history": 0}, "1 or more"),
        ({"rate": -1.0}, "from 0 up"),
        ({"rate": float("nan")}, "from 0 up"),
    ],
)
def test_settings_out_of_range(objective: StyleObjective, settings: dict, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        optimize(objective, gradient(48, 32), OptimizeSettings(**settings))


def test_a_start_of_another_size(objective: StyleObjective) -> None:
    with pytest.raises(PictureError, match=r"32×48.*48×32"):
        optimize(objective, gradient(32, 48), OptimizeSettings())


@pytest.mark.parametrize(
    ("photo", "painting", "said"),
    [
        (gradient(48, 32), Image.new("RGB", (64, 64), "red"), "one colour"),
        (gradient(48, 32), stripes(63), "63×63"),
        (gradient(48, 15), stripes(), "48×15"),
    ],
)
def test_pictures_that_make_no_objective(
    loss_network: LossNetwork, photo: Image.Image, painting: Image.Image, said: str
) -> None:
    with pytest.raises(FastnstError, match=said):
        StyleObjective.of(photo, painting, loss_network, LOSS)


def test_an_objective_that_is_not_finite_stops_it(objective: StyleObjective) -> None:
    steps = optimize(
        objective,
        gradient(48, 32),
        OptimizeSettings(method="adam", rate=1e30, clip=False, iterations=5),
    )
    assert next(steps).iteration == 0
    with pytest.raises(TrainingError, match=r"iteration 1.*lower rate"):
        list(steps)
