"""A trained network as data, apart from torch; `fastnst.checkpoint_file` reads and writes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of a style network: the table of its styles, and of how many are in it; whether they mix the maps
# of convolutions, and where each layer has the matrices for that.
STYLE_TABLE = "styles"
MIXING = "mixing"
MATRICES = ".mixing.matrices"


@dataclass(frozen=True)
class Style:
    """What a gallery says of a style.

    Attributes:
        name: what it is called in code: letters, digits and underscores.
        title: of the painting.
        artist: its painter.
        year: when it was painted, as a text ("1889", "about 100"); may be empty.
        licence: of the painting and the style made from it.
    """

    name: str
    title: str = ""
    artist: str = ""
    year: str = ""
    licence: str = ""


@dataclass(frozen=True)
class Base:
    """The network that an adapter's styles belong to.

    Attributes:
        hash: `Checkpoint.trunk` of it, 64 hexadecimal digits.
        name: where it may be had, as `fastnst.load` takes it: a shipped name, or
            "USER/NAME@REVISION". Only a hint: the hash decides.
    """

    hash: str
    name: str


@dataclass(frozen=True)
class Checkpoint:
    """A trained network, apart from torch.

    Attributes:
        task: what the network does, "style".
        architecture: its name in the table of `fastnst.networks`.
        settings: the arguments it is built with.
        tensors: its state, name → float32 array.
        styles: what its styles are, in the order of its table.
        training: a summary of how it was made: numbers and texts only.
        base: of an adapter, the network that its styles belong to; see `fastnst.adapters`. A
            network that is whole has none.
        grams: style → layer → (C, R), V of the painting's Gram matrix V Vᵀ; see `fastnst.grams`.
            Not all styles need have it. It takes no part in what the network computes.
    """

    task: str
    architecture: str
    settings: Mapping[str, Any]
    tensors: Mapping[str, NDArray[np.float32]]
    styles: tuple[Style, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    base: "Base | None" = None
    grams: Mapping[str, Mapping[str, NDArray[np.float32]]] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """A fingerprint of what it computes: architecture, settings and tensors."""
        return self._fingerprint()

    @property
    def trunk(self) -> str:
        """As `hash`, of all but the tables of styles: networks of one trunk may swap styles."""
        return self.base.hash if self.base else self._fingerprint(styles=False)

    def _fingerprint(self, styles: bool = True) -> str:
        settings = dict(self.settings)
        if not styles:
            settings = {k: v for k, v in settings.items() if k not in (STYLE_TABLE, MIXING)}
        digest = sha256(
            json.dumps([self.task, self.architecture, settings], sort_keys=True).encode()
        )
        if self.base:
            digest.update(self.base.hash.encode())
        for key in sorted(self.tensors):
            if not styles and is_of_styles(key):
                continue
            array = self.tensors[key]
            digest.update(f"{key}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array, np.float32).tobytes())
        return digest.hexdigest()


def is_of_styles(key: str) -> bool:
    """Whether a tensor of a style network has a row for each style."""
    return key == STYLE_TABLE or key.endswith(MATRICES)
