"""The page as a Space: everything that it needs, in one commit."""

from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    SpaceHardware,
    get_token,
)
from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

import fastnst
from fastnst.catalog import HUB_ID, WEIGHTS_FOLDER
from fastnst.checkpoint_file import SUFFIX
from fastnst.errors import HubError
from fastnst.hub.connection import conversation, persist
from fastnst.hub.failures import NO_TOKEN
from fastnst.hub.push import MESSAGE, Pushed, check_account, my_name
from fastnst.hub.repository import (
    CARD,
    CONFIG,
    OF_THE_HUB,
    PREVIEW,
    WEIGHTS,
    HubId,
    check_files,
    list_repository,
)

KIND = "space"
PACKAGE = Path(fastnst.__file__).parent
# The code is in these; a file there that is ours no longer is deleted.
OUR_FOLDERS = ("fastnst/", "weights/")
LARGE = (SUFFIX, ".webp")  # what the Hub keeps apart from its commits
PROOF = "fastnst/__init__.py"
# Free; a Space on a processor of its own needs a paid plan.
DEFAULT_HARDWARE = SpaceHardware.ZERO_A10G.value
FRONT_MATTER: Mapping[str, str] = {
    "title": "fastnst",
    "emoji": "🎨",
    "colorFrom": "yellow",
    "colorTo": "indigo",
    "sdk": "gradio",
    "sdk_version": metadata.version("gradio"),
    "python_version": "'3.12'",
    "app_file": "app.py",
    "short_description": "Photos painted like a masterpiece, or enlarged",
    "license": "apache-2.0",
    "hf_oauth": "true",
    "hf_oauth_scopes": "[contribute-repos]",
    "suggested_hardware": DEFAULT_HARDWARE,
    "tags": "[fastnst, style-transfer, image-super-resolution]",
}
ABOUT = """
# fastnst

Photos repainted in the style of a painting, or enlarged four or eight times. Made with
`fastnst space`; it runs anywhere: `pip install -r requirements.txt`, then `python app.py`.
"""
APP = '''"""The page of this Space."""

import sys

from fastnst.ui.serve import main

NETWORKS = {networks!r}

if __name__ == "__main__":
    sys.exit(main(NETWORKS))
'''


def publish_space(
    repo_id: str,
    networks: Sequence[str] = (),
    private: bool = False,
    token: str | None = None,
    *,
    hardware: str = DEFAULT_HARDWARE,
) -> Pushed:
    """Publish the page as a Space. Nothing changed is no commit.

    Args:
        repo_id: "USER/NAME", or "NAME" for one of your own. Made if there is none.
        networks: public ones on the Hub that the page is to have from the start; each stays at
            the commit it is at now.
        private: make it visible to you alone.
        token: to use for this and nothing else; by default the stored one.
        hardware: of a Space that is made, as the Hub calls it.

    Raises:
        HubError: it cannot be published, and why.
    """
    slash = "/" in repo_id
    if not HUB_ID.fullmatch(repo_id if slash else f"me/{repo_id}") or "@" in repo_id:
        raise HubError(f"{repo_id[:120]!r} cannot be a Space's name; that is USER/NAME.")
    kinds = [each.value for each in SpaceHardware]
    if hardware not in kinds:
        raise HubError(f"There is no hardware {hardware[:40]!r}; there is {', '.join(kinds)}.")
    if not (token or get_token()):
        raise HubError(NO_TOKEN.format(about=f"publishing {repo_id}"))
    pinned = dict(_pinned(HubId.parse(name), token) for name in networks)
    files = space_files(pinned)
    repo = repo_id if slash else f"{my_name(token)}/{repo_id}"
    with conversation(f"the Space {repo}", token) as api:
        check_account(api, repo)
        before = _find(api, repo, private)
        if before is None:
            persist(
                lambda: api.create_repo(
                    repo,
                    repo_type=KIND,
                    space_sdk=FRONT_MATTER["sdk"],
                    space_hardware=hardware,  # type: ignore[arg-type]
                    private=private or None,
                    exist_ok=True,  # by an attempt whose answer was lost
                )
            )
            before = _find(api, repo, private) or ("", frozenset())
        return _commit(api, repo, files, before)


def space_files(networks: Mapping[HubId, str] = MappingProxyType({})) -> dict[str, bytes | Path]:
    """What is in the Space: path → contents.

    Args:
        networks: that it has from the start, with their commits → their files, with commas.
    """
    names = tuple(str(name) for name in networks)
    files: dict[str, bytes | Path] = {
        CARD: _card(networks).encode(),
        "app.py": APP.format(networks=names).encode(),
        "requirements.txt": "".join(f"{line}\n" for line in requirements()).encode(),
    }
    for path in sorted(PACKAGE.rglob("*")):
        inside = path.relative_to(PACKAGE)
        if path.is_file() and "__pycache__" not in inside.parts and inside.parts[0] != "weights":
            files[f"fastnst/{inside.as_posix()}"] = path
    for path in sorted(WEIGHTS_FOLDER.glob(f"*{SUFFIX}")):
        files[f"weights/{path.name}"] = path
    return files


def requirements() -> list[str]:
    """The packages that fastnst needs, of a checkout or as it was installed."""
    if WEIGHTS_FOLDER.parent == PACKAGE:
        return [line for line in metadata.requires("fastnst") or () if "extra ==" not in line]
    lines = (PACKAGE.parent / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _card(networks: Mapping[HubId, str]) -> str:
    rows = [f"{key}: {value}\n" for key, value in FRONT_MATTER.items()]
    if networks:
        # Downloaded while the Space is built, so that its start waits for nothing.
        rows += ["models:\n", *(f"- {name.repo}\n" for name in networks), "preload_from_hub:\n"]
        rows += [f"- {name.repo} {files} {name.revision}\n" for name, files in networks.items()]
    return f"---\n{''.join(rows)}---\n{ABOUT}"


def _pinned(name: HubId, token: str | None) -> tuple[HubId, str]:
    """A network at the commit that it is at, and its files, if a Space can have it."""
    with conversation(str(name), token) as api:
        listing = list_repository(api, name)
        check_files(listing, name.repo)
    if listing.info.private or listing.info.gated:
        raise HubError(f"{name.repo} is not public, so that a Space cannot have it.")
    files = [file for file in (WEIGHTS, CONFIG, PREVIEW) if file in listing.files]
    return HubId(name.repo, listing.commit), ",".join(files)


def _find(api: HfApi, repo: str, private: bool) -> tuple[str, frozenset[str]] | None:
    """The commit and the files of the Space, if there is one and it may be written to."""
    try:
        info: Any = persist(lambda: api.space_info(repo))
    except RepositoryNotFoundError:
        return None
    if private and info.private is False:
        raise HubError(f"{repo} is public already; make it private on its page first.")
    try:
        tree = list(api.list_repo_tree(repo, recursive=True, revision=info.sha, repo_type=KIND))
    except EntryNotFoundError:  # no file at all
        tree = []
    files = frozenset(each.path for each in tree if isinstance(each, RepoFile))
    foreign = sorted(files - OF_THE_HUB)
    if foreign and PROOF not in files:
        raise HubError(
            f"The name {repo} is taken: it is a Space of something else, with {foreign[0]!r:.80}; "
            "choose another name."
        )
    return info.sha, files


def _commit(
    api: HfApi,
    repo: str,
    files: Mapping[str, bytes | Path],
    before: tuple[str, frozenset[str]],
) -> Pushed:
    commit, there = before
    gone = sorted(path for path in there - set(files) if path.startswith(OUR_FOLDERS))

    def send() -> str:
        additions = [CommitOperationAdd(path, data) for path, data in files.items()]
        for addition in additions:  # one by one: in threads of its own our time-outs are lost
            if addition.path_in_repo.endswith(LARGE):
                api.preupload_lfs_files(repo, [addition], repo_type=KIND)
        deletions = [CommitOperationDelete(path, is_folder=False) for path in gone]
        operations: list[CommitOperationAdd | CommitOperationDelete] = [*additions, *deletions]
        sent = api.create_commit(repo, operations, commit_message=MESSAGE, repo_type=KIND)
        return str(sent.oid)

    sent = persist(send)
    return Pushed(repo, sent, f"{api.endpoint}/spaces/{repo}", sent != commit)
