"""The Gram matrices of the paintings behind the styles of a network.

A network does not hold its paintings, and refining needs to know what they are like. Most of a Gram
matrix lies along a few directions: a checkpoint keeps a factor V, with V Vᵀ close to the matrix.
160 kB a painting in half precision; in full it would be 1.4 MB.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fastnst.checkpoint import Checkpoint
from fastnst.choices import Blend, blend_shares
from fastnst.errors import StyleError

# The relative squared distance, as in the style loss, that a matrix may be from what it was.
# Networks, and optimisation in a minute, reach a loss of 0.1 to 0.5.
TOLERANCE = 5e-3

Grams = Mapping[str, Tensor]


def factor(gram: Tensor) -> NDArray[np.float32]:
    """The narrowest V (C, R) that is close enough to a matrix (C, C)."""
    values, vectors = torch.linalg.eigh(gram.double().cpu())
    values = values.flip(0).clamp(min=0)
    # What is lost when only the first 1, 2, … directions are kept.
    lost = 1 - values.square().cumsum(0) / values.square().sum().clamp(min=1e-30)
    rank = min(int((lost > TOLERANCE).sum()) + 1, len(values))
    return (vectors.flip(1) * values.sqrt())[:, :rank].float().numpy()


def style_grams(network: Checkpoint, style: Blend) -> dict[str, Tensor]:
    """The Gram matrices of a style's painting, or the mixed ones of a blend.

    Args:
        network: whole or an adapter, with the style.
        style: a name, or names with weights.

    Returns:
        layer → (1, C, C), float32.

    Raises:
        StyleError: there is no such style, or the network does not know its painting.
        SettingError: a weight is out of range.
    """
    shares = blend_shares(style, [each.name for each in network.styles])
    for name in shares:
        if name not in network.grams:
            raise StyleError(
                f"The network does not know the painting of {name[:60]!r}; "
                "give the painting itself."
            )
    mixed: dict[str, Tensor] = {}
    for name, share in shares.items():
        for layer, root in network.grams[name].items():
            columns = torch.tensor(root)
            part = share * (columns @ columns.T)[None]
            mixed[layer] = mixed[layer] + part if layer in mixed else part
    return mixed
