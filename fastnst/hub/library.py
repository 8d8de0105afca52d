"""The catalogue of pulled networks: a small file beside the Hub's cache."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.utils import WeakFileLock
from PIL import Image

from fastnst.catalog import HUB_ID
from fastnst.checkpoint import Style
from fastnst.checkpoint_file import MAX_TEXT, is_line
from fastnst.errors import HubError
from fastnst.files import replacing
from fastnst.hub.preview import as_jpeg
from fastnst.hub.repository import WEIGHTS

VERSION = 1


@dataclass(frozen=True)
class PulledNetwork:
    """A network that was pulled, pinned to the commit it was pulled at.

    Attributes:
        repo: "USER/NAME".
        commit: its hash.
        task: what it does.
        title: for people.
        licence: as its card says; may be empty.
        size: of its weights, in bytes.
        styles: as the checkpoint describes them; none for another task than style.
    """

    repo: str
    commit: str
    task: str
    title: str
    licence: str
    size: int
    styles: tuple[Style, ...] = ()

    @property
    def name(self) -> str:
        """What `fastnst.load` takes."""
        return f"{self.repo}@{self.commit}"

    @property
    def weights(self) -> Path | None:
        """Its file in the Hub's cache, unless somebody emptied that."""
        return cached_weights(self.repo, self.commit)

    @property
    def preview(self) -> Path | None:
        """A small JPEG made from its preview, if it came with one."""
        path = _preview_path(self.repo)
        return path if path.is_file() else None


def folder() -> Path:
    """Where the catalogue and the previews are."""
    return Path(constants.HF_HUB_CACHE).with_name("fastnst")


def cached_weights(repo: str, revision: str) -> Path | None:
    """The weights of a repository in the Hub's cache, without asking the Hub."""
    found = try_to_load_from_cache(repo, WEIGHTS, revision=revision)
    return Path(found) if isinstance(found, str) else None


def pulled_networks() -> list[PulledNetwork]:
    """All of them, the newest last. What is damaged in the catalogue is passed over."""
    try:
        table = json.loads((folder() / "library.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    rows = table.get("networks") if isinstance(table, dict) else None
    found = (_read(row) for row in (rows if isinstance(rows, list) else []))
    return [network for network in found if network is not None]


def find_pulled(repo: str) -> PulledNetwork | None:
    return next((each for each in pulled_networks() if each.repo == repo), None)


def remember(network: PulledNetwork, preview: Image.Image | None = None) -> None:
    """Add a network, or put it in place of the same at another commit.

    Raises:
        HubError: the catalogue cannot be written.
    """
    with _changing(network.repo) as rows:
        path = _preview_path(network.repo)
        path.unlink(missing_ok=True)
        if preview is not None:
            with replacing(path) as temporary:
                temporary.write_bytes(as_jpeg(preview))
        rows.append(network)


def forget(repo: str) -> bool:
    """Take a network out of the catalogue; the Hub's cache keeps its files. False: it was not in.

    Raises:
        HubError: the catalogue cannot be written.
    """
    known = find_pulled(repo) is not None
    with _changing(repo):
        _preview_path(repo).unlink(missing_ok=True)
    return known


@contextmanager
def _changing(repo: str) -> Iterator[list[PulledNetwork]]:
    """The rows without those of `repo`, to be changed; two processes take turns."""
    path = folder() / "library.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(path.with_suffix(".lock")):
            rows = [each for each in pulled_networks() if each.repo != repo]
            yield rows
            table = {"version": VERSION, "networks": [asdict(each) for each in rows]}
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(table, indent=1), encoding="utf-8")
    except OSError as error:
        raise HubError(f"Cannot write the catalogue {path}: {error.strerror or error}.") from error


def _preview_path(repo: str) -> Path:
    return folder() / "previews" / f"{repo.replace('/', '--')}.jpg"


def _read(row: Any) -> PulledNetwork | None:
    try:
        network = PulledNetwork(**row)
        styles = tuple(Style(**style) for style in network.styles)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    texts = (network.repo, network.commit, network.task, network.title, network.licence)
    lines = (*texts, *(text for style in styles for text in vars(style).values()))
    whole = (
        all(isinstance(text, str) and is_line(text) for text in lines)
        and HUB_ID.fullmatch(network.repo)
        and isinstance(network.size, int)
    )
    return replace(network, styles=styles) if whole else None


def plain_line(text: object) -> str:
    """A stranger's text as one short line without control characters."""
    words = " ".join(str(text).split())
    return "".join(letter for letter in words if letter.isprintable())[:MAX_TEXT]
