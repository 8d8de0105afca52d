"""The Hub tab: networks of other people, to search through and to add."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from fastnst.errors import FastnstError
from fastnst.hub.library import PulledNetwork, pulled_networks
from fastnst.hub.pull import pull
from fastnst.hub.search import ORDERS, Found, fetch_preview, search
from fastnst.ui import status
from fastnst.ui.cards import style_cards
from fastnst.ui.embedding import embedded
from fastnst.ui.hub_cards import found_cards, found_gallery
from fastnst.ui.panel import Updates
from fastnst.ui.rights import owns_page, reading_token
from fastnst.ui.sharing import Sharing, draw_sharing, network_choices
from fastnst.ui.studio import Studio
from fastnst.ui.tab import HUB_RUN
from fastnst.ui.upscale import network_dropdown

PREVIEW_WIDTH = 400
FETCHED_AT_ONCE = 6
# How often previews that have come are shown, and how long they are waited for.
PREVIEW_STEP, PREVIEW_STEPS = 0.7, 20
OWNER_ONLY = (
    "Only the owner of this page adds networks: signed in on a Space, else at the machine itself."
)
WHERE = {"style": "its styles are in the Stylize tab", "super-resolution": "see the Upscale tab"}


@dataclass
class Shelf:
    """What one visitor has found. Session state.

    Attributes:
        found: in order.
        pictures: repository → its preview, as a data URI.
    """

    found: list[Found] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HubTab:
    """The components of the tab, and its handlers.

    Attributes:
        gallery: the styles, in the Stylize tab.
        upscaling: the choice of networks, in the Upscale tab.
    """

    studio: Studio
    shelf: gr.State
    text: gr.Textbox
    order: gr.Dropdown
    go: gr.Button
    note: gr.HTML
    cards: gr.HTML
    gallery: gr.HTML
    upscaling: gr.Dropdown
    sharing: Sharing

    def come(
        self,
        shelf: Shelf,
        text: str,
        order: str,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
    ) -> Iterator[Updates]:
        """Show what is on the Hub, unless something is shown already."""
        if shelf.found:
            yield {self.note: gr.skip()}
        else:
            yield from self.look(shelf, text, order, request, profile)

    def look(
        self,
        shelf: Shelf,
        text: str,
        order: str,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
    ) -> Iterator[Updates]:
        """Search, and show what was found; the previews when they come."""
        yield {self.note: status.working("Asking the Hub", None)}
        token, may_add = reading_token(request), owns_page(request, profile)
        try:
            shelf.found = search(text, sort=order, token=token)
        except FastnstError as error:
            yield {self.note: status.message(str(error))}
            return
        count = len(shelf.found)
        said = f"{count} network{'' if count == 1 else 's'}." if count else "Nothing was found."
        said += "" if may_add or not count else f" {OWNER_ONLY}"
        yield {self.note: status.message(said), self.cards: self.draw(shelf, may_add)}
        pool = ThreadPoolExecutor(FETCHED_AT_ONCE)
        waiting = {
            pool.submit(fetch_preview, row.repo, token=token): row.repo
            for row in shelf.found
            if row.preview_url and row.repo not in shelf.pictures
        }
        try:
            for _ in range(PREVIEW_STEPS):
                if not waiting:
                    break
                done, _ = wait(waiting, PREVIEW_STEP)
                for each in done:
                    take_preview(shelf, waiting.pop(each), each)
                if done:
                    yield {self.cards: self.draw(shelf, may_add)}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def draw(self, shelf: Shelf, may_add: bool) -> Any:
        added = {network.repo for network in pulled_networks()}
        return gr.update(cards=found_cards(shelf.found, shelf.pictures, added, may_add))

    def add(
        self,
        shelf: Shelf,
        repo: str,
        chosen: str,
        trained: list[str],
        request: gr.Request,
        profile: gr.OAuthProfile | None,
    ) -> Iterator[Updates]:
        """Pull a network, and show it where it is used."""
        if not owns_page(request, profile):
            yield {self.note: status.message(OWNER_ONLY)}
            return
        yield {self.note: status.working(f"Adding {repo}", None)}
        try:
            network = pull(str(repo), token=reading_token(request))
            self.studio.pulled.paint_thumbnails(network)
        except FastnstError as error:
            yield {self.note: status.message(str(error))}
            return
        styles, pictures = self.studio.styles_for(trained), self.studio.thumbnails_for(trained)
        yield {
            self.note: status.message(added_note(network)),
            self.cards: self.draw(shelf, may_add=True),
            self.gallery: gr.update(cards=style_cards(styles, chosen, pictures)),
            self.upscaling: network_dropdown(self.studio),
            self.sharing.network: gr.update(choices=network_choices(self.studio, trained)),
        }


def added_note(network: PulledNetwork) -> str:
    return f"Added {network.title}: {WHERE.get(network.task, 'it is kept')}."


def take_preview(shelf: Shelf, repo: str, fetched: Future[Any]) -> None:
    """Keep a preview that has come; a card can do without."""
    if fetched.exception() is None and (picture := fetched.result()) is not None:
        picture.thumbnail((PREVIEW_WIDTH, PREVIEW_WIDTH))
        shelf.pictures[repo] = embedded(picture)


def draw_hub(
    studio: Studio,
    shown: Any,
    gallery: gr.HTML,
    upscaling: gr.Dropdown,
    trained: gr.BrowserState,
) -> HubTab:
    """Draw the tab into the current block, and connect it.

    Args:
        studio: gets what is added.
        shown: the event that the visitor has come to the tab.
        gallery: see `HubTab`.
        upscaling: likewise.
        trained: the ids of a visitor's trainings.
    """
    with gr.Row(elem_classes="workbench"):
        with gr.Column(elem_id="hub-found", min_width=300, scale=2):
            with gr.Row(elem_id="hub-search"):
                text = gr.Textbox(
                    show_label=False,
                    label="Search",
                    placeholder="Search networks: a style, a name",
                    container=False,
                    max_length=200,
                    elem_id="hub-text",
                )
                order = gr.Dropdown(
                    [(f"Most {each}", each) for each in ORDERS],
                    value=ORDERS[0],
                    label="Order",
                    show_label=False,
                    container=False,
                    filterable=False,
                    elem_classes="format",
                    elem_id="hub-order",
                )
                go = gr.Button("Search", variant="primary", elem_classes="act", elem_id="hub-go")
            note = gr.HTML(status.message(""), elem_id="hub-note", elem_classes="caption")
            cards = found_gallery()
        with gr.Column(elem_id="hub-share", min_width=300, scale=1):
            sharing = draw_sharing(studio, shown, trained)
    tab = HubTab(
        studio, gr.State(Shelf()), text, order, go, note, cards, gallery, upscaling, sharing
    )
    asked = [tab.shelf, text, order]
    shown(tab.come, asked, [note, cards], **HUB_RUN)
    gr.on([go.click, text.submit, order.input], tab.look, asked, [note, cards], **HUB_RUN)
    outputs = [note, cards, gallery, upscaling, sharing.network]
    cards.input(tab.add, [tab.shelf, cards, gallery, trained], outputs, **HUB_RUN)
    return tab
