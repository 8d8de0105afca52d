"""The training desk: real trainings, in real processes. And what the Train tab makes of them."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_picture
from PIL import Image

import fastnst
from fastnst.checkpoint_file import load_checkpoint
from fastnst.errors import PictureError, SettingError, StyleError, TrainingError
from fastnst.images import open_picture
from fastnst.stylizer import Stylizer
from fastnst.ui.controls import second_choices
from fastnst.ui.painting import Choices, paint
from fastnst.ui.train_curve import draw_curve, held_out_line, practised_line
from fastnst.ui.train_form import cut_out, read_order, read_painting, style_name
from fastnst.ui.train_stage import WHOLE, framed_box, ordinal
from fastnst.ui.trained import name_in_page
from fastnst.ui.trainee import NICENESS
from fastnst.ui.training_desk import TrainingDesk, known
from fastnst.ui.training_job import Job, Order, Report

PATIENCE = 900  # seconds: the machine may be busy
FILLED: dict[str, Any] = {
    "title": "Small Waves", "artist": "Anonymous", "name": "", "licence": "cc0-1.0",
    "depth": "quick", "minutes": 2.9, "photos": "", "strokes": 1.0, "style_weight": 5.0,
}  # fmt: skip


def waited(answer: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """The first answer that is not a no."""
    deadline = time.monotonic() + patience
    while not (found := answer()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@pytest.fixture
def desk() -> Iterator[TrainingDesk]:
    desk = TrainingDesk()
    yield desk
    desk.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "garden.png"
    make_picture(96, 64, 5).save(path)
    return path


def submit(desk: TrainingDesk, photo: Path, name: str = "waves") -> Job:
    return desk.submit(Order(name, "Small Waves"), make_picture(160, 128, 3), photo)


# With a training


@pytest.fixture(scope="module")
def job(studio: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """A training at the studio's desk that was stopped, and kept, soon after it had begun."""
    photo = tmp_path_factory.mktemp("photo") / "photo.png"
    make_picture(96, 64, 5).save(photo)
    order = Order("small_waves", "--Small Waves", "Anonymous", "cc0-1.0", strokes=128, minutes=15)
    job = studio.desk.submit(order, make_picture(160, 128, 3), photo)
    waited(lambda: job.process)
    assert os.getpriority(os.PRIO_PROCESS, os.getpid()) == 0
    waited(lambda: os.getpriority(os.PRIO_PROCESS, job.process.pid) == NICENESS)
    waited(lambda: (job.reports and job.preview) or job.problem)
    studio.desk.stop(job)
    waited(lambda: job.ended)
    yield job
    studio.desk.discard(job)


@pytest.mark.slow
def test_a_training_is_stopped_and_kept(job: Job, studio: Any) -> None:
    assert job.problem == "" and job.reason == "stopped"
    report = job.reports[0]
    assert 0 < report.step <= report.steps and report.left > 0 and report.loss > 0
    assert job.preview is not None and open_picture(job.preview).size == (96, 64)
    assert job.made is not None and job.made.base is not None
    assert job.made.base.hash == studio.checkpoint.trunk
    (style,) = load_checkpoint(job.result).styles
    assert (style.name, style.title) == ("small_waves", "--Small Waves")
    assert (style.artist, style.licence) == ("Anonymous", "cc0-1.0")
    assert job.result.stat().st_size < 800_000
    assert studio.desk.ahead(job) == studio.desk.ahead() == (0, 0.0)


@pytest.mark.slow
def test_a_style_is_its_visitors_alone(job: Job, studio: Any) -> None:
    name = name_in_page(job)
    assert name == f"{job.id}:small_waves"
    assert studio.styles_for([job.id])[0].name == name
    assert studio.styles_for([job.id])[1:] == studio.styles == studio.styles_for([])
    assert name in studio.thumbnails_for([job.id]) and name not in studio.thumbnails
    for other in ("mine-" + 32 * "0", "mine-", "alone-" + job.id[5:], job.id + "0"):
        assert studio.styles_for([other]) == studio.styles
        with pytest.raises(StyleError, match="no longer kept"):
            studio.style_network(other)
    assert studio.styles_for([job.id, "x"])[0].title == "--Small Waves"


@pytest.mark.slow
def test_it_mixes_with_the_styles_of_the_page(job: Job, studio: Any, photo: Path) -> None:
    name, picture = name_in_page(job), open_picture(photo)
    assert name in [value for _, value in second_choices(studio.styles_for([job.id]), "")]
    alone = studio.style_network(job.id)
    own = Stylizer(load_checkpoint(job.result), base=studio.checkpoint)
    assert np.array_equal(alone(picture, "small_waves"), own(picture))
    both = {"small_waves": 0.75, "udnie": 0.25}
    expected = np.asarray(alone(picture, both))
    assert not np.array_equal(expected, alone(picture, "small_waves"))
    for choices in (
        Choices(name, second="udnie", balance=0.25),
        Choices("udnie", second=name, balance=0.75),
    ):
        made = paint(studio, photo, choices, None, lambda: False)
        assert np.array_equal(Image.open(io.BytesIO(made.after)), expected)


# Without


def test_a_whole_network_is_not_mixed() -> None:
    alone = "alone-" + 32 * "a"
    assert Choices(f"{alone}:waves").blend == {"waves": 1.0}
    for style, second in ((f"{alone}:waves", "udnie"), ("mine-b:waves", f"{alone}:waves")):
        with pytest.raises(StyleError, match="Only styles of one network can be mixed"):
            _ = Choices(style, second=second).blend
    assert Choices("mine-b:one", second="mine-c:two").blend == {"one": 0.5, "two": 0.5}


@pytest.mark.slow
def test_what_is_wrong_is_said_in_a_sentence(desk: TrainingDesk, photo: Path) -> None:
    job = submit(desk, photo, name="udnie")
    waited(lambda: job.ended)
    assert job.made is None
    assert job.problem.startswith("The name udnie is taken")


@pytest.mark.slow
def test_one_at_a_time_and_the_line_moves_on(desk: TrainingDesk, photo: Path) -> None:
    jobs = [submit(desk, photo, f"waves_{number}") for number in range(3)]
    first, second, third = jobs
    waited(lambda: first.process)
    assert [desk.ahead(job)[0] for job in jobs] == [0, 1, 2]
    assert desk.ahead(third)[1] == 2 * 60 * 2.9
    assert desk.ahead()[0] == 3
    desk.discard(second)
    assert desk.find(second.id) is None and not second.folder.exists()
    assert desk.ahead(third)[0] == 1 and second.process is None and third.process is None
    desk.discard(first)
    waited(lambda: third.process)
    assert first.process is not None and first.process.poll() == -signal.SIGKILL
    assert not first.folder.exists() and first.made is None
    assert known(desk, [first.id, 7, third.id]) == [third] and known(desk, "nonsense") == []
    desk.close()
    assert third.process.poll() is not None and not third.home.exists()


def test_stopped_before_it_has_begun_there_is_nothing(desk: TrainingDesk, photo: Path) -> None:
    job = submit(desk, photo)
    waited(lambda: job.process)
    desk.stop(job)
    waited(lambda: job.ended)
    assert job.made is None
    assert "before" in job.problem


def test_what_ended_long_ago_is_deleted(photo: Path) -> None:
    desk = TrainingDesk(keep_seconds=0.5)
    job = submit(desk, photo)
    waited(lambda: job.process)
    desk.stop(job)
    waited(lambda: job.ended)
    assert desk.find(job.id) is job and job.painting.is_file()
    time.sleep(0.6)
    desk.sweep()
    assert desk.find(job.id) is None and not job.folder.exists()
    desk.close()


def test_a_line_has_an_end(desk: TrainingDesk, photo: Path) -> None:
    first = submit(desk, photo)
    waited(lambda: first.process)
    for _ in range(8):
        submit(desk, photo)
    with pytest.raises(TrainingError, match="8 trainings are waiting already"):
        submit(desk, photo)


def test_a_disk_that_takes_nothing(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    desk = TrainingDesk()
    with pytest.raises(TrainingError, match="The training's files cannot be written"):
        submit(desk, photo)
    assert desk.ahead() == (0, 0.0)


SERVER = """
import sys, time
from pathlib import Path
from PIL import Image
from fastnst.ui.training_desk import TrainingDesk
from fastnst.ui.training_job import Order
desk = TrainingDesk()
painting = Image.radial_gradient("L").convert("RGB")
job = desk.submit(Order("waves"), painting, Path(sys.argv[1]))
while job.process is None:
    time.sleep(0.01)
print(job.process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_training_ends_with_the_server(
    number: signal.Signals, photo: Path, tmp_path: Path
) -> None:
    root = str(Path(fastnst.__file__).resolve().parent.parent)
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(photo)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root, "TMPDIR": str(tmp_path)},
    )
    assert server.stdout is not None
    trainee = int(server.stdout.readline())
    assert alive(trainee)
    server.send_signal(number)
    server.wait(PATIENCE)
    waited(lambda: not alive(trainee), 120)


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")")[1].split()[0]
    except OSError:
        return False
    return state != "Z"


# The form


def test_an_order_is_read_from_the_form() -> None:
    order = read_order(**FILLED, taken=(), owner=False)
    assert order == Order("small_waves", "Small Waves", "Anonymous", "cc0-1.0", strokes=384)
    assert order.options() == [
        "--name=small_waves", "--title=Small Waves", "--artist=Anonymous", "--licence=cc0-1.0",
        "--depth=quick", "--style-weight=5", "--strokes=384", "--minutes=2.9",
    ]  # fmt: skip
    full = read_order(**{**FILLED, "depth": "full", "minutes": 5}, taken=(), owner=False)
    assert full.options()[-1] == "--minutes=5"
    fine = read_order(**{**FILLED, "strokes": 0.5, "name": " mine "}, taken=(), owner=False)
    assert (fine.strokes, fine.name) == (192, "mine")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title": " "}, "Say its name"),
        ({"title": "…"}, "Say its name"),
        ({"name": "two words"}, "letters, digits and underscores"),
        ({"name": "../../etc"}, "letters, digits and underscores"),
        ({"name": "a" * 61}, "up to 60"),
        ({"name": "udnie"}, "There is a style udnie already"),
        ({"title": "Udnie"}, "There is a style udnie already"),
        ({"artist": "a" * 301}, "artist is too long"),
        ({"title": "two\nlines"}, "not one line"),
        ({"depth": "deep"}, "allowed are quick, full, scratch"),
        ({"depth": "scratch", "minutes": 100}, "--depth scratch --photos FOLDER"),
        ({"depth": "full", "minutes": 5, "photos": "/etc"}, "only at the machine itself"),
        ({"depth": "full", "minutes": 1}, "allowed is 2 to 60"),
        ({"minutes": None}, "allowed is 1 to 15"),
        ({"strokes": 9}, "size of strokes"),
        ({"style_weight": "much"}, "likeness"),
    ],
)
def test_a_form_that_is_filled_in_wrong(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        read_order(**{**FILLED, **wrong}, taken=["udnie"], owner=False)


def test_the_owner_may_do_more(tmp_path: Path) -> None:
    wish = {**FILLED, "depth": "scratch", "minutes": 100, "photos": str(tmp_path)}
    order = read_order(**wish, taken=(), owner=True)
    assert order.options()[-2:] == ["--minutes=100", f"--photos={tmp_path}"]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("La Muse", "la_muse"),
        ("  Ève – 2. Fassung!", "eve_2_fassung"),
        ("富嶽三十六景", ""),
        ("a" * 59 + " b", "a" * 59),
    ],
)
def test_a_name_is_made_from_the_title(title: str, name: str) -> None:
    assert style_name(title) == name


def test_paintings_without_a_style_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paper = Image.fromarray(rng.integers(250, 254, (90, 90, 3), np.uint8))
    clear = Image.new("RGBA", (90, 90))
    clear.putalpha(0)
    pictures = {
        "of one colour": [Image.new("RGB", (90, 90), "teal"), Image.new("L", (90, 90)), paper],
        "is of one colour": [clear],
        "64": [make_picture(63, 300)],
    }
    for said, wrong in pictures.items():
        for picture in wrong:
            picture.save(tmp_path / "wrong.png")
            with pytest.raises(PictureError, match=said):
                read_painting(tmp_path / "wrong.png")


def test_transparent_and_grey_paintings_are_taken(tmp_path: Path) -> None:
    painting = make_picture(90, 80)
    painting.convert("L").save(tmp_path / "grey.png")
    grey = read_painting(tmp_path / "grey.png")
    assert grey.mode == "RGB" and np.array_equal(grey.convert("L"), painting.convert("L"))
    opacity = Image.new("L", (90, 80), 255)
    opacity.paste(0, (0, 0, 30, 80))
    painting.putalpha(opacity)
    painting.save(tmp_path / "clear.png")
    clear = np.asarray(read_painting(tmp_path / "clear.png"))
    assert (clear[:, :30] == 255).all()
    assert np.array_equal(clear[:, 30:], np.asarray(painting)[:, 30:, :3])


def test_the_frame_is_cut_out() -> None:
    painting = make_picture(400, 200)
    assert framed_box(WHOLE, painting.size) == (0, 0, 400, 200)
    box = framed_box("10% 25% 40% 12.5%", painting.size)
    assert box == (50, 20, 300, 120)
    assert np.array_equal(cut_out(painting, box), painting.crop(box))
    with pytest.raises(PictureError, match="250×40 pixels; it needs 64"):
        cut_out(painting, framed_box("10% 25% 70% 12.5%", painting.size))
    painting.paste("white", (0, 0, 200, 200))
    with pytest.raises(PictureError, match="The part in the frame is of one colour"):
        cut_out(painting, (0, 0, 100, 100))
    assert max(cut_out(make_picture(5000, 400), (0, 0, 5000, 400)).size) == 3072
    for frame in (None, "", "0% 60% 0% 60%", "-5% 0% 0% 0%", "1e9% 0% 0% 0%", "0% 0% 0% 0%;"):
        with pytest.raises(PictureError, match="not in the painting"):
            framed_box(frame, (400, 200))


# The curve


def report(step: int, loss: float, held_out: float | None = None) -> Report:
    return Report(step, 100, float(step), 100.0 - step, loss, held_out)


def test_the_curve_is_smooth_and_true_to_its_ends() -> None:
    reports = [report(0, 8.0, 9.0), report(50, 4.0, 9.0), report(100, 4.0, 3.0)]
    line = practised_line(reports)
    assert line[0] == (0, 8.0)
    assert line[1][1] == pytest.approx((0.9 * 8 + 4) / 1.9)
    assert held_out_line(reports) == [(0, 9.0), (100, 3.0)]
    drawing = draw_curve(reports)
    assert 'points="0.0,5.0 600.0,95.0"' in drawing  # from the highest value to the lowest
    assert "on a new photo 3.00" in drawing
    assert draw_curve([]) == ""
    assert "polyline" in draw_curve([report(0, 0.0)])
    assert "nan" not in draw_curve([report(0, 8.0), report(1, float("nan")), report(2, 7.0)])


def test_a_long_curve_is_thinned_but_keeps_its_end() -> None:
    line = practised_line([report(step, 5.0) for step in range(10_000)])
    assert len(line) <= 150 and line[-1] == (9999, pytest.approx(5.0))


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_places_in_the_line(number: int, said: str) -> None:
    assert ordinal(number) == said
