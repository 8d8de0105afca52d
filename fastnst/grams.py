"""The Gram matrices of the paintings behind the shipped styles, in a small file.

A network does not hold its paintings, and refining needs to know what they are like. Most of a Gram
matrix lies along a few directions: it is kept as a factor V, with V Vᵀ close to the matrix, whose
columns are 8-bit numbers and a scale each. 80 kB a painting; in full it would be 1.4 MB.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fastnst.catalog import WEIGHTS_FOLDER
from fastnst.checkpoint import replacing
from fastnst.choices import blend_shares
from fastnst.errors import CheckpointError, StyleError

PAINTING_GRAMS = WEIGHTS_FOLDER / "paintings_grams.safetensors"
# The relative squared distance, as in the style loss, that a matrix may be from what it was.
# Networks, and optimisation in a minute, reach a loss of 0.1 to 0.5.
TOLERANCE = 5e-3
SCALE = "scale"

Grams = Mapping[str, Tensor]


def factor(gram: Tensor) -> tuple[Tensor, Tensor]:
    """The narrowest V that is close enough to a matrix (C, C).

    Returns:
        Its columns (C, R), 8 bits, and their scales (R,), float32.
    """
    values, vectors = torch.linalg.eigh(gram.double())
    values = values.flip(0).clamp(min=0)
    # What is lost when only the first 1, 2, … directions are kept.
    lost = 1 - values.square().cumsum(0) / gram.double().square().sum()
    rank = min(int((lost > TOLERANCE).sum()) + 1, len(values))
    columns = (vectors.flip(1) * values.sqrt())[:, :rank]
    scales = columns.abs().amax(0).clamp(min=1e-12) / 127
    return (columns / scales).round().to(torch.int8), scales.float()


def save_grams(paintings: Mapping[str, Grams], path: str | Path) -> None:
    """Write the Gram matrices, layer → (1, C, C), of named paintings.

    Raises:
        CheckpointError: the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for name, grams in paintings.items():
        for layer, gram in grams.items():
            columns, scales = factor(gram[0].cpu())
            tensors[f"{name}.{layer}"] = columns.contiguous()
            tensors[f"{name}.{layer}.{SCALE}"] = scales
    try:
        with replacing(Path(path)) as temporary:
            temporary.write_bytes(save(tensors))
    except OSError as error:
        raise CheckpointError(f"Cannot write {path}: {error.strerror}.") from error


def known_paintings(path: str | Path = PAINTING_GRAMS) -> list[str]:
    """The names of the paintings in a file of Gram matrices; none if there is no such file.

    Raises:
        CheckpointError: the file is damaged.
    """
    if not Path(path).is_file():
        return []
    try:
        with safe_open(path, "pt") as file:
            return sorted({key.partition(".")[0] for key in file.keys()})  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}.") from error


def load_grams(
    style: str | Mapping[str, float], path: str | Path = PAINTING_GRAMS
) -> dict[str, Tensor]:
    """The Gram matrices of a painting, or the mixed ones of a blend: layer → (1, C, C), float32.

    Args:
        style: a name, or names with weights.
        path: of the file.

    Raises:
        StyleError: a painting is not in the file.
        CheckpointError: the file is damaged.
    """
    known = known_paintings(path)
    weights = {style: 1.0} if isinstance(style, str) else dict(style)
    for name in weights:
        if name not in known:
            raise StyleError(
                f"The painting of {name[:60]!r} is not known here, only those of "
                f"{', '.join(known) or 'no style'}; give the painting itself."
            )
    mixed: dict[str, Tensor] = {}
    with safe_open(path, "pt") as file:
        for name, share in blend_shares(weights, known).items():
            for key in file.keys():  # noqa: SIM118
                owner, layer, *scale = key.split(".")
                if owner == name and not scale:
                    root = file.get_tensor(key) * file.get_tensor(f"{key}.{SCALE}")
                    mixed[layer] = mixed.get(layer, torch.zeros(1)) + share * (root @ root.T)[None]
    return mixed
