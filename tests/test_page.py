"""The page in a real browser: Debian's Chromium, driven by Playwright, with no way out."""

import io
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from odd_files import png_of_size
from PIL import Image
from visitor import LAPTOP, PHONE, Visitor, assert_same, free_port

from fastnst.images import open_picture

ROOT = Path(__file__).resolve().parent.parent
MAKE, ORIENTATION = 0x010F, 0x0112
OPENING_SIZE = (377, 600)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JPEG lying on its side, with EXIF: 320×200 in the file, 200×320 upright."""
    path = tmp_path_factory.mktemp("photos") / "sea side.jpg"
    pixels = np.random.default_rng(1).integers(0, 256, (20, 32, 3), np.uint8)
    picture = Image.fromarray(pixels).resize((320, 200), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[MAKE], exif[ORIENTATION] = "Pinhole", 6
    picture.save(path, exif=exif)
    return path


def test_opens_with_a_painted_photo_and_every_style(visitor: Visitor, studio: Any) -> None:
    styles = studio.checkpoint.styles
    assert visitor.shown(0).size == visitor.shown(1).size
    assert studio.stylizer.device in visitor.caption()
    visitor.page.wait_for_selector("#styles img")
    cards = visitor.page.locator("#styles label")
    assert cards.count() == len(styles)
    for index, style in enumerate(styles):
        card = cards.nth(index)
        assert style.title in card.inner_text()
        assert style.licence in card.get_attribute("title")
    assert visitor.page.locator("#styles input:checked").count() == 1
    loaded = "images => images.every(image => image.naturalWidth > 0 && image.alt)"
    assert visitor.page.locator("#choices img, #stylize-slider img").evaluate_all(loaded)


def test_fits_a_laptop_without_scrolling(visitor: Visitor) -> None:
    height = visitor.page.evaluate("document.documentElement.scrollHeight")
    assert height <= LAPTOP["height"]
    for part in ("#stylize-photo", "#styles", "#stylize-slider", "#stylize-download", "#adjust"):
        box = visitor.page.locator(part).bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= LAPTOP["height"], part


def test_is_one_column_on_a_phone_result_first(browser: Any, address: str) -> None:
    visitor = Visitor(browser, address, viewport=PHONE, is_mobile=True, color_scheme="dark")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    parts = [
        visitor.page.locator(part) for part in ("#stylize-slider", "#stylize-photo", "#styles")
    ]
    tops = [part.bounding_box()["y"] for part in parts]
    assert tops == sorted(tops)
    visitor.close()


def test_what_is_shown_is_what_is_downloaded(visitor: Visitor, studio: Any, photo: Path) -> None:
    visitor.upload(photo)
    visitor.choose("udnie")
    visitor.wait_for_caption("200 × 320")
    visitor.page.click("#adjust button")
    old, track = visitor.after_source(), visitor.page.locator("#strength input[type=range]")
    track.click(position={"x": track.bounding_box()["width"] * 0.4, "y": 4})
    visitor.wait_for_new_picture(old)
    strength = float(track.input_value())
    assert 0.3 < strength < 0.9
    expected = studio.stylizer(open_picture(photo), "udnie", strength)
    name, picture = visitor.download()
    assert name == "sea_side-udnie.png"
    assert_same(picture, expected)
    assert_same(visitor.shown(1), expected)
    assert_same(visitor.shown(0), studio.stylizer(open_picture(photo), strength=0))


def test_every_control_changes_the_picture(visitor: Visitor, studio: Any, photo: Path) -> None:
    visitor.upload(photo)
    visitor.choose("udnie")
    visitor.page.click("#adjust button")

    def pick(control: str, option: str) -> None:
        old = visitor.after_source()
        visitor.page.click(f"{control} input")
        visitor.page.locator("[role=option]", has_text=option).first.click()
        visitor.wait_for_new_picture(old)

    def press(control: str, key: str) -> None:
        old = visitor.after_source()
        visitor.page.locator(f"{control} input[type=range]").press(key)
        visitor.wait_for_new_picture(old)

    pick("#second", studio.stylizer.describe("the_scream").title)
    press("#balance", "ArrowRight")
    press("#brush", "End")
    pick("#size", "320 × 512")
    old = visitor.after_source()
    visitor.page.click("#keep-colors input")
    visitor.wait_for_new_picture(old)
    expected = studio.stylizer(
        open_picture(photo), {"udnie": 0.45, "the_scream": 0.55}, brush=2, size=512,
        keep_colors=True,
    )  # fmt: skip
    assert_same(visitor.shown(1), expected)
    assert visitor.shown(0).size == (320, 512)
    assert "The Scream" in visitor.caption()
    assert "Udnie" in visitor.caption()


def test_a_jpeg_download_keeps_exif(visitor: Visitor, photo: Path) -> None:
    visitor.upload(photo)
    visitor.page.click("#stylize-format input")
    with visitor.page.expect_response(re.compile("predict")):
        visitor.page.locator("[role=option]", has_text="JPEG").click()
    visitor.page.wait_for_timeout(300)
    name, picture = visitor.download()
    assert Path(name).suffix == ".jpg"
    assert picture.format == "JPEG"
    assert picture.size == (200, 320)
    assert picture.getexif()[MAKE] == "Pinhole"
    assert picture.getexif().get(ORIENTATION, 1) == 1


def bad_files(folder: Path) -> dict[str, str]:
    """Files that are no photos, and a word of what the page says of each."""
    (folder / "text.jpg").write_text("not a picture")
    (folder / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    Image.new("RGB", (8, 200)).save(folder / "sliver.png")
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    (folder / "bomb.png").write_bytes(png_of_size(50_000, 50_000))
    whole = io.BytesIO()
    Image.new("RGB", (300, 300), "green").save(whole, "PNG")
    (folder / "cut.png").write_bytes(whole.getvalue()[:200])
    return {
        "text.jpg": "not a picture",
        "drawing.svg": "SVG",
        "sliver.png": "8×200",
        "moving.gif": "frames",
        "bomb.png": "megapixels",
        "cut.png": "damaged",
    }


def test_a_bad_file_is_explained_and_the_page_goes_on(
    visitor: Visitor, studio: Any, photo: Path, tmp_path: Path
) -> None:
    visitor.upload(photo)
    for name, words in bad_files(tmp_path).items():
        visitor.offer(tmp_path / name)
        visitor.wait_for_caption(words)
        visitor.page.locator(".toast-body", has_text=words).wait_for()
    visitor.choose("the_scream")
    assert_same(visitor.shown(1), studio.stylizer(open_picture(photo), "the_scream"))


def test_visitors_do_not_see_each_other(
    browser: Any, address: str, studio: Any, tmp_path: Path
) -> None:
    visitors, photos = [], []
    for colour in ("crimson", "seagreen", "royalblue"):
        photos.append(tmp_path / f"{colour}.png")
        Image.new("RGB", (96, 64), colour).save(photos[-1])
        visitors.append(Visitor(browser, address))
    for visitor, photo in zip(visitors, photos, strict=True):
        visitor.offer(photo)
    for visitor in visitors:
        visitor.wait_for_caption("96 × 64")
    for visitor in visitors:
        visitor.page.click("#styles label:has(input[value=udnie])")
    for visitor, photo in zip(visitors, photos, strict=True):
        visitor.wait_for_caption("Udnie")
        assert_same(visitor.shown(0), open_picture(photo))
        assert_same(visitor.shown(1), studio.stylizer(open_picture(photo), "udnie"))
        visitor.close()


def test_all_styles_make_a_contact_sheet(visitor: Visitor, studio: Any) -> None:
    visitor.page.click("#all-styles")
    visitor.page.locator("#sheet img").wait_for()
    visitor.wait_for_caption(f"{len(studio.stylizer.styles)} styles")
    name, sheet = visitor.download()
    assert name == "tower-all-styles.png"
    assert sheet.width > 1000
    assert len(sheet.getcolors(1 << 24)) > 10_000
    visitor.page.click("#back")
    visitor.page.locator("#stylize-slider img").first.wait_for()
    assert "tower-" in visitor.download()[0]


def test_a_long_run_can_be_stopped_and_a_newer_choice_ends_it(
    visitor: Visitor, tmp_path: Path
) -> None:
    large = tmp_path / "large.jpg"
    Image.radial_gradient("L").resize((4200, 3000)).convert("RGB").save(large)
    visitor.offer(large)
    visitor.page.locator("#stylize-caption", has_text="Painting 4200 × 3000").wait_for()
    assert visitor.page.locator("#stylize-caption progress").count() == 1
    asked = time.monotonic()
    visitor.page.click("#stylize-stop")
    visitor.wait_for_caption("Stopped")
    assert time.monotonic() - asked < 5
    assert not visitor.page.locator("#stylize-stop").is_visible()
    visitor.page.click("#styles label:has(input[value=udnie])")
    visitor.page.locator("#stylize-caption", has_text="Painting 4200 × 3000").wait_for()
    visitor.page.locator("#stylize-samples button").nth(1).click()
    visitor.wait_for_caption("256 × 256")
    assert visitor.after_source().endswith("lion-udnie.png")


def test_the_camera_takes_a_photo(browser: Any, address: str) -> None:
    visitor = Visitor(browser, address, permissions=["camera"])
    assert visitor.shown(0).size == OPENING_SIZE
    old = visitor.after_source()
    visitor.page.click("#stylize-photo [aria-label='Remove Image']")
    visitor.page.click("#stylize-photo [aria-label='Capture from camera']")
    visitor.page.click("#stylize-photo [title='grant webcam access']")
    visitor.wait_for_caption("Add a photo")
    visitor.page.wait_for_function(
        "() => { const video = document.querySelector('#stylize-photo video');"
        " return video && video.videoWidth && video.currentTime > 0.2 }"
    )
    visitor.page.click("#stylize-photo [aria-label='capture photo']")
    visitor.wait_for_new_picture(old)
    assert visitor.shown(0).size != OPENING_SIZE
    visitor.close()


def test_the_keyboard_reaches_the_comparison(visitor: Visitor) -> None:
    place = (
        "() => document.querySelector('#stylize-slider [role=slider]').getBoundingClientRect().x"
    )
    panel = visitor.page.locator("#stylize-slider").bounding_box()
    middle = panel["x"] + panel["width"] / 2
    visitor.page.wait_for_function(f"middle => Math.abs(({place})() - middle) < 30", arg=middle)
    before = visitor.page.evaluate(place)
    visitor.page.locator("#stylize-slider [role=slider]").press("ArrowRight")
    visitor.page.wait_for_function(f"before => ({place})() > before + 10", arg=before)


def test_app_answers_soon_from_a_plain_clone(tmp_path: Path) -> None:
    port = free_port()
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "CI": "true"}
    environment.pop("PYTHONPATH", None)
    app = subprocess.Popen([sys.executable, str(ROOT / "app.py")], cwd=tmp_path, env=environment)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    assert b"fastnst" in answer.read()
                break
            except OSError:
                assert app.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
    finally:
        app.terminate()
        app.wait(30)
