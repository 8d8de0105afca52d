"""Networks on the Hub, found by tag and text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from huggingface_hub import HfApi, ModelInfo, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import RepoFile
from PIL import Image

from fastnst.catalog import HUB_ID
from fastnst.checkpoint_file import FORMAT
from fastnst.errors import HubError
from fastnst.hub.card import TASK_TAGS
from fastnst.hub.connection import conversation
from fastnst.hub.library import plain_line
from fastnst.hub.preview import read_preview
from fastnst.hub.repository import FILES, PREVIEW, WEIGHTS, HubId, list_repository

Order = Literal["likes", "downloads"]
ORDERS: tuple[str, ...] = get_args(Order)
LIMIT = 20
MOST = 100
MAX_QUERY = 200


@dataclass(frozen=True)
class Found:
    """A network on the Hub. All texts are a stranger's: plain, never HTML.

    Attributes:
        repo: "USER/NAME".
        title: for people.
        artist: the painter, or the painters; may be empty.
        task: what it does, as a checkpoint says it; empty if its tags do not say.
        licence: as its card says; may be empty.
        size: of its weights, in bytes; none if not known.
        likes: how many people like it.
        downloads: in the last month.
        preview_url: where its preview is, if it has one. It may need a token.
    """

    repo: str
    title: str
    artist: str
    task: str
    licence: str
    size: int | None
    likes: int
    downloads: int
    preview_url: str | None


def search(
    text: str = "",
    *,
    sort: str = "likes",
    task: str = "",
    limit: int = LIMIT,
    token: str | None = None,
) -> list[Found]:
    """Networks for fastnst whose names hold a text, most popular first.

    Args:
        text: to look for; empty finds all.
        sort: "likes" or "downloads".
        task: only networks for it; empty finds all.
        limit: the most to find, up to 100.
        token: of the person who asks, which finds private ones too.

    Raises:
        HubError: the Hub cannot be asked, or the order or the task is unknown.
    """
    if sort not in ORDERS:
        raise HubError(f"The order is {sort[:40]!r}; allowed are {', '.join(ORDERS)}.")
    if task and task not in TASK_TAGS:
        raise HubError(f"The task is {task[:40]!r}; allowed are {', '.join(TASK_TAGS)}.")
    if not 1 <= limit <= MOST:
        raise HubError(f"The limit is {limit}; allowed is 1 to {MOST}.")
    tags = [FORMAT, TASK_TAGS[task]] if task else [FORMAT]
    with conversation("the search", token) as api:
        infos = api.list_models(
            filter=tags,
            search=text.strip()[:MAX_QUERY] or None,
            sort=sort,  # type: ignore[arg-type]
            limit=limit,
            full=True,
            cardData=True,
        )
        # Not every Hub keeps to filter and order.
        found = [
            _row(api, info)
            for info in infos
            if HUB_ID.fullmatch(info.id) and set(tags) <= set(info.tags or ())
        ]
    return sorted(found, key=lambda row: getattr(row, sort), reverse=True)


def fetch_preview(repo: str, *, token: str | None = None) -> Image.Image | None:
    """The preview of a network that was not pulled, made small; none if it has none.

    Raises:
        HubError: it cannot be had, or is no picture to show.
    """
    name = HubId.parse(repo)
    with conversation(repo, token) as api:
        listing = list_repository(api, name)
        if PREVIEW not in listing.files:
            return None
        if listing.files[PREVIEW].size > FILES[PREVIEW]:
            raise HubError(f"The preview of {repo} is too large.")
        path = api.hf_hub_download(name.repo, PREVIEW, revision=listing.commit)
        with open(path, "rb") as file:
            return read_preview(file.read(FILES[PREVIEW]), repo)


def _row(api: HfApi, info: ModelInfo) -> Found:
    card = info.card_data.to_dict() if info.card_data else {}
    tags = set(info.tags or ())
    files = [each.rfilename for each in info.siblings or ()]
    return Found(
        repo=info.id,
        title=plain_line(card.get("title") or info.id.partition("/")[2]),
        artist=plain_line(card.get("artist") or ""),
        task=next((task for task, tag in TASK_TAGS.items() if tag in tags), ""),
        licence=plain_line(card.get("license") or _licence_tag(tags)),
        size=_size(api, info, card),
        likes=info.likes or 0,
        downloads=info.downloads or 0,
        preview_url=hf_hub_url(info.id, PREVIEW, endpoint=api.endpoint)
        if PREVIEW in files or not files
        else None,
    )


def _licence_tag(tags: set[str]) -> str:
    return next((tag.partition(":")[2] for tag in tags if tag.startswith("license:")), "")


def _size(api: HfApi, info: ModelInfo, card: Mapping[str, Any]) -> int | None:
    """As the card says it, which comes with the search; else asked for."""
    said = card.get("weights_bytes")
    if isinstance(said, int) and said > 0:
        return said
    try:
        tree = api.list_repo_tree(info.id)
        sizes = {each.path: each.size for each in tree if isinstance(each, RepoFile)}
    except HfHubHTTPError:
        return None
    return sizes.get(WEIGHTS)
