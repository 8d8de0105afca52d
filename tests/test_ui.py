"""The page without a browser: its endpoints, and the parts that handlers are made of."""

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_picture
from PIL import Image
from visitor import serving

from fastnst.checkpoint import Style
from fastnst.errors import CancelledError, EngineError, PictureError, SettingError, StyleError
from fastnst.images import open_picture
from fastnst.ui.background import in_background
from fastnst.ui.cards import credit, style_cards
from fastnst.ui.enlarging import Wish, enlarge, foretell, longest_side
from fastnst.ui.files import keep_file, pack
from fastnst.ui.pace import Pace
from fastnst.ui.painting import Choices, paint, size_choices
from fastnst.ui.sheet import best_columns, paint_sheet
from fastnst.ui.status import Clock, finished, message
from fastnst.ui.studio import Studio
from fastnst.ui.upload import receive, uploaded_file
from fastnst.ui.visit import Visit

NASTY = Style("nasty", '<img src=x onerror="alert(1)">', "`${alert(1)}`", "1900", "{{cc}}")


@pytest.fixture(scope="module")
def served(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """The page, and a client of it."""
    from gradio_client import Client

    with serving(studio, tmp_path_factory.mktemp("uploads")) as (page, url):
        client = Client(
            url,
            verbose=False,
            analytics_enabled=False,
            download_files=str(tmp_path_factory.mktemp("downloads")),
        )
        yield page, client


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "garden.png"
    make_picture(90, 60).save(path)
    return path


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return tmp_path / "uploads"


def stylize(client: Any, photo: Path, style: str, **options: Any) -> Image.Image:
    from gradio_client import handle_file

    result = client.predict(handle_file(str(photo)), style, api_name="/stylize", **options)
    return Image.open(result)


def test_only_the_public_actions_are_named(served: tuple[Any, Any]) -> None:
    _, client = served
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {"/stylize", "/styles", "/upscale", "/search"}
    parameters = [each["parameter_name"] for each in named["/stylize"]["parameters"]]
    assert parameters == [
        "photo", "style", "strength", "second_style", "balance", "keep_colors", "brush", "size",
    ]  # fmt: skip


def test_styles_are_listed(served: tuple[Any, Any], studio: Studio) -> None:
    listed = served[1].predict(api_name="/styles")
    assert [each["name"] for each in listed] == studio.stylizer.styles
    assert set(listed[0]) == {"name", "title", "artist", "year", "licence"}


def test_stylize_gives_the_stylizers_own_pixels(
    served: tuple[Any, Any], studio: Studio, photo: Path
) -> None:
    made = stylize(
        served[1], photo, "udnie", second_style="the_scream", balance=0.25, strength=0.8,
        brush=1.5, size=64,
    )  # fmt: skip
    expected = studio.stylizer(
        open_picture(photo), {"udnie": 0.75, "the_scream": 0.25}, 0.8, brush=1.5, size=64
    )
    assert made.size == (64, 43)
    assert np.array_equal(np.asarray(made), np.asarray(expected))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"style": "udnye"}, "did you mean udnie"),
        ({"style": "udnie", "strength": 9}, "strength"),
        ({"style": "udnie", "balance": -1, "second_style": "the_scream"}, "balance"),
        ({"style": "udnie", "brush": None}, "brush"),
        ({"style": ["udnie"]}, "style"),
        ({"style": "udnie", "size": 100_000}, "megapixels"),
        ({"style": "udnie", "size": "big"}, "size"),
    ],
)
def test_a_bad_request_gets_a_sentence(
    served: tuple[Any, Any], photo: Path, options: dict[str, Any], words: str
) -> None:
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match=words):
        stylize(served[1], photo, **options)


def test_a_bad_file_gets_a_sentence_and_the_server_lives_on(
    served: tuple[Any, Any], photo: Path, tmp_path: Path
) -> None:
    from gradio_client.exceptions import AppError

    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    with pytest.raises(AppError, match="not a picture"):
        stylize(served[1], bad, "udnie")
    assert stylize(served[1], photo, "udnie").size == (90, 60)


def test_files_elsewhere_on_the_server_are_out_of_reach(served: tuple[Any, Any]) -> None:
    from gradio_client.exceptions import AppError

    secret = {"path": str(Path(__file__)), "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError):
        served[1].submit(secret, "udnie", api_name="/stylize").result(60)


def test_every_file_of_a_visitor_is_swept_up(served: tuple[Any, Any], photo: Path) -> None:
    from gradio.route_utils import delete_files_created_by_app

    page, client = served
    stylize(client, photo, "udnie")
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    assert any(path.is_file() for path in folder.rglob("garden*"))
    delete_files_created_by_app(page, age=None)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_blend_of_choices() -> None:
    assert Choices("udnie").blend == {"udnie": 1}
    assert Choices("udnie", second="udnie").blend == {"udnie": 1}
    assert Choices("udnie", second="tahiti", balance=0.3).blend == {"udnie": 0.7, "tahiti": 0.3}
    assert Choices("udnie", second="tahiti", balance=1).blend == {"tahiti": 1}
    with pytest.raises(StyleError, match="balance"):
        _ = Choices("udnie", balance=float("nan")).blend


def test_a_download_is_named_for_photo_and_style() -> None:
    choices = Choices("udnie", second="tahiti")
    assert choices.file_stem(Path("/x/My  photo(1).tar.jpg")) == "My_photo_1_.tar-udnie-tahiti"
    assert choices.file_stem(Path("/x/..jpg")) == "photo-udnie-tahiti"


def test_sizes_are_offered_with_their_pixels() -> None:
    assert size_choices((1600, 1200)) == [
        ("As the photo · 1600 × 1200", 0),
        ("512 × 384", 512),
        ("1024 × 768", 1024),
        ("1920 × 1440", 1920),
        ("2880 × 2160", 2880),
    ]
    assert 512 not in [side for _, side in size_choices((5000, 100))]  # 10 pixels high


def test_a_download_in_another_format_keeps_what_the_photo_came_with(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Pinhole"
    shown = tmp_path / "a-udnie.png"
    make_picture(40, 30).save(shown, exif=exif)
    data, name = pack(shown, "PNG")
    assert (data, name) == (shown.read_bytes(), shown.name)
    for file_format, suffix in (("JPEG", ".jpg"), ("WebP", ".webp")):
        data, name = pack(shown, file_format)
        (tmp_path / name).write_bytes(data)
        with Image.open(tmp_path / name) as picture:
            assert name == f"a-udnie{suffix}"
            assert picture.getexif()[0x010F] == "Pinhole"
    with pytest.raises(PictureError, match="there are PNG, JPEG, WebP"):
        pack(shown, "GIF")


def test_texts_of_a_checkpoint_cannot_become_markup() -> None:
    cards = style_cards([NASTY], "nasty", {"nasty": 'x" onload="alert(1)'})
    assert "<img src=x" not in cards
    assert '" onload=' not in cards
    assert "<img" not in message(credit(NASTY))


def test_the_ring_is_on_the_chosen_style(studio: Studio) -> None:
    cards = style_cards(studio.checkpoint.styles, "udnie", studio.thumbnails)
    assert cards.count("checked") == 1
    assert 'value="udnie" checked' in cards
    assert cards.count("data:image/webp") == len(studio.checkpoint.styles)


def test_an_upload_must_be_a_file(tmp_path: Path, uploads: Path) -> None:
    with pytest.raises(PictureError, match="no photo"):
        uploaded_file(None)
    with pytest.raises(PictureError, match="no photo"):
        uploaded_file({"path": None, "url": "data:image/png;base64,"})
    with pytest.raises(PictureError, match="no longer"):
        receive(tmp_path / "gone.png")


def test_a_preview_is_upright_and_small(tmp_path: Path, uploads: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    make_picture(1600, 800).save(tmp_path / "side.jpg", exif=exif)
    photo = receive(tmp_path / "side.jpg")
    assert photo.size == (800, 1600)
    with Image.open(photo.preview) as preview:
        assert preview.size == (320, 640)


def test_kept_files_cannot_be_guessed(uploads: Path) -> None:
    first, second = keep_file(b"1", "a.png"), keep_file(b"2", "a.png")
    assert first != second
    assert first.parent.parent == uploads
    assert len(first.parent.name) == 32


def test_a_run_ends_the_one_before_it() -> None:
    visit = Visit()
    first = visit.begin()
    second = visit.begin()
    assert first.is_set()
    assert not second.is_set()
    visit.end(by_hand=True)
    assert visit.stopped_by_hand(second)
    assert not visit.stopped_by_hand(first)


def test_work_in_the_background_says_it_lives_then_gives_its_result() -> None:
    def work(cancelled: Any) -> str:
        time.sleep(0.4)
        return "done"

    seen = list(in_background(work, threading.Event()))
    assert seen[-1] == "done"
    assert len(seen) > 1
    assert set(seen[:-1]) == {None}


def test_work_in_the_background_stops_when_told_or_abandoned() -> None:
    ended = threading.Event()

    def work(cancelled: Any) -> str:
        while not cancelled():
            time.sleep(0.01)
        ended.set()
        raise CancelledError("Stopped.")

    stop = threading.Event()
    run = in_background(work, stop)
    assert next(run) is None
    stop.set()
    with pytest.raises(CancelledError):
        next(run)
    assert ended.wait(5)

    ended.clear()
    abandoned = in_background(work, threading.Event())
    next(abandoned)
    abandoned.close()  # type: ignore[attr-defined]
    assert ended.wait(5)


def test_an_error_in_the_background_comes_out() -> None:
    def work(cancelled: Any) -> str:
        raise PictureError("torn")

    with pytest.raises(PictureError, match="torn"):
        list(in_background(work, threading.Event()))


def test_the_contact_sheet_shows_every_style(studio: Studio, photo: Path) -> None:
    done: list[int] = []
    sheet = paint_sheet(studio, photo, lambda: False, done.append)
    assert done == list(range(1, len(studio.checkpoint.styles) + 1))
    assert 1.1 < sheet.width / sheet.height < 2.1
    with pytest.raises(CancelledError):
        paint_sheet(studio, photo, lambda: True, done.append)


def test_the_contact_sheet_is_about_three_to_two() -> None:
    assert best_columns(15, (420, 420)) == 5
    assert best_columns(1, (420, 420)) == 1


def test_a_bar_is_never_full_before_the_end() -> None:
    assert Clock(None).share is None
    assert Clock(1e-9).share == 0.95
    assert Clock(100).left == " · about 100 s left"


def test_the_caption_says_what_a_picture_is(studio: Studio, photo: Path, uploads: Path) -> None:
    painting = paint(studio, photo, Choices("udnie"), None, lambda: False)
    styles = [studio.stylizer.describe("udnie")]
    caption = finished(painting.size, 0.214, "CPU bf16", styles)
    assert "90 × 60 · 0.21 s · CPU bf16" in caption
    assert "Francis Picabia, 1913" in caption
    assert painting.before is not None
    assert paint(studio, photo, Choices("udnie"), (90, 60), lambda: False).before is None


def test_visitors_who_wait_learn_that_the_studio_cannot_open() -> None:
    studio = Studio(engine="steam")
    with pytest.raises(EngineError):
        studio.open()
    with pytest.raises(EngineError, match="steam"):
        _ = studio.stylizer


def upscale(client: Any, photo: Path, **options: Any) -> Image.Image:
    from gradio_client import handle_file

    return Image.open(client.predict(handle_file(str(photo)), api_name="/upscale", **options))


def test_upscale_gives_the_upscalers_own_pixels(
    served: tuple[Any, Any], upscalers: dict[int, Any], photo: Path
) -> None:
    made = upscale(served[1], photo, scale=8, detail=0.25, size=400)
    expected = upscalers[8](open_picture(photo), 0.25, 400)
    assert made.size == (400, 267)
    assert np.array_equal(np.asarray(made), np.asarray(expected))
    assert upscale(served[1], photo).size == (360, 240)
    named = served[1].view_api(return_format="dict")["named_endpoints"]["/upscale"]
    parameters = [each["parameter_name"] for each in named["parameters"]]
    assert parameters == ["photo", "scale", "detail", "size", "network"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scale": 5}, "scale"),
        ({"scale": [4]}, "scale"),
        ({"detail": 2}, "detail"),
        ({"detail": None}, "detail"),
        ({"size": 100_000}, "largest that fits"),
        ({"size": -1}, "size"),
    ],
)
def test_a_bad_request_to_upscale_gets_a_sentence(
    served: tuple[Any, Any], photo: Path, options: dict[str, Any], words: str
) -> None:
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match=words):
        upscale(served[1], photo, **options)


def test_a_visitor_reads_beforehand_what_an_enlargement_will_be() -> None:
    studio = Studio()
    assert foretell(studio, (480, 270), Wish(4)) == "480 × 270 → 1920 × 1080 · about 1 s"
    assert foretell(studio, (1500, 1000), Wish(4, size=4500)).startswith("1500 × 1000 → 4500 × 300")
    studio.upscaling_paces[4].note((10_000, 10_000), 1000)
    assert foretell(studio, (1000, 1000), Wish(4)).endswith("about 3 min")
    assert Wish(4).file_stem(Path("/x/a b.png")) == "a_b-x4"


def test_an_enlargement_beyond_the_limit_is_told_and_the_largest_that_fits_is_offered() -> None:
    studio, photo = Studio(), (3000, 2000)
    with pytest.raises(PictureError, match="At ×4 the result is 12000×8000, 96 megapixels"):
        foretell(studio, photo, Wish(4))
    side = longest_side(photo, 4)
    width, height = Wish(4, size=side).result(photo)
    assert width * height <= 50_000_000 < (width + 2) * (height + 2)
    told = foretell(studio, photo, Wish(4, size=side))
    assert told.startswith(f"3000 × 2000 → {width} × {height}")
    assert "96 megapixels" in told
    assert longest_side((480, 270), 4) == 1920


def test_enlarging_says_how_far_it_is_and_learns_the_pace(
    studio: Studio, upscalers: dict[int, Any], tmp_path: Path
) -> None:
    photo, notes = tmp_path / "wide.png", []
    make_picture(700, 40).save(photo)
    before = studio.upscaling_paces[4].foretell((1000, 1000))
    made = enlarge(studio, photo, Wish(4), None, lambda *note: notes.append(note), lambda: False)
    assert made.size == made.shown_size == (2800, 160)
    assert made.shown is None
    assert studio.upscaling_paces[4].foretell((1000, 1000)) != before
    shares = [share for _, share in notes if share is not None]
    assert shares == [0.5, 1.0]
    assert "1 of 2 tiles" in next(text for text, share in notes if share == 0.5)
    after = Image.open(io.BytesIO(made.after))
    assert np.array_equal(np.asarray(after), np.asarray(upscalers[4](open_picture(photo))))
    bicubic = open_picture(photo).resize((2800, 160), Image.Resampling.BICUBIC)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(made.before))), np.asarray(bicubic))
    with pytest.raises(CancelledError):
        enlarge(studio, photo, Wish(4), None, lambda *note: None, lambda: True)


def test_a_very_large_result_is_shown_smaller_and_kept_whole(
    studio: Studio, tmp_path: Path
) -> None:
    photo = tmp_path / "long.png"
    make_picture(1300, 900).save(photo)
    made = enlarge(studio, photo, Wish(4), None, lambda *note: None, lambda: False)
    assert made.size == Image.open(io.BytesIO(made.after)).size == (5200, 3600)
    assert made.shown is not None
    shown, before = Image.open(io.BytesIO(made.shown)), Image.open(io.BytesIO(made.before))
    assert shown.size == before.size == made.shown_size
    assert 15_900_000 < shown.width * shown.height <= 16_000_000


def test_an_upscaler_is_loaded_when_first_asked_for_and_kept() -> None:
    studio = Studio()
    first = studio.upscaler(4)
    assert first.scale == 4
    assert studio.upscaler(4) is first
    with pytest.raises(SettingError, match="4 and 8"):
        studio.upscaler(3)
    with pytest.raises(EngineError, match="steam"):
        Studio(engine="steam").upscaler(4)


def test_the_page_is_there_before_torch_is() -> None:
    code = "import sys, fastnst.ui.page; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_pace_is_learnt_from_large_pictures_more_than_from_small_ones() -> None:
    pace = Pace()
    assert pace.foretell((1000, 1000)) is None
    pace.note((1000, 1000), 2)
    assert pace.foretell((2000, 1000)) == 4
    pace.note((100, 100), 1)
    assert 2 < pace.foretell((1000, 1000)) < 4
    pace.note((10_000, 1000), 5)
    assert 0.5 < pace.foretell((1000, 1000)) < 0.7
