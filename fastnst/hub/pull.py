"""Networks from the Hub. What comes is a stranger's: limited, checked and pinned to its commit."""

import re
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

from fastnst.adapters import completed
from fastnst.checkpoint import Checkpoint
from fastnst.checkpoint_file import load_checkpoint
from fastnst.errors import CheckpointError, HubError
from fastnst.hub.connection import conversation, persist
from fastnst.hub.library import (
    PulledNetwork,
    cached_weights,
    find_pulled,
    plain_line,
    remember,
)
from fastnst.hub.preview import read_preview
from fastnst.hub.repository import (
    CONFIG,
    PREVIEW,
    WEIGHTS,
    HubId,
    Listing,
    check_files,
    list_repository,
    read_config,
)

NEWEST = "main"
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Fetched:
    """Weights from the Hub on this machine, not yet read.

    Attributes:
        path: of the file.
        repo: "USER/NAME".
        commit: the hash.
    """

    path: Path
    repo: str
    commit: str


def fetch(text: str, *, token: str | None = None) -> Fetched:
    """The weights of a network on the Hub.

    A network that was pulled stays at the commit it was pulled at, unless a revision is given, and
    the Hub is not asked. When the Hub cannot be reached, what it gave earlier is used.

    Args:
        text: "USER/NAME" or "USER/NAME@REVISION".
        token: of the person who asks; else the stored one is used, if there is one.

    Raises:
        HubError: there is no such network, or it cannot be had now.
    """
    name = HubId.parse(text)
    pinned = None if name.revision else find_pulled(name.repo)
    if pinned is not None:
        name = HubId(name.repo, pinned.commit)
    if COMMIT.fullmatch(name.revision):  # what is in a commit never changes
        kept = cached_weights(name.repo, name.revision)
        if kept is not None:
            return Fetched(kept, name.repo, name.revision)
    try:
        with conversation(str(name), token) as api:
            listing = list_repository(api, name)
            check_files(listing, name.repo)
            return Fetched(_download(api, name, listing, WEIGHTS), name.repo, listing.commit)
    except HubError as error:
        kept = cached_weights(name.repo, name.revision or NEWEST)
        if not error.passing or kept is None:
            raise
        return Fetched(kept, name.repo, kept.parent.name)


def pull(text: str, *, token: str | None = None) -> PulledNetwork:
    """Fetch a network, check all of it, and add it to the catalogue of pulled networks.

    Unlike `fetch`, it always asks the Hub: this is how a pulled network is brought up to date.

    Raises:
        HubError: there is no such network, it cannot be had now, or its files are not as they
            should be.
        CheckpointError: its weights are not a good checkpoint.
    """
    name = HubId.parse(text)
    with conversation(str(name), token) as api:
        listing = list_repository(api, name)
        check_files(listing, name.repo)
        if CONFIG in listing.files:
            read_config(_download(api, name, listing, CONFIG), name.repo)
        preview = None
        if PREVIEW in listing.files:
            data = _download(api, name, listing, PREVIEW).read_bytes()
            preview = read_preview(data, name.repo)
        path = _download(api, name, listing, WEIGHTS)
    checkpoint = read_checkpoint(path, name.repo)
    network = PulledNetwork(
        repo=name.repo,
        commit=listing.commit,
        task=checkpoint.task,
        title=_title(listing, checkpoint),
        licence=_licence(listing),
        size=path.stat().st_size,
        styles=checkpoint.styles,
    )
    remember(network, preview)
    return network


def read_checkpoint(path: Path, repo: str) -> Checkpoint:
    """A pulled checkpoint that fits its architecture; an adapter, the one of its base.

    Raises:
        CheckpointError: it is no good; the message names the repository.
    """
    from fastnst.networks import build_network  # it brings torch

    try:
        checkpoint = load_checkpoint(path)
        build_network(completed(checkpoint))
    except CheckpointError as error:
        raise CheckpointError(f"{repo}: {error}") from error
    return checkpoint


def _download(api: HfApi, name: HubId, listing: Listing, file: str) -> Path:
    """One file of a repository, as the Hub listed it.

    Raises:
        HubError: what came is not what was listed, twice.
    """
    # The branch at first, so that the cache remembers what it stood at.
    for revision, again in ((name.revision or NEWEST, False), (listing.commit, True)):
        get = partial(api.hf_hub_download, revision=revision, force_download=again)
        path = Path(persist(partial(get, name.repo, file)))
        if path.parent.name == listing.commit and _is_as_listed(path, listing.files[file]):
            return path
    raise HubError(
        f"{file} of {name.repo} came truncated or tampered with: it is not what was listed."
    )


def _is_as_listed(path: Path, listed: RepoFile) -> bool:
    if path.stat().st_size != listed.size:
        return False
    return listed.lfs is None or sha256(path.read_bytes()).hexdigest() == listed.lfs.sha256


def _title(listing: Listing, checkpoint: Checkpoint) -> str:
    if len(checkpoint.styles) == 1 and checkpoint.styles[0].title:
        return checkpoint.styles[0].title
    card = listing.info.card_data
    return plain_line((card.get("title") if card else "") or listing.info.id.partition("/")[2])


def _licence(listing: Listing) -> str:
    card = listing.info.card_data
    return plain_line((card.get("license") if card else "") or "")
