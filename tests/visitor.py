"""A visitor of the page: a real browser, driven by Playwright, with no way out."""

import io
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

LAPTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
PATIENCE = 60_000  # milliseconds: the machine may be busy


@contextmanager
def serving(studio: Any, folder: Path) -> Iterator[tuple[Any, str]]:
    """A page that is served meanwhile, with its files in a folder, and its address."""
    from fastnst.ui.page import build_page, launch

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        page = build_page(studio)
        _, url, _ = launch(page, prevent_thread_lock=True, quiet=True, server_port=free_port())
        yield page, url
        page.close()


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; skips the test if the machine has none."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        missing = "there is no chromium on this machine"
        if os.environ.get("FASTNST_REQUIRE_BROWSER"):
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", *camera]
        )
        yield browser
        browser.close()


class Visitor:
    """One browser context on the page. Whatever it asks another server is refused, and noted.

    Attributes:
        tab: the one that is looked at.
    """

    def __init__(self, browser: Any, address: str, **context: Any) -> None:
        self.address = address
        self.tab = "stylize"
        self.foreign: list[str] = []
        self.context = browser.new_context(**{"viewport": LAPTOP, **context})
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.page.route(self._is_foreign, self._refuse)
        self.page.goto(address)
        self.wait_for_caption("×")

    def _is_foreign(self, url: str) -> bool:
        return not url.startswith((self.address, "data:", "blob:"))

    def _refuse(self, route: Any) -> None:
        self.foreign.append(route.request.url)
        route.abort()

    def open_tab(self, tab: str) -> None:
        """Go to another tab and wait until something is shown there."""
        self.tab = tab
        self.page.get_by_role("tab", name=tab.capitalize()).click()
        self.wait_for_caption("×")

    def part(self, name: str) -> Any:
        """A part that every tab with a result has: photo, slider, caption, stop, …"""
        return self.page.locator(f"#{self.tab}-{name}")

    def caption(self) -> str:
        return str(self.part("caption").inner_text())

    def wait_for_caption(self, text: str) -> None:
        self.page.wait_for_function(
            "([caption, text]) => { const line = document.querySelector(caption);"
            " return line?.innerText.includes(text) && !line.querySelector('progress') }",
            arg=[f"#{self.tab}-caption", text],
        )

    def after_source(self) -> str:
        return str(self.part("slider").locator("img").nth(1).get_attribute("src"))

    def wait_for_new_picture(self, old: str) -> None:
        self.page.wait_for_function(
            "([slider, old]) => { const after = document.querySelectorAll(`${slider} img`)[1];"
            " return after && after.src !== old && after.complete && after.naturalWidth }",
            arg=[f"#{self.tab}-slider", old],
        )

    def upload(self, path: Path) -> None:
        """Upload a photo and wait until it is taken in."""
        old = self.after_source()
        self.offer(path)
        self.wait_for_new_picture(old)

    def offer(self, path: Path) -> None:
        self.part("photo").locator("input[type=file]").set_input_files(path)

    def choose(self, style: str) -> None:
        """Click a style and wait for its picture."""
        old = self.after_source()
        self.page.click(f"#styles label:has(input[value={style}])")
        self.wait_for_new_picture(old)

    def shown(self, which: int) -> Image.Image:
        """What the slider shows: 0 before, 1 after."""
        source = self.part("slider").locator("img").nth(which).get_attribute("src")
        return Image.open(io.BytesIO(self.context.request.get(source).body()))

    def choose_format(self, name: str) -> None:
        """Choose the format of the download and wait until it is there."""
        old = self.part("download").get_attribute("href")
        self.part("format").locator("input").click()
        self.page.locator("[role=option]", has_text=name).click()
        self.page.wait_for_function(
            "([download, old]) => document.querySelector(download).href !== old",
            arg=[f"#{self.tab}-download", old],
        )

    def download(self) -> tuple[str, Image.Image]:
        with self.page.expect_download() as download:
            self.part("download").click()
        picture = Image.open(download.value.path())
        picture.load()
        return download.value.suggested_filename, picture

    def close(self) -> None:
        self.context.close()
        assert self.foreign == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def assert_same(picture: Image.Image, expected: Image.Image) -> None:
    assert picture.size == expected.size
    assert np.array_equal(np.asarray(picture.convert("RGB")), np.asarray(expected.convert("RGB")))
