"""Sharing, in the Hub tab: a network of the page becomes a repository of the visitor's."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import gradio as gr

from fastnst.catalog import DEFAULT_STYLES, SHIPPED
from fastnst.errors import FastnstError, HubError
from fastnst.hub.library import pulled_networks
from fastnst.hub.push import Pushed, push
from fastnst.ui import status
from fastnst.ui.background import in_background
from fastnst.ui.panel import Updates
from fastnst.ui.rights import sharing_token, signs_in
from fastnst.ui.studio import Studio
from fastnst.ui.tab import AT_ONCE, HUB_RUN
from fastnst.ui.trained import is_trained

LICENCES = (
    ("As the paintings allow", ""),
    *((name, name) for name in ("apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0")),
    *((name, name) for name in ("cc-by-nc-4.0", "cc-by-nc-sa-4.0")),
)
SIGN_IN = "Sign in to share with an account of your own."
STORE_TOKEN = (
    "To share, store a token of yours: run hf auth login on the machine that serves this page, and "
    "open the page there."
)
READY = "Everything is checked here before anything is sent."


@dataclass(frozen=True)
class Sharing:
    """The components, and their handlers. A token passes through and is kept nowhere."""

    studio: Studio
    network: gr.Dropdown
    name: gr.Textbox
    licence: gr.Dropdown
    private: gr.Checkbox
    go: gr.Button
    note: gr.HTML

    @property
    def inputs(self) -> list[Any]:
        return [self.network, self.name, self.licence, self.private]

    def come(
        self, trained: list[str], request: gr.Request, signed_in: gr.OAuthToken | None
    ) -> Updates:
        """Say what there is to share, and with whose account."""
        return {
            self.network: gr.update(choices=network_choices(self.studio, trained)),
            self.note: status.message(READY if sharing_token(request, signed_in) else missing()),
        }

    def share(
        self,
        network: str,
        name: str,
        licence: str,
        private: bool,
        request: gr.Request,
        signed_in: gr.OAuthToken | None,
    ) -> Iterator[Updates]:
        """Publish a network under the account of the visitor."""
        token, name = sharing_token(request, signed_in), str(name or "").strip()
        if not token or not name:
            wanted = "Give the repository a name: my-styles" if token else missing()
            yield {self.note: status.message(wanted)}
            return

        def work(_: Callable[[], bool]) -> Pushed:
            shared = find_network(self.studio, network)
            # Not push_to_hub, which would have this server follow what the visitor pushes.
            return push(shared, name, bool(private), token, licence=licence or "")

        clock = status.Clock(None)
        try:
            for pushed in in_background(work, Event()):
                if pushed is None:
                    text = f"Checking and sending {name} · {clock.elapsed:.0f} s"
                    yield {self.note: status.working(text, None), self.go: waiting(True)}
                else:
                    said = "Shared" if pushed.changed else "Nothing has changed since the last time"
                    yield {
                        self.note: status.message(f"{said}: {pushed.url}"),
                        self.go: waiting(False),
                    }
        except FastnstError as error:
            yield {self.note: status.message(str(error)), self.go: waiting(False)}


def waiting(busy: bool) -> Any:
    return gr.update(interactive=not busy)


def missing() -> str:
    """What to do without a token."""
    return SIGN_IN if signs_in() else STORE_TOKEN


def network_choices(studio: Studio, trained: Sequence[str] = ()) -> list[tuple[str, str]]:
    """What can be shared: what the visitor trained, what ships, and what was added."""
    own = [(f"{each.title} (yours)", each.id) for each in studio.trained.jobs(trained)]
    return [
        *own,
        *((name, name) for name, each in SHIPPED.items() if each.shared),
        *((each.repo, each.repo) for each in pulled_networks()),
    ]


def find_network(studio: Studio, name: str) -> Any:
    """A network that can be shared, ready to use.

    Raises:
        FastnstError: there is none of that name, or it cannot be used.
    """
    if is_trained(name):
        return studio.trained.network(name)
    if name == DEFAULT_STYLES:
        return studio.stylizer
    added = next((each for each in pulled_networks() if each.repo == name), None)
    if added is not None:
        return studio.pulled.network(added.repo, added.task)
    if name in SHIPPED:
        return studio.load(name)
    raise HubError(f"{str(name)[:80]!r} is no network of this page.")


def draw_sharing(studio: Studio, shown: Any, trained: gr.BrowserState) -> Sharing:
    """Draw it into the current block, and connect it. See `draw_hub`."""
    gr.HTML("<h2>Share</h2>", elem_id="share-title")
    if signs_in():
        gr.LoginButton(logout_value="Sign out ({})", size="md", elem_id="sign-in")
    with gr.Column(elem_classes="fields"):
        network = gr.Dropdown(
            network_choices(studio), value=DEFAULT_STYLES, label="What", elem_id="share-network"
        )
        name = gr.Textbox(
            label="Repository", placeholder="my-styles", max_length=200, elem_id="share-name"
        )
        licence = gr.Dropdown(list(LICENCES), value="", label="Licence", elem_id="share-licence")
        private = gr.Checkbox(label="Private: only you see it", elem_id="share-private")
    go = gr.Button("Share", variant="primary", elem_classes="act", elem_id="share-go")
    note = gr.HTML(status.message(""), elem_id="share-note", elem_classes="caption")
    sharing = Sharing(studio, network, name, licence, private, go, note)
    shown(sharing.come, trained, [network, note], **AT_ONCE)
    go.click(sharing.share, sharing.inputs, [note, go], **HUB_RUN)
    return sharing
