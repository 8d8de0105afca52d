"""The Upscale tab in a real browser."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import make_picture
from odd_files import png_of_size
from PIL import Image, ImageChops, ImageStat
from visitor import LAPTOP, PHONE, Visitor, assert_same

from fastnst.images import open_picture

pytestmark = pytest.mark.browser

MAKE = 0x010F


@pytest.fixture
def upscaling(visitor: Visitor) -> Visitor:
    """A visitor who has come to the tab."""
    visitor.open_tab("upscale")
    return visitor


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "old house.png"
    picture = make_picture(96, 64)
    exif = Image.Exif()
    exif[MAKE] = "Pinhole"
    picture.save(path, exif=exif)
    return path


def plan(visitor: Visitor, text: str) -> None:
    """Wait until the plan says a text."""
    visitor.page.locator("#plan", has_text=text).wait_for()


def upscale(visitor: Visitor) -> None:
    old = visitor.after_source()
    visitor.page.click("#go")
    visitor.wait_for_new_picture(old)


def zoom(visitor: Visitor) -> float:
    matrix = "image => new DOMMatrix(getComputedStyle(image).transform).a"
    return float(visitor.part("slider").locator("img").nth(1).evaluate(matrix))


def test_the_tab_opens_with_an_upscaled_sample(
    upscaling: Visitor, upscalers: dict[int, Any]
) -> None:
    upscaling.wait_for_caption("1024 × 1024")
    plan(upscaling, "256 × 256 → 1024 × 1024")
    assert upscaling.shown(0).size == upscaling.shown(1).size == (1024, 1024)
    assert upscalers[4].device in upscaling.caption()
    height = upscaling.page.evaluate("document.documentElement.scrollHeight")
    assert height <= LAPTOP["height"]


def test_an_upload_is_upscaled_when_asked_for_and_downloaded(
    upscaling: Visitor, upscalers: dict[int, Any], photo: Path
) -> None:
    upscaling.upload(photo)
    upscaling.wait_for_caption("press Upscale")
    assert not upscaling.part("download").is_enabled()
    plan(upscaling, "96 × 64 → 384 × 256")
    upscale(upscaling)
    upscaling.wait_for_caption("384 × 256")
    expected = upscalers[4](open_picture(photo), 0.5)
    bicubic = open_picture(photo).resize((384, 256), Image.Resampling.BICUBIC)
    assert_same(upscaling.shown(1), expected)
    assert_same(upscaling.shown(0), bicubic)
    name, picture = upscaling.download()
    assert name == "old_house-x4.png"
    assert_same(picture, expected)
    upscaling.choose_format("JPEG")
    name, picture = upscaling.download()
    assert (name, picture.format, picture.size) == ("old_house-x4.jpg", "JPEG", (384, 256))
    assert picture.getexif()[MAKE] == "Pinhole"


def test_every_choice_counts(upscaling: Visitor, upscalers: dict[int, Any], photo: Path) -> None:
    upscaling.upload(photo)
    upscaling.page.locator("#scale label", has_text="×8").click()
    plan(upscaling, "96 × 64 → 768 × 512")
    upscaling.page.locator("#detail input[type=range]").press("End")
    upscaling.page.locator("#upscale-size input").fill("700")
    plan(upscaling, "96 × 64 → 700 × 467")
    upscale(upscaling)
    upscaling.wait_for_caption("700 × 467")
    assert_same(upscaling.shown(1), upscalers[8](open_picture(photo), 1, 700))


def test_a_size_that_cannot_be_is_told_beforehand_and_the_largest_offered(
    upscaling: Visitor, tmp_path: Path
) -> None:
    Image.radial_gradient("L").resize((3000, 2000)).save(tmp_path / "large.png")
    upscaling.upload(tmp_path / "large.png")
    plan(upscaling, "96 megapixels")
    size = upscaling.page.locator("#upscale-size input")
    side = int(size.input_value())
    assert 8650 <= side <= 8661
    plan(upscaling, f"→ {side} ×")
    size.fill("9000")
    plan(upscaling, "9000×6000, 54 megapixels; the limit is 50")
    upscaling.page.click("#go")
    upscaling.wait_for_caption("54 megapixels")


def test_a_long_run_shows_its_tiles_and_can_be_stopped(
    upscaling: Visitor, upscalers: dict[int, Any], photo: Path, tmp_path: Path
) -> None:
    make_picture(1500, 1000).save(tmp_path / "large.jpg")
    upscaling.upload(tmp_path / "large.jpg")
    upscaling.page.click("#go")
    upscaling.part("caption").locator("text=/ of \\d+ tiles/").wait_for()
    bar = upscaling.part("caption").locator("progress")
    assert 0 < float(bar.get_attribute("value")) < 1
    asked = time.monotonic()
    upscaling.part("stop").click()
    upscaling.wait_for_caption("Stopped")
    assert time.monotonic() - asked < 5
    assert not upscaling.part("stop").is_visible()
    assert not upscaling.part("download").is_enabled()
    upscaling.upload(photo)
    upscale(upscaling)
    assert_same(upscaling.shown(1), upscalers[4](open_picture(photo)))


def test_the_result_of_the_stylize_tab_is_enlarged(
    visitor: Visitor, upscalers: dict[int, Any], photo: Path
) -> None:
    visitor.upload(photo)
    visitor.choose("udnie")
    painted = visitor.shown(1)
    visitor.page.click("#enlarge")
    visitor.tab = "upscale"
    visitor.wait_for_caption("384 × 256")
    assert_same(visitor.shown(1), upscalers[4](painted))
    plan(visitor, "96 × 64 → 384 × 256")
    name, picture = visitor.download()
    assert name == "old_house-udnie-x4.png"
    assert_same(picture, upscalers[4](painted))
    visitor.open_tab("stylize")
    visitor.wait_for_caption("96 × 64")


def test_one_to_one_shows_the_pixels_themselves(upscaling: Visitor, tmp_path: Path) -> None:
    make_picture(400, 300, 3).save(tmp_path / "shore.png")
    upscaling.upload(tmp_path / "shore.png")
    upscale(upscaling)
    upscaling.wait_for_caption("1600 × 1200")
    button = upscaling.part("slider").locator("button", has_text="1:1")
    button.click()
    upscaling.page.wait_for_timeout(500)
    assert zoom(upscaling) > 1.5
    corner = (
        "image => { const box = image.getBoundingClientRect();"
        " return [box.x + (box.width - image.naturalWidth) / 2,"
        " box.y + (box.height - image.naturalHeight) / 2] }"
    )
    x, y = map(round, upscaling.part("slider").locator("img").nth(1).evaluate(corner))
    handle = upscaling.part("slider").locator("[role=slider]").bounding_box()
    left, top = int(handle["x"]) + 60, int(handle["y"]) + 100
    box = (left, top, left + 200, top + 100)
    screen = Image.open(io.BytesIO(upscaling.page.screenshot())).convert("RGB").crop(box)
    result = upscaling.shown(1).convert("RGB").crop((left - x, top - y, box[2] - x, box[3] - y))
    assert ImageStat.Stat(result).stddev[0] > 2
    assert max(high for _, high in ImageChops.difference(screen, result).getextrema()) <= 3
    button.click()
    upscaling.page.wait_for_timeout(500)
    assert zoom(upscaling) == 1
    box = upscaling.part("slider").bounding_box()
    upscaling.page.mouse.dblclick(box["x"] + 0.7 * box["width"], box["y"] + 0.4 * box["height"])
    upscaling.page.wait_for_timeout(500)
    assert zoom(upscaling) > 1.5


def test_a_bad_file_is_explained_and_a_tiny_one_is_not_bad(
    upscaling: Visitor, tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "bomb.png").write_bytes(png_of_size(50_000, 50_000))
    for name, words in (("text.jpg", "not a picture"), ("bomb.png", "megapixels")):
        upscaling.offer(tmp_path / name)
        upscaling.wait_for_caption(words)
        upscaling.page.locator(".toast-body", has_text=words).wait_for()
    Image.new("RGB", (1, 30), "teal").save(tmp_path / "line.png")
    upscaling.upload(tmp_path / "line.png")
    upscale(upscaling)
    upscaling.wait_for_caption("4 × 120")
    assert upscaling.shown(1).size == (4, 120)


@pytest.fixture(params=["light", "dark"])
def phone(request: Any, browser: Any, address: str) -> Iterator[Visitor]:
    visitor = Visitor(browser, address, viewport=PHONE, is_mobile=True, color_scheme=request.param)
    visitor.open_tab("upscale")
    yield visitor
    visitor.close()


def test_is_one_column_on_a_phone_result_first(phone: Visitor) -> None:
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    parts = [phone.part("slider"), phone.part("photo"), phone.page.locator("#go")]
    boxes = [part.bounding_box() for part in parts]
    assert [box["y"] for box in boxes] == sorted(box["y"] for box in boxes)
    for box in boxes:
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
