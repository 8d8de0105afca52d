"""A repository of ours on the Hub: four files, and what may be in them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, ModelInfo
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from fastnst.catalog import HUB_ID
from fastnst.checkpoint import Checkpoint
from fastnst.checkpoint_file import FORMAT, MAX_BYTES, save_checkpoint
from fastnst.errors import HubError
from fastnst.hub.card import model_card
from fastnst.hub.connection import persist

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
CARD = "README.md"
PREVIEW = "preview.jpg"
# File → the most bytes it may have. Nothing else is ever pushed or pulled.
FILES: Mapping[str, int] = {
    WEIGHTS: MAX_BYTES,
    CONFIG: 2**18,
    CARD: 2**20,
    PREVIEW: 4 * 2**20,
}
# What the Hub itself, or its web page for new repositories, puts into an empty one.
OF_THE_HUB = {".gitattributes", CARD}
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".model")


@dataclass(frozen=True)
class HubId:
    """The name of a network on the Hub.

    Attributes:
        repo: "USER/NAME".
        revision: a branch, tag or commit; empty for the newest.
    """

    repo: str
    revision: str = ""

    @classmethod
    def parse(cls, text: str) -> "HubId":
        """Read "USER/NAME" or "USER/NAME@REVISION".

        Raises:
            HubError: it is neither.
        """
        match = HUB_ID.fullmatch(text)
        if match is None:
            raise HubError(f"{text[:120]!r} is not a Hub id; that is USER/NAME or USER/NAME@REV.")
        return cls(match["repo"], match["revision"] or "")

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}" if self.revision else self.repo


@dataclass(frozen=True)
class Listing:
    """A repository at one commit, as the Hub tells it.

    Attributes:
        info: about the repository.
        commit: the hash.
        files: path → what the Hub says of it.
    """

    info: ModelInfo
    commit: str
    files: Mapping[str, RepoFile]


def list_repository(api: HfApi, name: HubId) -> Listing:
    """What is in a repository, before anything is downloaded.

    Raises:
        HubError: the name belongs to a Space or a dataset.
        RepositoryNotFoundError: there is none, and whatever else huggingface_hub raises.
    """
    try:
        info = persist(lambda: api.model_info(name.repo, revision=name.revision or None))
    except RepositoryNotFoundError:
        _check_other_kinds(api, name.repo)
        raise
    commit = info.sha or name.revision or "main"
    try:
        tree = list(api.list_repo_tree(name.repo, recursive=True, revision=commit))
    except EntryNotFoundError:  # no file at all
        tree = []
    return Listing(info, commit, {each.path: each for each in tree if isinstance(each, RepoFile)})


def _check_other_kinds(api: HfApi, repo: str) -> None:
    for kind, article in (("space", "a Space"), ("dataset", "a dataset")):
        try:
            found = api.repo_exists(repo, repo_type=kind)
        except HfHubHTTPError:  # the caller has a better one
            return
        if found:
            raise HubError(f"{repo} is the wrong kind of repository: {article}, not a model.")


def save_repository(
    checkpoint: Checkpoint, folder: Path, repo: str = "", licence: str = "", base_model: str = ""
) -> None:
    """Write the files of a repository, all but the preview.

    Args:
        checkpoint: what is in it.
        folder: where to.
        repo: "USER/NAME", for the card; by default named after the folder.
        licence: see `fastnst.hub.card.model_card`.
        base_model: likewise.

    Raises:
        CheckpointError: it could not be loaded again, or cannot be written.
        HubError: no card can be written.
    """
    save_checkpoint(checkpoint, folder / WEIGHTS)
    config = {
        "library_name": FORMAT,
        "task": checkpoint.task,
        "architecture": checkpoint.architecture,
        "settings": dict(checkpoint.settings),
        "styles": [asdict(style) for style in checkpoint.styles],
    }
    text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
    size = (folder / WEIGHTS).stat().st_size
    card = model_card(checkpoint, repo or f"USER/{folder.name}", size, licence, base_model)
    (folder / CARD).write_text(card, encoding="utf-8")


def read_config(path: Path, repo: str) -> dict[str, Any]:
    """The configuration of a repository of ours.

    Raises:
        HubError: it is not one of ours.
    """
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict) or config.get("library_name") != FORMAT:
        raise HubError(
            f"{repo} is the wrong kind of repository: its {CONFIG} is not of a fastnst network."
        )
    return config


def check_files(listing: Listing, repo: str) -> None:
    """Refuse a repository that is not of ours, or whose files are too large.

    Raises:
        HubError: saying which.
    """
    files = listing.files
    if WEIGHTS not in files:
        pickled = next((path for path in files if path.endswith(PICKLES)), None)
        but = f"only {pickled!r:.80}, and pickles are never loaded" if pickled else "none"
        raise HubError(
            f"{repo} is the wrong kind of repository: a fastnst network is in {WEIGHTS}, "
            f"and it has {but}."
        )
    for path, limit in FILES.items():
        if path in files and files[path].size > limit:
            raise HubError(
                f"{path} of {repo} has {files[path].size / 2**20:.1f} MB; "
                f"allowed are {limit / 2**20:.2g}."
            )
