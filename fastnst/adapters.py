"""Adapters: styles without the network that they belong to, well under a megabyte each.

A style is nothing but the scales and shifts of the normalisation layers (Dumoulin et al. 2017),
and, if it was learnt after the network, matrices that mix the maps of each convolution; see
`fastnst.networks.layers.Mixing`. A checkpoint that holds these alone names its *base*, the network
that they were learnt with, by hash. Joined with it, an adapter is as any other network; all
adapters on one base share one engine.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fastnst.catalog import DEFAULT_STYLES, HUB_ID, load
from fastnst.checkpoint import MATRICES, MIXING, STYLE_TABLE, Base, Checkpoint, is_of_styles
from fastnst.checkpoint_file import load_checkpoint
from fastnst.errors import CheckpointError, HubError, StyleError

SHOWN = 12  # digits of a hash, for people


def extract(network: Checkpoint, style: str, base_name: str) -> Checkpoint:
    """One style of a whole network, as an adapter.

    Args:
        network: whole.
        style: the name of its style.
        base_name: where the network may be had; see `Base`.

    Raises:
        StyleError: there is no such style.
        CheckpointError: the network is not whole, or not of styles.
    """
    if network.base or STYLE_TABLE not in network.tensors:
        raise CheckpointError("Only a whole network of styles can be taken apart.")
    rows = [row for row, each in enumerate(network.styles) if each.name == style]
    if not rows:
        names = ", ".join(each.name for each in network.styles)
        raise StyleError(f"There is no style {style[:40]!r}; the network has {names}.")
    return replace(
        network,
        settings={**network.settings, STYLE_TABLE: 1},
        tensors={
            key: np.array(table[rows])
            for key, table in network.tensors.items()
            if is_of_styles(key)
        },
        styles=(network.styles[rows[0]],),
        grams={name: of for name, of in network.grams.items() if name == style},
        base=Base(network.trunk, base_name),
    )


def join(base: Checkpoint, adapters: Sequence[Checkpoint], *, alone: bool = False) -> Checkpoint:
    """A whole network with the styles of adapters after its own.

    Args:
        base: whole.
        adapters: of its styles.
        alone: leave the base's own styles out.

    Raises:
        CheckpointError: an adapter belongs to another network or does not fit, or is none.
        StyleError: two styles have one name.
    """
    own = base.tensors.get(STYLE_TABLE)
    if base.base or own is None:
        raise CheckpointError("An adapter can only be joined with a whole network of styles.")
    for adapter in adapters:
        _check(base, adapter)
    parts = adapters if alone else [base, *adapters]
    styles = [style for part in parts for style in part.styles]
    names = [style.name for style in styles]
    for name in names:
        if names.count(name) > 1:
            raise StyleError(f"Two styles have the name {name}; a network has one of each name.")
    tables = _joined(parts)
    trunk = {key: array for key, array in base.tensors.items() if not is_of_styles(key)}
    return replace(
        base,
        settings={**base.settings, STYLE_TABLE: len(styles), MIXING: int(len(tables) > 1)},
        tensors={**trunk, **tables},
        styles=tuple(styles),
        grams={name: of for part in parts for name, of in part.grams.items()},
        training=adapters[0].training if alone and adapters else base.training,
    )


def completed(checkpoint: Checkpoint, base: Checkpoint | None = None) -> Checkpoint:
    """The whole network that an adapter stands for; a whole one as it is.

    Args:
        checkpoint: an adapter or not.
        base: its base; by default it is found, see `find_base`.

    Raises:
        CheckpointError: the base is another network, or is not to be had.
    """
    if not checkpoint.base:
        return checkpoint
    return join(base or find_base(checkpoint.base), [checkpoint], alone=True)


def find_base(wanted: Base) -> Checkpoint:
    """The base of an adapter: what ships, or what is on the Hub where the adapter says.

    Files and folders of this machine are not looked at: the name may be a stranger's.

    Raises:
        CheckpointError: it is not to be had.
    """
    found = load(DEFAULT_STYLES)
    if found.trunk == wanted.hash:
        return found
    problem = f"the one that ships has the hash {found.trunk[:SHOWN]}…"
    if HUB_ID.fullmatch(wanted.name):
        from fastnst.hub.pull import fetch  # the Hub's library takes a while

        try:
            found = load_checkpoint(fetch(wanted.name).path)
        except (CheckpointError, HubError) as error:
            problem = str(error).rstrip(".")
        else:
            if found.trunk == wanted.hash:
                return found
            problem = f"what is there now has the hash {found.trunk[:SHOWN]}…"
    raise CheckpointError(
        f"The style belongs to the network {wanted.name[:120]!r} with the hash "
        f"{wanted.hash[:SHOWN]}…, which cannot be had: {problem}."
    )


def _joined(parts: Sequence[Checkpoint]) -> dict[str, NDArray[np.float32]]:
    """The tables of styles of all parts, one below the other; what mixes nothing has zeros."""
    shapes = {
        key: table.shape[1:]
        for part in parts
        for key, table in part.tensors.items()
        if is_of_styles(key)
    }
    return {
        key: np.concatenate(
            [
                part.tensors.get(
                    key, np.zeros((len(part.tensors[STYLE_TABLE]), *shape), np.float32)
                )
                for part in parts
            ]
        )
        for key, shape in sorted(shapes.items())
    }


def _check(base: Checkpoint, adapter: Checkpoint) -> None:
    if not adapter.base:
        raise CheckpointError("A whole network cannot be joined with another; only adapters can.")
    names = ", ".join(style.name for style in adapter.styles)
    if adapter.base.hash != base.trunk:
        raise CheckpointError(
            f"The style {names} belongs to another network: to {adapter.base.name[:120]!r} with "
            f"the hash {adapter.base.hash[:SHOWN]}…, and this one has {base.trunk[:SHOWN]}…."
        )
    count = len(adapter.styles)
    expected: dict[str, tuple[int, ...]] = {
        STYLE_TABLE: (count, base.tensors[STYLE_TABLE].shape[1])
    }
    if adapter.settings.get(MIXING):
        for key, weight in base.tensors.items():
            if weight.ndim == 4:  # that of a convolution
                layer = key.removesuffix(".conv.weight")
                expected[layer + MATRICES] = (count, len(weight), len(weight))
    given = {key: array.shape for key, array in adapter.tensors.items()}
    if given != expected:
        odd = sorted(key for key in {*given, *expected} if given.get(key) != expected.get(key))[0]
        raise CheckpointError(
            f"The style {names} does not fit its network: {odd[:40]} is "
            f"{given.get(odd, 'missing')}, not {expected.get(odd, 'known')}."
        )
