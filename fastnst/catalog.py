"""What ships with fastnst: where the weights are, and what their names mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastnst.checkpoint import Checkpoint
from fastnst.checkpoint_file import SUFFIX, load_checkpoint
from fastnst.errors import CheckpointError

_packaged = Path(__file__).resolve().parent / "weights"
WEIGHTS_FOLDER = _packaged if _packaged.is_dir() else _packaged.parent.parent / "weights"
LOSS_NETWORK = WEIGHTS_FOLDER / "vgg16_features.safetensors"


@dataclass(frozen=True)
class Shipped:
    """A network that ships.

    Attributes:
        file: in the folder of weights.
        about: one line for people who choose.
        shared: whether the page offers to publish it.
    """

    file: str
    about: str
    shared: bool = True

    @property
    def path(self) -> Path:
        return WEIGHTS_FOLDER / self.file


SHIPPED: Mapping[str, Shipped] = {
    "paintings": Shipped("paintings.safetensors", "the styles of famous paintings, one network"),
    "upscale_x4_fidelity": Shipped("upscale_x4_fidelity.safetensors", "×4, what can be known"),
    "upscale_x4_detail": Shipped("upscale_x4_detail.safetensors", "×4, what is likely"),
    "upscale_x8_fidelity": Shipped("upscale_x8_fidelity.safetensors", "×8, what can be known"),
    "upscale_x8_detail": Shipped("upscale_x8_detail.safetensors", "×8, what is likely"),
    "inverter": Shipped("inverter.safetensors", "pictures from VGG-16's relu4_3", shared=False),
}
DEFAULT_STYLES = "paintings"
# What weights are called in the folder of a repository, and in that of a training.
IN_FOLDER = ("model.safetensors", "weights.safetensors")
_part = r"[A-Za-z0-9](?:[\w.-]{0,94}\w)?"
HUB_ID = re.compile(
    rf"(?!.*\.\.)(?P<repo>{_part}/{_part})(?:@(?P<revision>[\w./-]{{1,100}}))?", re.ASCII
)


@dataclass(frozen=True)
class Origin:
    """Where a checkpoint is, and where it came from.

    Attributes:
        path: of the file.
        repo: "USER/NAME" on the Hub; empty if it is not from there.
        commit: the repository's at which it was taken; empty likewise.
    """

    path: Path
    repo: str = ""
    commit: str = ""


def locate(name: str | Path, *, revision: str | None = None, token: str | None = None) -> Origin:
    """Find the weights that are meant by a shipped name, a file, a folder or a Hub id.

    Only a Hub id, "USER/NAME" or "USER/NAME@REVISION", may lead to the network, and only if there
    is no folder of that name, nor a pulled network.

    Args:
        name: what a person calls them.
        revision: of a Hub id: a branch, tag or commit.
        token: for the Hub; by default the stored one.

    Raises:
        CheckpointError: nothing is meant by it.
        HubError: the Hub does not have it, or cannot be asked.
    """
    text, path = str(name), Path(name)
    if text in SHIPPED:
        return Origin(SHIPPED[text].path)
    if path.is_dir():
        return Origin(_in_folder(path))
    if path.suffix == SUFFIX:
        return Origin(path)
    if isinstance(name, str) and HUB_ID.fullmatch(name):
        from fastnst.hub.pull import fetch  # the Hub's library takes a while

        fetched = fetch(f"{name}@{revision}" if revision else name, token=token)
        return Origin(fetched.path, fetched.repo, fetched.commit)
    raise CheckpointError(
        f"There are no weights {text[:200]!r}; shipped are {', '.join(SHIPPED)}, else give a "
        f"{SUFFIX} file, a folder with one, or USER/NAME on the Hub."
    )


def load(name: str | Path, *, revision: str | None = None, token: str | None = None) -> Checkpoint:
    """The checkpoint of a shipped name, a file, a folder or a Hub id; see `locate`.

    Raises:
        CheckpointError: there is none, or the file is not a good checkpoint.
        HubError: the Hub does not have it, or cannot be asked.
    """
    origin = locate(name, revision=revision, token=token)
    try:
        return load_checkpoint(origin.path)
    except CheckpointError as error:
        if origin.repo:
            raise CheckpointError(f"{origin.repo}: {error}") from error
        raise


def _in_folder(folder: Path) -> Path:
    """The weights in a folder: of a repository, of a training, or the only ones."""
    found = sorted(folder.glob(f"*{SUFFIX}"))
    for name in IN_FOLDER:
        if folder / name in found:
            return folder / name
    if len(found) != 1:
        raise CheckpointError(
            f"The folder {folder} has {len(found)} {SUFFIX} files; name the one that you mean."
        )
    return found[0]
