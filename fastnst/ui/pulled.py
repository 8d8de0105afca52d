"""The networks that were added from the Hub, as the page uses them.

In the page a style of theirs is called `USER/NAME:style`, so that two networks may have styles of
one name. A network is loaded when it is first asked for.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from threading import Lock
from typing import Any

from fastnst.checkpoint import Style
from fastnst.errors import HubError, PictureError, StyleError
from fastnst.hub.library import PulledNetwork, pulled_networks
from fastnst.hub.pretrained import from_checkpoint
from fastnst.hub.preview import cut_preview
from fastnst.hub.pull import read_checkpoint
from fastnst.images import open_picture
from fastnst.ui.embedding import data_uri
from fastnst.ui.samples import THUMBNAIL_PHOTO

LOADED = 3  # that stay in memory, the ones used last
KNOWN = 64  # networks whose thumbnails are remembered
THUMBNAIL = 192


def in_page(network: PulledNetwork) -> tuple[Style, ...]:
    """The styles of a network, each with the name that it has in the page."""
    return tuple(replace(style, name=f"{network.repo}:{style.name}") for style in network.styles)


def split_style(name: str) -> tuple[str, str]:
    """The network of a style, nothing for the one of the page, and what it is called there."""
    repo, _, own = str(name).rpartition(":")
    return repo, own


class PulledNetworks:
    """What was added and is still in the Hub's cache. Threads may share it."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Nothing is loaded yet. The options are the arguments of `Stylizer`, weights apart."""
        self._options = options
        self._loading = Lock()
        self._load = lru_cache(LOADED)(self._load_commit)
        self._painted: dict[str, dict[str, str]] = {}

    def of(self, task: str) -> list[PulledNetwork]:
        """Those for a task, the newest last."""
        return [each for each in pulled_networks() if each.task == task and each.weights]

    def styles(self) -> list[Style]:
        """All their styles, named as in the page."""
        return [style for network in self.of("style") for style in in_page(network)]

    def thumbnails(self) -> dict[str, str]:
        """Style, named as in the page → a sample photo in it, as a data URI.

        It is cut from the preview of the network; see `paint_thumbnails` for what that lacks.
        """
        thumbnails: dict[str, str] = {}
        for network in self.of("style"):
            thumbnails.update(_from_preview(network))
            thumbnails.update(self._painted.get(network.name, {}))
        return thumbnails

    def paint_thumbnails(self, network: PulledNetwork) -> None:
        """Paint the thumbnails of the styles that the preview of a network does not show.

        Raises:
            FastnstError: the network cannot be used.
        """
        shown = _from_preview(network)
        missing = [style.name for style in in_page(network) if style.name not in shown]
        if network.task != "style" or network.name in self._painted or not missing:
            return
        photo = open_picture(THUMBNAIL_PHOTO.path)
        stylizer = self.network(network.repo, network.task)
        self._painted[network.name] = {
            name: data_uri(stylizer(photo, split_style(name)[1], size=THUMBNAIL), THUMBNAIL)
            for name in missing
        }

    def network(self, repo: str, task: str) -> Any:
        """A network, ready to use. The first who asks waits until it is loaded.

        Raises:
            StyleError: it was not added, or is not for the task.
            CheckpointError: its file was damaged since.
        """
        found = next((each for each in self.of(task) if each.repo == repo), None)
        if found is None:
            raise StyleError(f"{repo[:120]!r} is no network of this page; add it in the Hub tab.")
        with self._loading:
            return self._load(found)

    def _load_commit(self, network: PulledNetwork) -> Any:
        if network.weights is None:
            raise HubError(f"The files of {network.repo} are gone; add it again in the Hub tab.")
        return from_checkpoint(read_checkpoint(network.weights, network.repo), **self._options)


@lru_cache(KNOWN)
def _from_preview(network: PulledNetwork) -> Mapping[str, str]:
    if network.preview is None:
        return {}
    try:
        parts = cut_preview(open_picture(network.preview), len(network.styles))
    except PictureError:
        return {}
    return {
        style.name: data_uri(part, THUMBNAIL)
        for style, part in zip(in_page(network), parts, strict=False)
    }
