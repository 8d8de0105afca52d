"""The checkpoint file: safetensors, with everything needed to use it in its metadata.

Reading needs no torch and never unpickles. A file from a stranger is checked before it is
believed: its header, its sizes, its names and every number in it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any
from unicodedata import category

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from fastnst.checkpoint import Base, Checkpoint, Style
from fastnst.errors import CheckpointError
from fastnst.files import replacing
from fastnst.loss_layers import WIDTHS

FORMAT = "fastnst"
VERSION = "1"
MAX_BYTES = 256 * 2**20
MAX_HEADER_BYTES = 2**20
MAX_TEXT = 300
ALLOWED_TYPES = ("F32", "F16")
SUFFIX = ".safetensors"
GRAMS = "grams."  # then the style and the layer; see `Checkpoint.grams`


def save_checkpoint(checkpoint: Checkpoint, path: str | Path) -> None:
    """Write a checkpoint, whole or not at all.

    A tensor takes two bytes a number if they hold it exactly, four otherwise.

    Raises:
        CheckpointError: it could not be read again, or the file cannot be written; an older one of
            that name is untouched.
    """
    path = Path(path)
    arrays: dict[str, NDArray[Any]] = {
        key: _smallest(array) for key, array in checkpoint.tensors.items()
    }
    for style, factors in checkpoint.grams.items():
        for layer, factor in factors.items():
            arrays[f"{GRAMS}{style}.{layer}"] = np.asarray(factor, np.float16, order="C")
    _check_finite(path, arrays)
    _take_grams(path, dict(arrays), checkpoint.styles)
    styles = [asdict(style) for style in checkpoint.styles]
    _styles(path, styles)
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "task": checkpoint.task,
        "architecture": checkpoint.architecture,
        "settings": json.dumps(dict(checkpoint.settings)),
        "styles": json.dumps(styles),
        "training": json.dumps(dict(checkpoint.training)),
    }
    if checkpoint.base:
        metadata["base"] = json.dumps(asdict(checkpoint.base))
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(_in_order(save(arrays, metadata)))
    except OSError as error:
        raise CheckpointError(f"Cannot write {path}: {error.strerror or error}.") from error


def _smallest(array: NDArray[np.float32]) -> NDArray[Any]:
    """In half precision what that holds exactly, as a style's matrices are made to be."""
    # In C's order, but not by ascontiguousarray, which makes numbers into rows.
    single = np.asarray(array, np.float32, order="C")
    with np.errstate(over="ignore"):
        half = single.astype(np.float16)
    return half if np.array_equal(half, single) else single


def _in_order(data: bytes) -> bytes:
    """The same file with its metadata in order of name, so that equal checkpoints are equal files.

    safetensors writes them in an order of its own, another one each time.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read and check a checkpoint.

    Whether the tensors fit the architecture is checked where the network is built,
    `fastnst.networks.build_network`.

    Raises:
        CheckpointError: the file is missing, too large, not safetensors, truncated, of another
            format or version, or holds malformed metadata or numbers that are not finite.
    """
    path = Path(path)
    metadata, tensors = _read(path)
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path.name} is not a fastnst checkpoint: its metadata lacks that.")
    if metadata.get("version") != VERSION:
        raise CheckpointError(
            f"{path.name} has format version {metadata.get('version', 'none')!r:.20}; "
            f"this fastnst reads version {VERSION}."
        )
    _check_finite(path, tensors)
    styles = _styles(path, _parse(path, metadata, "styles", list))
    grams = _take_grams(path, tensors, styles)
    return Checkpoint(
        task=_text(path, metadata, "task"),
        architecture=_text(path, metadata, "architecture"),
        settings=_parse(path, metadata, "settings", dict),
        tensors=tensors,
        styles=styles,
        grams=grams,
        training=_parse(path, metadata, "training", dict),
        base=_base(path, metadata),
    )


def _read(path: Path) -> tuple[dict[str, str], dict[str, NDArray[np.float32]]]:
    try:
        if not path.is_file():
            raise CheckpointError(f"There is no file {path}.")
        size = path.stat().st_size
        with path.open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.") from error
    if size > MAX_BYTES:
        raise CheckpointError(
            f"{path.name} has {size / 2**20:.0f} MB; "
            f"a checkpoint has at most {MAX_BYTES // 2**20} MB."
        )
    if header > MAX_HEADER_BYTES:
        raise CheckpointError(
            f"{path.name} is not a safetensors file, or its header is over "
            f"{MAX_HEADER_BYTES // 2**20} MB."
        )
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {}
            for key in file.keys():  # noqa: SIM118 - a safetensors handle, not a mapping
                kind = file.get_slice(key).get_dtype()
                if kind not in ALLOWED_TYPES:
                    raise CheckpointError(
                        f"{path.name} holds {key[:MAX_TEXT]} as {kind}; "
                        f"allowed are {' and '.join(ALLOWED_TYPES)}."
                    )
                tensors[key] = file.get_tensor(key).astype(np.float32)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path.name} is not a safetensors file, or is truncated: {error}."
        ) from error
    return metadata, tensors


def _check_finite(path: Path, tensors: Mapping[str, NDArray[np.float32]]) -> None:
    for key, array in tensors.items():
        if not np.isfinite(array).all():
            raise CheckpointError(
                f"{path.name} is damaged: {key[:MAX_TEXT]} holds values that are not finite."
            )


def _take_grams(
    path: Path, tensors: dict[str, NDArray[np.float32]], styles: tuple[Style, ...]
) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Take what is known of the paintings out of all tensors."""
    grams: dict[str, dict[str, NDArray[np.float32]]] = {}
    names = {style.name for style in styles}
    for key in [key for key in tensors if key.startswith(GRAMS)]:
        factor = tensors.pop(key)
        style, _, layer = key.removeprefix(GRAMS).partition(".")
        width = WIDTHS.get(layer)
        rows, columns = factor.shape if factor.ndim == 2 else (0, 0)
        if style not in names or rows != width or not 0 < columns <= rows:
            raise CheckpointError(
                f"{path.name} holds {key[:MAX_TEXT]} of the shape {list(factor.shape)}, which is "
                "no Gram matrix of a layer of VGG-16 for one of its styles."
            )
        grams.setdefault(style, {})[layer] = factor
    return grams


def _text(path: Path, metadata: Mapping[str, str], key: str) -> str:
    text = metadata.get(key, "")
    if not 0 < len(text) <= MAX_TEXT:
        raise CheckpointError(f"{path.name} says no {key} in its metadata.")
    return text


def _parse(path: Path, metadata: Mapping[str, str], key: str, kind: type) -> Any:
    try:
        value = json.loads(metadata.get(key, ""))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path.name} has unreadable {key} in its metadata.") from error
    if not isinstance(value, kind):
        raise CheckpointError(f"{path.name} has {key} of another kind than {kind.__name__}.")
    return value


def _base(path: Path, metadata: Mapping[str, str]) -> Base | None:
    if "base" not in metadata:
        return None
    facts = _parse(path, metadata, "base", dict)
    texts = [facts.get("hash"), facts.get("name")]
    if (
        len(facts) != len(texts)
        or not all(isinstance(text, str) and is_line(text) for text in texts)
        or not re.fullmatch(r"[0-9a-f]{64}", facts["hash"])
    ):
        raise CheckpointError(
            f"{path.name} does not say which network it belongs to by its hash and its name."
        )
    return Base(**facts)


def _styles(path: Path, rows: list[Any]) -> tuple[Style, ...]:
    names = [each.name for each in fields(Style)]
    styles = []
    for row in rows:
        if not isinstance(row, dict) or set(row) != set(names):
            raise CheckpointError(
                f"{path.name} describes a style by other facts than {', '.join(names)}."
            )
        if not all(isinstance(text, str) and is_line(text) for text in row.values()):
            raise CheckpointError(
                f"{path.name} describes a style with something else than "
                f"texts of one line, up to {MAX_TEXT} characters."
            )
        if not re.fullmatch(r"\w+", row["name"]):
            raise CheckpointError(
                f"{path.name} has a style named {row['name'][:40]!r}; a name is made of letters, "
                "digits and underscores."
            )
        styles.append(Style(**row))
    if len({style.name for style in styles}) != len(styles):
        raise CheckpointError(f"{path.name} has two styles of the same name.")
    return tuple(styles)


def is_line(text: str) -> bool:
    """Whether a text may be shown: a stranger's could steer the terminal it is printed on."""
    return len(text) <= MAX_TEXT and not any(category(letter) == "Cc" for letter in text)
