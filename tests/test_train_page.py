"""The Train tab in a real browser, with real trainings, and what follows them: tried, shared."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import make_picture
from local_hub import LocalHub, User, use
from local_hub import serving as serving_hub
from odd_files import png_of_size
from PIL import Image
from visitor import LAPTOP, PHONE, Visitor, assert_same, serving

from fastnst.checkpoint_file import load_checkpoint
from fastnst.ui.studio import Studio

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIGNED_IN = "mock-oauth-token-for-local-dev"  # Gradio's
STORED = "hf_SecretOfAnn1234567890"
TRAINING = 900_000  # milliseconds until a training has come somewhere: the machine may be busy


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    folder = tmp_path_factory.mktemp("hub")
    hub = LocalHub(folder / "server")
    hub.users = {STORED: User("ann"), SIGNED_IN: User("ann")}
    with serving_hub(hub), pytest.MonkeyPatch.context() as patch:
        use(hub, folder / "home", STORED, patch)
        yield hub


@pytest.fixture(scope="module")
def train_address(
    hub: LocalHub, studio: Studio, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Of a page on which one signs in."""
    for library in ("authlib", "itsdangerous"):
        pytest.importorskip(library)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTNST_OAUTH", "1")
        with serving(studio, tmp_path_factory.mktemp("uploads")) as (_, url):
            yield url


@pytest.fixture
def trainer(browser: Any, train_address: str) -> Iterator[Visitor]:
    """A visitor who has come to the tab."""
    visitor = Visitor(browser, train_address)
    open_train(visitor)
    yield visitor
    visitor.close()


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    """With transparency, and lying on its side."""
    path = tmp_path / "painting.png"
    picture = make_picture(320, 240, 7).convert("RGBA")
    picture.putpixel((0, 0), (0, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)
    return path


def open_train(visitor: Visitor) -> None:
    visitor.tab = "train"
    visitor.page.get_by_role("tab", name="Train").click()
    visitor.page.locator("#train-preview img").wait_for()


def offer_painting(visitor: Visitor, path: Path) -> None:
    visitor.page.locator("#train-painting input[type=file]").set_input_files(path)


def fill(visitor: Visitor, field: str, text: str) -> None:
    visitor.page.locator(f"#train-{field}").locator("input, textarea").fill(text)


def says(
    visitor: Visitor,
    text: str | re.Pattern[str],
    timeout: float | None = None,
    part: str = "caption",
) -> None:
    visitor.page.locator(f"#train-{part}", has_text=text).wait_for(timeout=timeout)


def preview(visitor: Visitor) -> str:
    return str(visitor.page.locator("#train-preview img").get_attribute("src"))


def wait_for_new_preview(visitor: Visitor, old: str) -> None:
    visitor.page.wait_for_function(
        "old => { const image = document.querySelector('#train-preview img');"
        " return image && image.src !== old && image.complete && image.naturalWidth }",
        arg=old,
        timeout=TRAINING,
    )


def ratio(visitor: Visitor) -> float:
    shape = "image => image.getBoundingClientRect().width / image.getBoundingClientRect().height"
    return float(visitor.page.locator("#train-view .canvas").evaluate(shape))


def test_a_painting_becomes_a_style_that_is_tried_and_shared(
    trainer: Visitor, browser: Any, hub: LocalHub, studio: Studio, painting: Path
) -> None:
    page, known = trainer.page, studio.styles

    # 1. Drop a painting, and frame a part of it.
    offer_painting(trainer, painting)
    page.locator("#train-view img").wait_for()
    assert ratio(trainer) == pytest.approx(240 / 320, rel=0.02)
    frame = page.locator("#train-view .frame")
    box = frame.bounding_box()
    corner = (box["x"] + box["width"] - 4, box["y"] + box["height"] - 4)
    page.mouse.move(*corner)
    page.mouse.down()
    page.mouse.move(corner[0], corner[1] - 0.25 * box["height"], steps=3)
    page.mouse.up()
    for _ in range(5):
        frame.press("Shift+ArrowLeft")
    frame.press("ArrowRight")

    # 2. Say its name. 3. Start.
    fill(trainer, "title", "Small Waves")
    fill(trainer, "artist", "Anonymous")
    page.locator("#train-samples button").nth(1).click()
    says(trainer, "A few minutes", part="plan")
    fill(trainer, "minutes", "15")  # the machine may be busy, and it is stopped by hand
    page.click("#train-start")
    page.locator("#train-caption progress").wait_for()
    assert ratio(trainer) == pytest.approx(0.9 * 240 / (0.75 * 320), rel=0.03)
    untouched = preview(trainer)
    assert not page.locator("#train-start").is_enabled()

    # It survives a reload, here the one of signing in; meanwhile one can paint.
    page.get_by_role("tab", name="Hub").click()
    with page.expect_navigation():
        page.locator("#sign-in", has_text="Sign in").click()
    trainer.tab = "stylize"
    trainer.wait_for_caption("×")
    trainer.choose("udnie")
    open_train(trainer)
    says(trainer, "step", TRAINING)
    wait_for_new_preview(trainer, untouched)
    first = preview(trainer)
    wait_for_new_preview(trainer, first)
    assert page.locator("#train-curve polyline").count() >= 1
    page.click("#train-keep")
    says(trainer, "Small Waves is ready", TRAINING)

    # It is this visitor's alone.
    other = Visitor(browser, trainer.address)
    open_train(other)
    assert not other.page.locator("#train-try").is_visible()
    assert other.page.locator("#train-view img").count() == 0
    assert other.page.locator("#styles label").count() == len(known) == len(studio.styles)
    other.close()

    # Download.
    with page.expect_download() as download:
        page.click("#train-download")
    assert download.value.suggested_filename == "small_waves.safetensors"
    adapter = load_checkpoint(saved(download.value, painting.parent))
    assert adapter.base is not None and adapter.base.hash == studio.checkpoint.trunk
    assert (adapter.styles[0].title, adapter.styles[0].artist) == ("Small Waves", "Anonymous")
    mixed = studio.stylizer.with_styles(adapter)

    # Try it.
    trainer.tab = "stylize"
    old = trainer.after_source()
    page.click("#train-try")
    trainer.wait_for_new_picture(old)
    trainer.wait_for_caption("Small Waves")
    cards = page.locator("#styles label")
    assert cards.count() == len(known) + 1 and "Small Waves" in cards.first.inner_text()
    assert cards.first.locator("input").is_checked() and cards.first.locator("img").count() == 1
    before = trainer.shown(0)
    assert_same(trainer.shown(1), mixed(before, "small_waves"))
    page.click("#adjust button")
    page.click("#second input")
    old = trainer.after_source()
    page.locator("[role=option]", has_text=studio.stylizer.describe("udnie").title).first.click()
    trainer.wait_for_new_picture(old)
    assert_same(trainer.shown(1), mixed(before, {"small_waves": 0.5, "udnie": 0.5}))
    trainer.page.click("#styles label:has(input[value=tahiti])")
    trainer.wait_for_caption("Tahitian")

    # Share.
    page.get_by_role("tab", name="Train").click()
    page.click("#train-share")
    page.locator("#share-go").wait_for()
    assert page.locator("#share-network input").input_value() == "Small Waves (yours)"
    assert page.locator("#share-name").locator("input, textarea").input_value() == "small-waves"
    page.click("#share-go")
    page.locator("#share-note", has_text=f"Shared: {hub.url}/ann/small-waves").wait_for()
    shared = painting.parent / "shared.safetensors"
    shared.write_bytes(hub.read("ann/small-waves", "model.safetensors"))
    assert load_checkpoint(shared).hash == adapter.hash
    assert studio.styles == known  # publishing changes nothing for the others

    # Discard.
    page.get_by_role("tab", name="Train").click()
    page.click("#train-discard")
    says(trainer, "It is deleted")
    page.get_by_role("tab", name="Stylize").click()
    page.wait_for_function(
        "count => document.querySelectorAll('#styles label').length === count", arg=len(known)
    )


def saved(download: Any, folder: Path) -> Path:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


def test_trainings_wait_in_a_line_and_can_be_cancelled(
    trainer: Visitor, browser: Any, studio: Studio, painting: Path
) -> None:
    second = Visitor(browser, trainer.address)
    open_train(second)
    for visitor, title in ((trainer, "First"), (second, "Second")):
        offer_painting(visitor, painting)
        says(visitor, "Frame the part")
        fill(visitor, "title", title)
        visitor.page.click("#train-start")
        visitor.page.locator("#train-caption progress").wait_for()
    # How much of the first is left when the second looks is up to the machine.
    says(second, re.compile(r"2nd in line · starts in about \d+ (min|s)"))
    offer_painting(trainer, painting)
    trainer.page.locator(".toast-body", has_text="still running").wait_for()
    trainer.page.click("#train-discard")
    says(trainer, "It is deleted")
    second.page.locator("#train-caption", has_text="in line").wait_for(state="detached")
    assert studio.desk.ahead()[0] == 1
    second.page.click("#train-discard")
    says(second, "It is deleted")
    assert studio.desk.ahead()[0] == 0
    assert second.page.locator("#train-start").is_enabled()
    second.close()


def test_what_is_wrong_is_explained(trainer: Visitor, painting: Path, tmp_path: Path) -> None:
    page = trainer.page
    page.click("#train-start")
    says(trainer, "Drop a painting first")
    Image.new("RGB", (200, 200), "navy").save(tmp_path / "blank.png")
    make_picture(40, 40).save(tmp_path / "tiny.png")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "bomb.png").write_bytes(png_of_size(50_000, 50_000))
    for name, words in (
        ("blank.png", "of one colour"),
        ("tiny.png", "64"),
        ("text.png", "not a picture"),
        ("bomb.png", "megapixels"),
    ):
        offer_painting(trainer, tmp_path / name)
        says(trainer, words)
    offer_painting(trainer, painting)
    says(trainer, "Frame the part")
    page.click("#train-start")
    says(trainer, "Say its name")
    fill(trainer, "title", "Udnie")
    page.click("#train-start")
    says(trainer, "There is a style udnie already")
    fill(trainer, "name", "not a name")
    page.click("#train-start")
    says(trainer, "letters, digits and underscores")
    page.locator("#train-depth label", has_text="Full").click()
    fill(trainer, "name", "mine")
    page.locator("#train-minutes", has_text="2 to 60").wait_for()
    fill(trainer, "minutes", "1")
    page.click("#train-start")
    says(trainer, "allowed is 2 to 60")
    assert not page.locator("#train-keep").is_visible()


def test_fits_a_laptop_without_scrolling(trainer: Visitor, painting: Path) -> None:
    offer_painting(trainer, painting)
    says(trainer, "Frame the part")
    height = trainer.page.evaluate("document.documentElement.scrollHeight")
    assert height <= LAPTOP["height"]
    names = "images => images.every(image => image.alt)"
    assert trainer.page.locator("#train-form img, #train-pictures img").evaluate_all(names)


def test_is_one_column_on_a_phone_pictures_first_once_there_is_a_painting(
    browser: Any, train_address: str, painting: Path
) -> None:
    visitor = Visitor(browser, train_address, viewport=PHONE, is_mobile=True, color_scheme="dark")
    open_train(visitor)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    form = ("#train-painting", "#train-title", "#train-start")
    assert lies_in_order(visitor, *form, "#train-preview")
    offer_painting(visitor, painting)
    says(visitor, "Frame the part")
    assert lies_in_order(visitor, "#train-preview", *form)
    visitor.close()


def lies_in_order(visitor: Visitor, *parts: str) -> bool:
    """Whether each part lies below the one before."""
    tops = [visitor.page.locator(part).bounding_box()["y"] for part in parts]
    return tops == sorted(tops)
