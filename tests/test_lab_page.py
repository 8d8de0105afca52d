"""The Lab tab, and Refine on the Stylize tab, in a real browser."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import make_picture
from test_optimize import stripes
from visitor import Visitor

from fastnst.errors import FastnstError
from fastnst.ui.experiments import OWN_PAINTING, Wish
from fastnst.ui.lab_plot import OnePass, draw_plot
from fastnst.ui.live import PATIENT, Live, stand_back


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    make_picture(48, 32).save(folder / "shore.png")
    stripes().save(folder / "stripes.png")
    return folder


@pytest.fixture
def laboring(visitor: Visitor, pictures: Path) -> Visitor:
    """A visitor who has come to the tab with a small photo."""
    visitor.open_tab("lab")
    visitor.upload(pictures / "shore.png")
    visitor.wait_for_caption("48 × 32 · press Start")
    return visitor


def set_steps(visitor: Visitor, steps: int) -> None:
    visitor.page.locator("#lab-steps input[type=number]").fill(str(steps))
    visitor.page.keyboard.press("Tab")


def start(visitor: Visitor) -> None:
    old = visitor.after_source()
    visitor.page.click("#lab-go")
    visitor.wait_for_new_picture(old)


def plot(visitor: Visitor) -> str:
    return str(visitor.page.locator("#lab-plot figcaption").inner_text())


@pytest.mark.browser
def test_optimisation_beside_the_network(laboring: Visitor) -> None:
    set_steps(laboring, 3)
    start(laboring)
    laboring.wait_for_caption("3 iterations in")
    assert plot(laboring).startswith("The network, in one pass: ")
    assert laboring.page.locator("#lab-plot polyline").count() == 1
    assert laboring.page.locator("#lab-plot circle").count() == 1
    assert laboring.shown(0).size == laboring.shown(1).size == (256, 171)
    name, picture = laboring.download()
    assert (name, picture.size) == ("shore-optimise.png", (256, 171))


@pytest.mark.browser
def test_stop_keeps_what_there_is(laboring: Visitor, pictures: Path) -> None:
    page = laboring.page
    page.locator("#lab-experiment label", has_text="Invert a layer").click()
    page.locator("#lab-layer").wait_for()
    assert not page.locator("#lab-style").is_visible()
    set_steps(laboring, 500)
    start(laboring)  # the first preview
    laboring.part("caption").locator("text=/Iteration \\d+/").wait_for()
    laboring.part("stop").click()
    laboring.wait_for_caption("iterations in")
    assert 0 <= int(laboring.caption().split("·")[1].split()[0]) < 500
    assert laboring.part("download").is_enabled()
    assert not laboring.part("stop").is_visible()
    assert plot(laboring).startswith("Objective against time: ")


@pytest.mark.browser
def test_the_style_of_a_painting_of_ones_own(laboring: Visitor, pictures: Path) -> None:
    page = laboring.page
    page.locator("#lab-painting input[type=file]").set_input_files(pictures / "stripes.png")
    laboring.wait_for_caption("64 × 64 · press Start")
    assert page.locator("#lab-style input").input_value() == "My painting"
    page.locator("#lab-experiment label", has_text="Reconstruct a style").click()
    for layer in ("relu3_3", "relu4_3"):
        page.locator("#lab-layers label", has_text=layer).click()
    set_steps(laboring, 2)
    start(laboring)
    laboring.wait_for_caption("2 iterations in")
    assert laboring.shown(1).size == (256, 256)


@pytest.mark.browser
def test_refine_goes_on_from_the_painting(visitor: Visitor, pictures: Path) -> None:
    visitor.upload(pictures / "shore.png")
    visitor.choose("udnie")
    painted = visitor.shown(1)
    old = visitor.after_source()
    visitor.page.click("#refine")
    visitor.wait_for_new_picture(old)
    visitor.part("caption").locator("text=/Iteration [2-9]/").wait_for()
    visitor.part("stop").click()
    visitor.wait_for_caption("objective")
    refined = visitor.shown(1)
    assert refined.size == painted.size == (48, 32)
    assert refined.tobytes() != painted.tobytes()
    name, _ = visitor.download()
    assert name == "shore-udnie-refined.png"
    visitor.choose("the_scream")


# Without a browser ------------------------------------------------------------------------------


def test_the_figure_says_when_optimisation_catches_up() -> None:
    curve = [(0.5, 8.0), (1.0, 4.0), (1.5, 2.0)]
    drawn = draw_plot(curve, OnePass("The network", 0.01, 3.0))
    assert "The network: 3 in 0.01 s." in drawn
    assert "as good after 1.5 s, 150 times as long; now 2." in drawn
    assert drawn.count("<polyline") == drawn.count("<circle") == 1
    behind = draw_plot(curve[:1], OnePass("<b>", 0.01, 3.0))
    assert "Optimisation: 8 after 0.5 s." in behind and "<b>" not in behind
    assert "3 in 0.01 s." in draw_plot([], OnePass("x", 0.01, 3.0))
    assert draw_plot([], None) == ""


def test_the_fast_inverter_is_watched_like_the_others(studio: Any, pictures: Path) -> None:
    from fastnst.ui.trials import TRIALS, Material

    wish = Wish("fast", OWN_PAINTING, "photo", "relu1_1", [], 10, 256)
    trial = TRIALS["fast"](wish, Material(pictures / "shore.png", None, studio))
    live = Live("", trial.finish)
    assert live.drive(trial.steps, lambda: False)
    assert live.made is not None and live.made.size == trial.before.size == (256, 171)
    assert trial.one_pass is not None
    ((seconds, objective),) = live.curve
    assert (seconds, objective) == (trial.one_pass.seconds, trial.one_pass.objective)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish("optimise", "udnie", "photo", "", [], 5, 256), "Add a photo"),
        (Wish("reconstruct", OWN_PAINTING, "", "", ["relu1_1"], 5, 256), "Add a painting"),
        (Wish("reconstruct", "udnie", "", "", [], 5, 256), "No layer was given"),
    ],
)
def test_what_is_missing_is_asked_for(studio: Any, wish: Wish, said: str) -> None:
    from fastnst.ui.trials import TRIALS, Material

    with pytest.raises(FastnstError, match=said):
        TRIALS[wish.experiment](wish, Material(None, None, studio))


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="of Linux")
def test_a_descent_stands_back_and_nothing_else() -> None:
    found: dict[str, int] = {}

    def work() -> None:
        stand_back()
        found["patient"] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        child = threading.Thread(target=lambda: found.update(child=_priority()))
        child.start()
        child.join()

    before = _priority()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == {"patient": max(before, PATIENT), "child": max(before, PATIENT)}
    assert _priority() == before


def _priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
