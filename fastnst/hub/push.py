"""Networks to the Hub: checked here first, then one commit, and none if nothing changed."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from PIL import Image

from fastnst.catalog import HUB_ID
from fastnst.checkpoint import Checkpoint
from fastnst.errors import FastnstError, HubError
from fastnst.hub.connection import conversation, persist
from fastnst.hub.failures import BY_STATUS, NO_TOKEN
from fastnst.hub.library import find_pulled
from fastnst.hub.pretrained import Pretrained
from fastnst.hub.preview import as_jpeg, style_preview, upscale_preview
from fastnst.hub.pull import pull, read_checkpoint
from fastnst.hub.repository import (
    CONFIG,
    FILES,
    OF_THE_HUB,
    PREVIEW,
    WEIGHTS,
    HubId,
    Listing,
    check_files,
    list_repository,
    read_config,
    save_repository,
)

MESSAGE = "Push with fastnst"
MAX_MESSAGE = 200
CONFLICT = 409


@dataclass(frozen=True)
class Pushed:
    """What came of a push.

    Attributes:
        repo: "USER/NAME".
        commit: the hash that the repository is at now.
        url: of its page.
        changed: whether there was anything to commit.
    """

    repo: str
    commit: str
    url: str
    changed: bool

    def __str__(self) -> str:
        return self.url


PREVIEWS: Mapping[str, Callable[[Any], Image.Image]] = {
    "style": lambda network: style_preview(network, network.styles),
    "super-resolution": upscale_preview,
}


def push(
    network: Pretrained,
    repo_id: str,
    private: bool = False,
    token: str | None = None,
    *,
    licence: str = "",
    base_model: str = "",
    message: str = "",
) -> Pushed:
    """Publish a network on the Hub, with a card and a preview made here.

    Nothing is sent before all of it is made and checked. The files arrive in one commit: a push
    that was killed leaves the repository empty or as it was, and the next one completes it.

    Args:
        network: what to publish.
        repo_id: "USER/NAME", or "NAME" for one of your own. Made if there is none.
        private: make it visible to you alone.
        token: to use for this and nothing else; by default the stored one.
        licence: of the weights, as the Hub writes it: "cc-by-4.0".
        base_model: the repository of the network that this one was trained from.
        message: of the commit.

    Raises:
        HubError: it cannot be published, and why.
        CheckpointError: the network is not fit to be loaded again.
    """
    slash = "/" in repo_id
    if not HUB_ID.fullmatch(repo_id if slash else f"me/{repo_id}") or "@" in repo_id:
        raise HubError(f"{repo_id[:120]!r} cannot be a repository's name; that is USER/NAME.")
    if base_model:
        HubId.parse(base_model)
    secret = token or get_token()
    if not secret:
        raise HubError(NO_TOKEN.format(about=f"pushing to {repo_id}"))
    repo = repo_id if slash else f"{my_name(token)}/{repo_id}"
    with tempfile.TemporaryDirectory(prefix="fastnst-push-") as name:
        folder = Path(name)
        _make_files(network, folder, repo, licence, base_model)
        with conversation(repo, token) as api:
            check_account(api, repo)
            before = _find(api, repo, network.checkpoint, private)
            if before is None:
                before = _create(api, repo, network.checkpoint, private)
            pushed = _commit(api, repo, folder, before, message)
    return pushed


def push_and_follow(network: Pretrained, repo_id: str, private: bool, **options: Any) -> Pushed:
    """As `push`; and a network that was also pulled here is the new one from now on.

    For whoever owns this machine's catalogue, not for visitors of a page.
    """
    pushed = push(network, repo_id, private, **options)
    known = find_pulled(pushed.repo)
    if known is not None and known.commit != pushed.commit:
        with suppress(FastnstError):
            pull(pushed.repo, token=options.get("token"))
    return pushed


def my_name(token: str | None) -> str:
    with conversation("your account", token) as api:
        return str(persist(api.whoami)["name"])


def _make_files(
    network: Pretrained, folder: Path, repo: str, licence: str, base_model: str
) -> None:
    """The whole repository, checked as whoever pulls it will."""
    checkpoint = network.checkpoint
    save_repository(checkpoint, folder, repo, licence, base_model)
    read_checkpoint(folder / WEIGHTS, repo)
    (folder / PREVIEW).write_bytes(as_jpeg(PREVIEWS[checkpoint.task](network)))
    for file, limit in FILES.items():
        if (folder / file).stat().st_size > limit:
            raise HubError(f"{file} would be over {limit / 2**20:.2g} MB, the limit for pushing.")


def check_account(api: HfApi, repo: str) -> None:
    """Refuse to push where the token may not."""
    me: Mapping[str, Any] = persist(api.whoami)
    name, owner = str(me.get("name")), repo.partition("/")[0]
    role = ((me.get("auth") or {}).get("accessToken") or {}).get("role")
    if role == "read":
        raise HubError(f"The token of {name} may only read; pushing needs one that may write.")
    places = [name, *(str(each.get("name")) for each in me.get("orgs") or ())]
    if owner.lower() not in (place.lower() for place in places):
        raise HubError(
            f"You have no permission to write to {owner}; your token is for {', '.join(places)}."
        )


def _find(api: HfApi, repo: str, checkpoint: Checkpoint, private: bool) -> Listing | None:
    """The repository as it is, if there is one and it may be pushed to."""
    try:
        listing = list_repository(api, HubId(repo))
    except RepositoryNotFoundError:
        return None
    if private and listing.info.private is False:
        raise HubError(
            f"{repo} is public already; make it private on its page, or push without private."
        )
    if set(listing.files) <= OF_THE_HUB:
        return listing
    taken = f"The name {repo} is taken: it is a repository of something else"
    if WEIGHTS not in listing.files or CONFIG not in listing.files:
        foreign = sorted(set(listing.files) - OF_THE_HUB)[0]
        raise HubError(f"{taken}, with {foreign!r:.80}; choose another name.")
    check_files(listing, repo)
    config = api.hf_hub_download(repo, CONFIG, revision=listing.commit)
    try:
        task = read_config(Path(config), repo).get("task")
    except HubError as error:
        raise HubError(f"{taken}; choose another name.") from error
    if task != checkpoint.task:
        raise HubError(
            f"{repo} is the wrong kind of repository: for {task!r:.40}, "
            f"and this network is for {checkpoint.task}."
        )
    return listing


def _create(api: HfApi, repo: str, checkpoint: Checkpoint, private: bool) -> Listing:
    try:
        persist(lambda: api.create_repo(repo, private=private or None))
    except HfHubHTTPError as error:
        if error.response is None or error.response.status_code != CONFLICT:
            raise
        # Made in the meantime: by an attempt of ours whose answer was lost, or by somebody else.
    made = _find(api, repo, checkpoint, private)
    if made is None:
        raise HubError(BY_STATUS[CONFLICT].format(about=repo))
    return made


def _commit(api: HfApi, repo: str, folder: Path, before: Listing, message: str) -> Pushed:
    files = [file for file in FILES if not _keeps(before, folder, file)]

    def send() -> str:
        additions = [CommitOperationAdd(file, str(folder / file)) for file in files]
        for addition in additions:  # one by one: in threads of its own our time-outs are lost
            api.preupload_lfs_files(repo, [addition])
        commit = api.create_commit(repo, additions, commit_message=message[:MAX_MESSAGE] or MESSAGE)
        return commit.oid

    commit = persist(send)
    return Pushed(repo, commit, f"{api.endpoint}/{repo}", commit != before.commit)


def _keeps(before: Listing, folder: Path, file: str) -> bool:
    """Whether to leave the preview: the same network paints a bit differently elsewhere."""
    if file != PREVIEW or PREVIEW not in before.files or WEIGHTS not in before.files:
        return False
    listed = before.files[WEIGHTS].lfs
    ours = sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    return listed is not None and listed.sha256 == ours
