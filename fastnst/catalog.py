"""What ships with fastnst: where the weights are, and what their names mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastnst.checkpoint import SUFFIX, Checkpoint, load_checkpoint
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
    """

    file: str
    about: str

    @property
    def path(self) -> Path:
        return WEIGHTS_FOLDER / self.file


SHIPPED: Mapping[str, Shipped] = {
    "paintings": Shipped("paintings.safetensors", "the styles of famous paintings, one network"),
}
DEFAULT_STYLES = "paintings"


def load(name: str | Path) -> Checkpoint:
    """The checkpoint of a shipped name, or of a file.

    Raises:
        CheckpointError: there is neither, or the file is not a good checkpoint.
    """
    if str(name) in SHIPPED:
        return load_checkpoint(SHIPPED[str(name)].path)
    if Path(name).suffix != SUFFIX:
        raise CheckpointError(
            f"There are no weights {str(name)!r}; shipped are {', '.join(SHIPPED)}, "
            f"else give a {SUFFIX} file."
        )
    return load_checkpoint(name)
