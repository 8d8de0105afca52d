"""The Hub tab, and what comes of it: signed in, shared, found, added, used. Against a local Hub."""

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from conftest import make_picture, untrained
from hubs import small
from local_hub import LocalHub, User, use
from local_hub import serving as serving_hub
from PIL import Image
from starlette.requests import Request
from visitor import PHONE, Visitor, assert_same, free_port, serving

from fastnst import Stylizer, Upscaler
from fastnst.checkpoint import Style
from fastnst.errors import SettingError, StyleError
from fastnst.hub.library import forget
from fastnst.hub.preview import cut_preview, style_preview
from fastnst.hub.pull import pull
from fastnst.hub.search import Found
from fastnst.images import open_picture
from fastnst.ui.hub_cards import found_cards
from fastnst.ui.painting import Choices, paint
from fastnst.ui.rights import owns_page, reading_token, sharing_token, sits_here
from fastnst.ui.sheet import paint_sheet
from fastnst.ui.studio import Studio

pytestmark = pytest.mark.usefixtures("one_thread")

STORED = "hf_SecretOfAnn1234567890"
SIGNED_IN = "mock-oauth-token-for-local-dev"  # Gradio's
NASTY = Style("nasty", '<img src=x onerror="alert(1)">', "`${alert(1)}`", "1900", "{{cc}}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    """A Hub with a network for each task, of ann, whose token this machine stores."""
    folder = tmp_path_factory.mktemp("hub")
    hub = LocalHub(folder / "server")
    hub.users = {STORED: User("ann"), SIGNED_IN: User("ann")}
    with serving_hub(hub), pytest.MonkeyPatch.context() as patch:
        use(hub, folder / "home", STORED, patch)
        nasty = replace(small(1), styles=(NASTY,))
        Stylizer(small(2), engine="torch").push_to_hub("ann/cypresses")
        Stylizer(nasty, engine="torch").push_to_hub("ann/nasty")
        Upscaler(weights=untrained(4, 5), engine="torch").push_to_hub("ann/sharper")
        hub.repositories["model", "ann/cypresses"].likes = 12
        yield hub


@pytest.fixture
def hub(world: LocalHub) -> Iterator[LocalHub]:
    """The same, with nothing added here, and nothing noted yet."""
    world.tokens_seen.clear()
    world.requests.clear()
    yield world
    for repo in ("ann/cypresses", "ann/nasty", "ann/sharper", "ann/mine"):
        forget(repo)
    world.repositories.pop(("model", "ann/mine"), None)


@pytest.fixture(scope="module")
def hub_studio(upscalers: dict[int, Any]) -> Studio:
    """A studio with a small network of its own."""
    studio = Studio(replace(small(2)), upscalers, engine="torch")
    studio.open()
    return studio


@pytest.fixture(scope="module")
def page_and_url(
    world: LocalHub, hub_studio: Studio, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, str]]:
    """A page on which one signs in."""
    for library in ("authlib", "itsdangerous"):
        pytest.importorskip(library)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTNST_OAUTH", "1")
        with serving(hub_studio, tmp_path_factory.mktemp("uploads")) as served:
            yield served


@pytest.fixture
def guest(browser: Any, page_and_url: tuple[Any, str]) -> Iterator[Visitor]:
    visitor = Visitor(browser, page_and_url[1])
    yield visitor
    visitor.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "garden.png"
    make_picture(90, 60).save(path)
    return path


def go_to(visitor: Visitor, tab: str) -> None:
    visitor.page.get_by_role("tab", name=tab).click()


def note(visitor: Visitor, text: str, part: str = "#hub-note") -> None:
    visitor.page.locator(part, has_text=text).wait_for()


# In the browser


@pytest.mark.browser
def test_sign_in_share_find_add_and_use(
    hub: LocalHub, guest: Visitor, hub_studio: Studio, photo: Path
) -> None:
    page = guest.page
    assert hub.tokens_seen == []  # the Hub is asked when the visitor asks
    go_to(guest, "Hub")
    note(guest, "3 networks.")
    with page.expect_navigation():
        page.locator("#sign-in", has_text="Sign in").click()
    guest.wait_for_caption("×")
    go_to(guest, "Hub")
    page.locator("#sign-in", has_text="Sign out (ann)").wait_for()
    note(guest, "3 networks.")

    searched = len(hub.requests)
    page.click("#share-go")
    note(guest, "Give the repository a name", "#share-note")
    page.locator("#share-name").locator("input, textarea").fill("mine")
    page.locator("#share-private input").check()
    page.click("#share-go")
    note(guest, f"Shared: {hub.url}/ann/mine", "#share-note")
    assert hub.repositories["model", "ann/mine"].private
    # The search of before, which reads with the machine's token, may still be on its way.
    asked = zip(hub.requests[searched:], hub.tokens_seen[searched:], strict=False)
    reads = r"(GET|HEAD) (/api/models(/ann/(?!mine)[^/]+(/tree/.+)?)?|/ann/.+/resolve/.+)"
    used = {token for line, token in asked if token and not re.fullmatch(reads, line)}
    assert f"Bearer {SIGNED_IN}" in used  # of the visitor, not of the machine
    assert not any(STORED in token for token in used)
    page.click("#share-go")
    note(guest, "Nothing has changed since the last time", "#share-note")

    page.locator("#hub-text").locator("input, textarea").fill("mine")
    page.click("#hub-go")
    note(guest, "1 network.")
    page.locator("#hub-cards img").wait_for()
    card = page.locator("#hub-cards article")
    assert card.count() == 1
    assert "Vincent <b>van</b> Gogh · ann/mine" in card.inner_text()
    card.locator("button").click()
    note(guest, "Added mine: its styles are in the Stylize tab.")
    assert card.locator("button").count() == 0 and "Added" in card.inner_text()

    go_to(guest, "Stylize")
    assert page.locator("#styles label").count() == 4
    assert page.locator("#styles img").count() == 4
    guest.upload(photo)
    old = guest.after_source()
    page.click("#styles label:has(input[value='ann/mine:style_1'])")
    guest.wait_for_new_picture(old)
    assert_same(guest.shown(1), hub_studio.stylizer(open_picture(photo), "style_1"))
    assert "Cypress 1" in guest.caption()
    page.click("#adjust button")
    page.click("#second input")
    page.locator("[role=option]", has_text="Cypress 0").wait_for()
    assert page.locator("[role=option]").count() == 3  # of this network only
    old = guest.after_source()
    page.locator("[role=option]", has_text="Cypress 0").click()
    guest.wait_for_new_picture(old)
    mixed = {"style_0": 0.5, "style_1": 0.5}
    assert_same(guest.shown(1), hub_studio.stylizer(open_picture(photo), mixed))
    old = guest.after_source()
    page.click("#styles label:has(input[value='style_0'])")
    guest.wait_for_new_picture(old)
    assert_same(guest.shown(1), hub_studio.stylizer(open_picture(photo), "style_0"))
    assert [style.name for style in Studio(small(1)).styles][1:] == [  # after a restart
        "ann/mine:style_0",
        "ann/mine:style_1",
    ]


@pytest.mark.browser
def test_a_network_that_upscales_is_offered_in_its_tab(
    hub: LocalHub, guest: Visitor, photo: Path
) -> None:
    page = guest.page
    guest.open_tab("upscale")
    assert not page.locator("#upscale-network").is_visible()
    go_to(guest, "Hub")
    page.click("#hub-cards button[value='ann/sharper']")
    note(guest, "Added sharper: see the Upscale tab.")
    guest.open_tab("upscale")
    guest.upload(photo)
    page.click("#upscale-network input")
    page.locator("[role=option]", has_text="sharper").click()
    old = guest.after_source()
    page.click("#go")
    guest.wait_for_new_picture(old)
    expected = Upscaler(weights=untrained(4, 5), engine="torch")(open_picture(photo))
    assert_same(guest.shown(1), expected)


@pytest.mark.browser
def test_a_strangers_texts_are_only_shown(
    hub: LocalHub, browser: Any, page_and_url: tuple[Any, str]
) -> None:
    visitor = Visitor(browser, page_and_url[1], viewport=PHONE, is_mobile=True)
    alerts: list[str] = []
    visitor.page.on("dialog", lambda dialog: alerts.append(dialog.message))
    go_to(visitor, "Hub")
    card = visitor.page.locator("#hub-cards article", has_text="ann/nasty")
    card.locator("img").wait_for()
    assert NASTY.title in card.inner_text() and NASTY.artist in card.inner_text()
    card.locator("button").click()
    note(visitor, f"Added {NASTY.title}: its styles")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    go_to(visitor, "Stylize")
    assert NASTY.title in visitor.page.locator("#styles").inner_text()
    assert alerts == [] and visitor.page.locator("img[src=x]").count() == 0
    visitor.close()


@pytest.mark.browser
def test_without_network_and_token_the_page_says_what_to_do(
    browser: Any, hub_studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = LocalHub(tmp_path / "server")
    nowhere.url = f"http://127.0.0.1:{free_port()}"
    use(nowhere, tmp_path / "home", None, monkeypatch)
    monkeypatch.delenv("FASTNST_OAUTH", raising=False)  # that of the other page
    with serving(hub_studio, tmp_path / "uploads") as (_, url):
        visitor = Visitor(browser, url)
        started = time.monotonic()
        go_to(visitor, "Hub")
        note(visitor, "cannot be reached; is there a network?")
        note(visitor, "run hf auth login", "#share-note")
        assert time.monotonic() - started < 10
        assert visitor.page.locator("#sign-in").count() == 0
        visitor.page.click("#share-go")
        note(visitor, "run hf auth login", "#share-note")
        go_to(visitor, "Stylize")
        visitor.choose("style_1")
        visitor.close()


# For programs


@pytest.fixture
def client(page_and_url: tuple[Any, str], tmp_path: Path) -> Any:
    from gradio_client import Client

    options = {"analytics_enabled": False, "download_files": str(tmp_path / "downloads")}
    return Client(page_and_url[1], verbose=False, **options)


def test_programs_search_and_use_what_was_added(
    hub: LocalHub, hub_studio: Studio, client: Any, photo: Path
) -> None:
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    found = client.predict(api_name="/search")
    assert found[0]["repo"] == "ann/cypresses" and len(found) == 3
    assert found[0]["likes"] == 12 and found[0]["task"] == "style"
    (row,) = client.predict("sharp", task="super-resolution", api_name="/search")
    assert row["repo"] == "ann/sharper" and row["size"] > 1e6
    assert set(hub.tokens_seen) == {None}  # nobody's search, so nobody's token
    with pytest.raises(AppError, match="The order is 'age'"):
        client.predict(sort="age", api_name="/search")
    with pytest.raises(AppError, match="no network of this page; add it in the Hub tab"):
        client.predict(handle_file(str(photo)), "ann/cypresses:style_1", api_name="/stylize")
    pull("ann/cypresses")
    pull("ann/sharper")
    names = [row["name"] for row in client.predict(api_name="/styles")]
    assert names[2:] == ["ann/cypresses:style_0", "ann/cypresses:style_1"]
    made = client.predict(handle_file(str(photo)), names[3], api_name="/stylize")
    assert_same(Image.open(made), hub_studio.stylizer(open_picture(photo), "style_1"))
    picture = {"photo": handle_file(str(photo)), "network": "ann/sharper"}
    large = client.predict(**picture, api_name="/upscale")
    own = Upscaler(weights=untrained(4, 5), engine="torch")
    assert_same(Image.open(large), own(open_picture(photo)))
    with pytest.raises(AppError, match="ann/sharper enlarges ×4, not ×8"):
        client.predict(**picture, scale=8, api_name="/upscale")


def test_agents_have_the_actions_as_tools(
    hub: LocalHub, hub_studio: Studio, page_and_url: tuple[Any, str], photo: Path
) -> None:
    pytest.importorskip("mcp")
    import base64

    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    encoded = f"data:image/png;base64,{base64.b64encode(photo.read_bytes()).decode()}"

    async def talk() -> tuple[Any, ...]:
        async with (
            streamable_http_client(f"{page_and_url[1]}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            return (
                tools,
                await session.call_tool("styles", {}),
                await session.call_tool("search", {"text": "cypress"}),
                await session.call_tool("stylize", {"photo": encoded, "style": "style_1"}),
                await session.call_tool("upscale", {"photo": encoded, "scale": 4}),
            )

    with ThreadPoolExecutor(1) as pool:  # where no loop of the browser's runs
        answers = pool.submit(asyncio.run, talk()).result()
    tools, styles, found, painted, enlarged = answers
    by_name = {tool.name: tool for tool in tools}
    assert set(by_name) == {"stylize", "upscale", "styles", "search"}
    assert "Repaint a photo" in by_name["stylize"].description
    strength = by_name["stylize"].inputSchema["properties"]["strength"]
    assert "0 is the photo" in strength["description"]
    assert "Cypress 1" in styles.content[0].text
    assert "ann/cypresses" in found.content[0].text
    expected = hub_studio.stylizer(open_picture(photo), "style_1")
    assert_same(received(painted), expected)
    assert received(enlarged).size == (360, 240)


def received(result: Any) -> Image.Image:
    """The picture that a tool answers with."""
    import base64
    import io

    picture = next(each for each in result.content if each.type == "image")
    return Image.open(io.BytesIO(base64.b64decode(picture.data)))


# Who may


def request_from(peer: str, **headers: str) -> gr.Request:
    fields = {"host": "localhost:7860", **{key.replace("_", "-"): headers[key] for key in headers}}
    scope = {
        "type": "http",
        "client": (peer, 5000),
        "headers": [(key.encode(), value.encode()) for key, value in fields.items()],
    }
    return gr.Request(Request(scope))


def person(name: str) -> gr.OAuthProfile:
    return gr.OAuthProfile({"preferred_username": name, "name": name, "profile": "", "picture": ""})


SIGNED = gr.OAuthToken(token="hf_Visitors", scope="", expires_at=0)
HERE = request_from("127.0.0.1")
ELSEWHERE = [
    request_from("192.168.0.7"),
    request_from("127.0.0.1", x_forwarded_for="127.0.0.1"),
    request_from("127.0.0.1", host="pictures.example:7860"),
    request_from("testclient"),
]


def test_the_stored_token_is_for_whoever_sits_at_the_machine(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sits_here(HERE) and sits_here(request_from("::1", host="[::1]:7860"))
    assert owns_page(HERE, None)
    assert sharing_token(HERE, None) == STORED and reading_token(HERE) is None
    assert sharing_token(HERE, SIGNED) == "hf_Visitors"
    for request in ELSEWHERE:
        assert not owns_page(request, person("ann"))
        assert (sharing_token(request, None), reading_token(request)) == ("", "")
    monkeypatch.setenv("SYSTEM", "spaces")
    monkeypatch.setenv("SPACE_ID", "ann/painter")
    assert (sharing_token(HERE, None), reading_token(HERE)) == ("", "")
    assert sharing_token(HERE, SIGNED) == "hf_Visitors"
    assert not owns_page(HERE, None) and not owns_page(HERE, person("bob"))
    assert owns_page(ELSEWHERE[0], person("Ann"))


# The parts


def test_styles_of_two_networks_are_kept_apart(hub: LocalHub, hub_studio: Studio) -> None:
    choices = Choices("ann/x:udnie", second="ann/x:tahiti", balance=0.25)
    assert choices.network == "ann/x"
    assert choices.blend == {"udnie": 0.75, "tahiti": 0.25}
    assert choices.file_stem(Path("tower.jpg")) == "tower-udnie-tahiti"
    for style, second in (("udnie", "ann/x:udnie"), ("ann/x:udnie", "ann/y:udnie")):
        with pytest.raises(StyleError, match="Only styles of one network can be mixed"):
            _ = Choices(style, second=second).blend
    with pytest.raises(StyleError, match="'ann/x' is no network of this page"):
        hub_studio.style_network("ann/x")
    pull("ann/sharper")
    with pytest.raises(StyleError, match="is no network of this page"):
        hub_studio.style_network("ann/sharper")
    with pytest.raises(SettingError, match="enlarges ×4, not ×8"):
        hub_studio.upscaler(8, "ann/sharper")


def test_added_styles_are_painted_and_on_the_sheet(
    hub: LocalHub, hub_studio: Studio, photo: Path
) -> None:
    alone = paint_sheet(hub_studio, photo, lambda: False, lambda done: None)
    pull("ann/cypresses")
    counted: list[int] = []
    sheet = paint_sheet(hub_studio, photo, lambda: False, counted.append)
    assert counted == [1, 2, 3, 4] and sheet.size != alone.size
    choices = Choices("ann/cypresses:style_1")
    made = paint(hub_studio, photo, choices, None, lambda: False)
    own = paint(hub_studio, photo, Choices("style_1"), None, lambda: False)
    assert made.after == own.after


def test_thumbnails_come_from_the_preview_or_are_painted(hub: LocalHub, hub_studio: Studio) -> None:
    many = replace(
        small(9), styles=tuple(Style(f"style_{number}", f"No. {number}") for number in range(9))
    )
    Stylizer(many, engine="torch").push_to_hub("ann/mine")
    network = pull("ann/mine")
    assert len(hub_studio.thumbnails) == 2 + 7
    hub_studio.pulled.paint_thumbnails(network)
    assert len(hub_studio.thumbnails) == 2 + 9
    assert all(uri.startswith("data:image/webp;base64,") for uri in hub_studio.thumbnails.values())


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
def test_a_preview_is_cut_as_it_was_put_together(count: int) -> None:
    def paint_flat(photo: Image.Image, style: str) -> Image.Image:
        return Image.new("RGB", photo.size, (int(style), 0, 0))

    sheet = style_preview(paint_flat, [str(20 * number) for number in range(count)])
    parts = cut_preview(sheet, count)
    assert [np.unique(part)[-1] for part in parts] == [20 * number for number in range(count)]
    assert all(np.asarray(part)[..., 1:].max() == 0 for part in parts)


def test_cards_say_what_there_is_and_escape_it() -> None:
    row = Found(
        repo="ann/x", title=NASTY.title, artist=NASTY.artist, task="style", licence="<b>",
        size=1_500_000, likes=1, downloads=2, preview_url=None,
    )  # fmt: skip
    cards = found_cards([row], {"ann/x": '"><script>'}, (), may_add=True)
    assert "<script" not in cards and "<img src=x" not in cards and "<b>" not in cards
    assert "1.5 MB" in cards and "1 like<" in cards
    assert '<button type="button" value="ann/x">Add</button>' in cards
    assert "<button" not in found_cards([row], {}, ("ann/x",), may_add=True)
    assert "<button" not in found_cards([row], {}, (), may_add=False)
