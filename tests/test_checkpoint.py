"""fastnst.checkpoint and building from it: a good file comes back, a bad one is refused clearly."""

import json
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from fastnst.checkpoint import Checkpoint, Style
from fastnst.checkpoint_file import load_checkpoint, save_checkpoint
from fastnst.errors import CheckpointError
from fastnst.files import replacing
from fastnst.networks import (
    ARCHITECTURES,
    STYLE,
    architecture_settings,
    build_network,
    network_tensors,
)
from fastnst.stylizer import Stylizer

SMALL: dict[str, dict[str, Any]] = {
    "fast": {"channels": (4, 8, 8, 8), "blocks": 1, "quarter_blocks": 1},
    "paper": {"channels": 4, "blocks": 1},
}


def checkpoint(architecture: str = "fast", styles: int = 2, **changes: Any) -> Checkpoint:
    task = ARCHITECTURES[architecture].task
    styles = styles if task == STYLE else 0
    counted = {"styles": styles} if task == STYLE else {}
    settings = architecture_settings(
        architecture, **counted, **SMALL.get(architecture, {}) | changes
    )
    torch.manual_seed(0)
    network = ARCHITECTURES[architecture].network(**settings)
    return Checkpoint(
        task=task,
        architecture=architecture,
        settings=settings,
        tensors=network_tensors(network),
        styles=tuple(
            Style(f"style_{i}", f"Style {i}", "A. Painter", "1890") for i in range(styles)
        ),
        training={"steps": 3, "losses": {"total": 1.5}},
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_checkpoint(checkpoint(), path)
    return path


def rewrite(path: Path, **metadata: str | None) -> None:
    """Change the metadata of a file, and nothing else."""
    header, data = split(path)
    table = json.loads(header)
    for key, value in metadata.items():
        if value is None:
            del table["__metadata__"][key]
        else:
            table["__metadata__"][key] = value
    join(path, json.dumps(table).encode(), data)


def split(path: Path) -> tuple[bytes, bytes]:
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    return raw[8 : 8 + length], raw[8 + length :]


def join(path: Path, header: bytes, data: bytes) -> None:
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


def write(path: Path, tensors: dict[str, np.ndarray], **metadata: str) -> None:
    raw = {
        "format": "fastnst",
        "version": "1",
        "task": "style",
        "architecture": "fast",
        "settings": "{}",
        "styles": "[]",
        "training": "{}",
    }
    path.write_bytes(save(tensors, raw | metadata))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_round_trip_of_every_architecture(tmp_path: Path, architecture: str) -> None:
    made = checkpoint(architecture)
    path = tmp_path / "new" / "weights.safetensors"
    save_checkpoint(made, path)
    assert os.listdir(path.parent) == ["weights.safetensors"]
    read = load_checkpoint(path)
    assert (read.task, read.architecture, read.styles) == (made.task, architecture, made.styles)
    assert read.training == made.training
    assert read.hash == made.hash
    assert {key: array.tobytes() for key, array in read.tensors.items()} == {
        key: array.tobytes() for key, array in made.tensors.items()
    }
    before, after = build_network(made), build_network(read)
    channels = 512 if architecture == "inverter" else 3  # of relu4_3, or of a picture
    x = torch.rand(1, channels, 32, 48, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        first, second = (
            network(x, network.styles[1:]) if made.task == STYLE else network(x)
            for network in (before, after)
        )
    assert torch.equal(first, second)
    assert not after.training


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_default_settings_build(architecture: str) -> None:
    settings = architecture_settings(architecture)
    network = ARCHITECTURES[architecture].network(**settings)
    made = Checkpoint(
        ARCHITECTURES[architecture].task, architecture, settings, network_tensors(network)
    )
    built = build_network(made)
    assert sum(p.numel() for p in built.parameters()) == sum(
        p.numel() for p in network.parameters()
    )


def test_hash_tells_weights_apart() -> None:
    made = checkpoint()
    other = dict(made.tensors)
    key = next(iter(other))
    other[key] = other[key] + 1
    assert replace(made, tensors=other).hash != made.hash
    assert replace(made, styles=()).hash == made.hash  # titles do not change what it computes


def test_what_half_precision_holds_takes_half_the_room(tmp_path: Path) -> None:
    made = checkpoint()
    path = tmp_path / "some_half.safetensors"
    key = "blocks.0.first.conv.weight"
    short = made.tensors[key].astype(np.float16).astype(np.float32)
    save_checkpoint(made, path)
    whole = path.stat().st_size
    made = replace(made, tensors={**made.tensors, key: short})
    save_checkpoint(made, path)
    assert whole - path.stat().st_size == 2 * short.size
    assert load_checkpoint(path).hash == made.hash  # every number is as it was
    long = np.full_like(short, 1e6)  # more than half precision holds
    save_checkpoint(replace(made, tensors={**made.tensors, key: long}), path)
    assert np.array_equal(load_checkpoint(path).tensors[key], long)


def test_half_precision_is_read_as_single(tmp_path: Path) -> None:
    made = checkpoint()
    metadata = {"settings": json.dumps(dict(made.settings))}
    path = tmp_path / "half.safetensors"
    write(path, {key: array.astype(np.float16) for key, array in made.tensors.items()}, **metadata)
    read = load_checkpoint(path)
    assert {array.dtype for array in read.tensors.values()} == {np.dtype(np.float32)}
    build_network(read)


def test_double_precision_and_numbers_are_saved_as_single(tmp_path: Path) -> None:
    made = replace(checkpoint(), tensors={"a": np.array(0.5), "b": np.ones((2, 3)).T})
    save_checkpoint(made, tmp_path / "a.safetensors")
    read = load_checkpoint(tmp_path / "a.safetensors").tensors
    assert read["a"].shape == () and read["b"].shape == (3, 2)
    assert read["b"].dtype == np.float32


@pytest.mark.parametrize("name", ["1889", "été_2", "a", "_"])
def test_any_name_of_letters_digits_and_underscores(tmp_path: Path, name: str) -> None:
    made = replace(checkpoint(styles=1), styles=(Style(name),))
    save_checkpoint(made, tmp_path / "a.safetensors")
    assert load_checkpoint(tmp_path / "a.safetensors").styles == (Style(name),)


# What must be refused, and what the error must say. -------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"format": "diffusers"}, "is not a fastnst checkpoint"),
        ({"format": None}, "is not a fastnst checkpoint"),
        ({"version": "2"}, "has format version '2'; this fastnst reads version 1"),
        ({"version": None}, "has format version 'none'"),
        ({"task": None}, "says no task"),
        ({"task": "x" * 1000}, "says no task"),
        ({"architecture": ""}, "says no architecture"),
        ({"settings": "{"}, "has unreadable settings"),
        ({"settings": None}, "has unreadable settings"),
        ({"settings": "[]"}, "has settings of another kind than dict"),
        ({"settings": "[" * 100_000}, "has unreadable settings"),
        ({"settings": "9" * 5000}, "has unreadable settings"),
        ({"training": "nonsense"}, "has unreadable training"),
        ({"training": "3"}, "has training of another kind than dict"),
        ({"styles": "{}"}, "has styles of another kind than list"),
        ({"styles": "[1]"}, "describes a style by other facts than name, title"),
        ({"styles": '[{"name": "a"}]'}, "describes a style by other facts than name, title"),
    ],
)
def test_wrong_metadata(file: Path, metadata: dict[str, str | None], message: str) -> None:
    rewrite(file, **metadata)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(file)


def style_row(**changes: Any) -> dict[str, Any]:
    return {"name": "a", "title": "", "artist": "", "year": "", "licence": "", **changes}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([style_row(extra="b")], "describes a style by other facts than name, title"),
        ([style_row(title=5)], "something else than texts"),
        ([style_row(name=None)], "something else than texts"),
        ([style_row(title="x" * 301)], "something else than texts of one line, up to 300"),
        ([style_row(title="\x1b[2Jgone")], "something else than texts"),
        ([style_row(artist="two\nlines")], "something else than texts"),
        ([style_row(name="")], "a style named ''"),
        ([style_row(name="../../etc")], "a style named '../../etc'"),
        ([style_row(name="a b")], "letters, digits and underscores"),
        ([style_row(name="a=1")], "letters, digits and underscores"),
        ([style_row(name="a\n")], "something else than texts"),
        ([style_row(), style_row()], "two styles of the same name"),
    ],
)
def test_wrong_styles(file: Path, rows: list[Any], message: str) -> None:
    rewrite(file, styles=json.dumps(rows))
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(file)


def test_many_styles_described_fewer_held(file: Path) -> None:
    rewrite(file, styles=json.dumps([style_row(name=f"s{i}") for i in range(3)]))
    with pytest.raises(CheckpointError, match="they hold 2, and describe 3"):
        Stylizer(file, engine="torch", device="cpu")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(tmp_path: Path, value: float) -> None:
    array = np.ones((2, 3), np.float32)
    array[1, 2] = value
    write(tmp_path / "a.safetensors", {"styles": array})
    with pytest.raises(CheckpointError, match="styles holds values that are not finite"):
        load_checkpoint(tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="not finite"):  # nor are they ever written
        save_checkpoint(
            replace(checkpoint(), tensors={"styles": array}), tmp_path / "b.safetensors"
        )
    assert not (tmp_path / "b.safetensors").exists()


@pytest.mark.parametrize("kind", [np.int64, np.float64, np.uint8, np.bool_])
def test_wrong_types_of_numbers(tmp_path: Path, kind: type) -> None:
    write(tmp_path / "a.safetensors", {"styles": np.ones(3, kind)})
    with pytest.raises(CheckpointError, match=r"holds styles as .*; allowed are F32 and F16"):
        load_checkpoint(tmp_path / "a.safetensors")


def test_bfloat16(file: Path) -> None:
    header, data = split(file)
    table = json.loads(header)
    for key, entry in table.items():
        if key != "__metadata__":
            if entry["dtype"] == "F32":  # twice as many of half the size
                entry["shape"] = [*entry["shape"], 2] if entry["shape"] else [2]
            entry["dtype"] = "BF16"
    join(file, json.dumps(table).encode(), data)
    with pytest.raises(CheckpointError, match="as BF16; allowed are F32 and F16"):
        load_checkpoint(file)


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 100, 0.2, 0.5, 0.99])
def test_truncated(file: Path, kept: float) -> None:
    raw = file.read_bytes()
    file.write_bytes(raw[: kept if isinstance(kept, int) else int(kept * len(raw))])
    with pytest.raises(CheckpointError, match=r"weights\.safetensors is not a safetensors file"):
        load_checkpoint(file)


def test_one_byte_too_few_and_too_many(file: Path) -> None:
    raw = file.read_bytes()
    for changed in (raw[:-1], raw + b"\0"):
        file.write_bytes(changed)
        with pytest.raises(CheckpointError, match="not a safetensors file, or is truncated"):
            load_checkpoint(file)


@pytest.mark.parametrize("length", [2**20 + 1, 2**40, 2**64 - 1])
def test_header_over_the_limit(file: Path, length: int) -> None:
    raw = file.read_bytes()
    file.write_bytes(struct.pack("<Q", length) + raw[8:])
    with pytest.raises(CheckpointError, match="its header is over 1 MB"):
        load_checkpoint(file)


def test_file_over_the_limit(file: Path) -> None:
    with file.open("ab") as stream:
        stream.truncate(257 * 2**20)  # sparse
    with pytest.raises(CheckpointError, match="has 257 MB; a checkpoint has at most 256 MB"):
        load_checkpoint(file)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table["styles"].update(data_offsets=[0, 2**50]),
        lambda table: table["styles"].update(data_offsets=[8, 0]),
        lambda table: table["styles"].update(shape=[2**60, 2**60]),
        lambda table: table["styles"].update(dtype="F8192"),
        lambda table: table["photo"].update(data_offsets=table["styles"]["data_offsets"]),
        lambda table: table["__metadata__"].update(task={"nested": "no text"}),
    ],
)
def test_header_that_lies(file: Path, change: Callable[[dict], None]) -> None:
    header, data = split(file)
    table = json.loads(header)
    change(table)
    join(file, json.dumps(table).encode(), data)
    with pytest.raises(CheckpointError, match="not a safetensors file, or is truncated"):
        load_checkpoint(file)


def test_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no file"):
        load_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="There is no file"):
        load_checkpoint(tmp_path / "missing.safetensors")
    with pytest.raises(CheckpointError, match="Cannot read"):
        load_checkpoint(tmp_path / ("x" * 5000))


class Marker:
    """Unpickling this writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_is_refused_and_never_unpickled(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "marker"
    path = tmp_path / "a.safetensors"
    path.write_bytes(pickle.dumps({"weights": Marker(marker)}, protocol))
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_checkpoint(path)
    torch.save({"weights": Marker(marker)}, path)
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_checkpoint(path)
    assert not marker.exists()
    pickle.loads(pickle.dumps({"weights": Marker(marker)}, protocol))
    assert marker.exists()  # so it would have shown


# Building ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "slow"}, r"Unknown architecture 'slow' for 'style'; there are fast"),
        ({"architecture": "x" * 300}, "Unknown architecture 'x{40}'"),
        ({"task": "dance"}, "for 'dance'; there are fast"),
    ],
)
def test_unknown_architecture_or_task(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        build_network(replace(checkpoint(), **changes))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"colour": 3}, "Unknown setting 'colour' of fast; there are styles, channels"),
        ({"self": 3}, "Unknown setting 'self'"),
        ({"blocks": -1}, "setting blocks of fast is -1"),
        ({"blocks": True}, "setting blocks of fast is True"),
        ({"blocks": "5"}, "setting blocks of fast is 5"),
        ({"blocks": None}, "setting blocks of fast is None"),
        ({"blocks": 10**9}, "allowed are numbers from 0 to 1024"),
        ({"blocks": 1.5}, "do not make a fast network"),
        ({"blocks": float("nan")}, "setting blocks of fast is nan"),
        ({"grain": float("inf")}, "setting grain of fast is inf"),
        ({"grain": -0.1}, "setting grain of fast is -0.1"),
        ({"channels": 8}, "do not make a fast network"),
        ({"channels": [8, 8]}, "do not make a fast network"),
        ({"channels": [8] * 17}, "setting channels of fast"),
        ({"channels": [[8], 8, 8, 8]}, "setting channels of fast"),
        ({"channels": {"a": 1}}, "setting channels of fast"),
        ({"channels": [0, 0, 0, 0]}, "network without channels"),
        ({"styles": 0}, "do not make a fast network"),
        ({"styles": 3}, r"styles is \[2, \d+\], not \[3, \d+\]"),
        ({"channels": [4, 8, 8, 16]}, "does not fit its architecture"),
        ({"blocks": 0}, "has the unknown blocks.0"),
        ({"blocks": 1024, "channels": [1024] * 4}, "lacks blocks.1.first.conv.weight"),
    ],
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_wrong_settings(settings: dict[str, Any], message: str) -> None:
    made = checkpoint()
    with pytest.raises(CheckpointError, match=message):
        build_network(replace(made, settings={**made.settings, **settings}))


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_network_of_nothing_with_tensors_that_fit() -> None:
    """Empty tensors of the right shapes must not pass for a network."""
    made = checkpoint()
    settings = {**made.settings, "channels": [0, 0, 0, 0]}
    with torch.device("meta"):
        empty = ARCHITECTURES["fast"].network(**settings)
    tensors = {key: np.zeros(value.shape, np.float32) for key, value in empty.state_dict().items()}
    with pytest.raises(CheckpointError, match="network without channels"):
        build_network(replace(made, settings=settings, tensors=tensors))


def test_missing_extra_and_misshapen_tensors() -> None:
    made = checkpoint()
    tensors = dict(made.tensors)
    styles = tensors.pop("styles")
    with pytest.raises(CheckpointError, match="it lacks styles"):
        build_network(replace(made, tensors=tensors))
    with pytest.raises(CheckpointError, match="it has the unknown more"):
        build_network(replace(made, tensors={**tensors, "styles": styles, "more": styles}))
    with pytest.raises(CheckpointError, match="it lacks styles and has the unknown Styles"):
        build_network(replace(made, tensors={**tensors, "Styles": styles}))
    with pytest.raises(CheckpointError, match=r"styles is \[\d+, 2\], not \[2, \d+\]"):
        build_network(replace(made, tensors={**tensors, "styles": styles.T}))


# Saving -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "styles",
    [(Style("a b"),), (Style("a"), Style("a")), (Style("a", title="x" * 301),)],
    ids=["name", "twice", "long"],
)
def test_what_could_not_be_read_is_not_written(file: Path, styles: tuple[Style, ...]) -> None:
    before = file.read_bytes()
    with pytest.raises(CheckpointError):
        save_checkpoint(replace(checkpoint(), styles=styles), file)
    assert file.read_bytes() == before and os.listdir(file.parent) == [file.name]


def test_failed_save_keeps_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()

    def full(path: Path, data: bytes) -> None:
        with path.open("wb") as stream:
            stream.write(data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CheckpointError, match=r"Cannot write .*: No space left on device"):
        save_checkpoint(checkpoint(styles=3), file)
    assert file.read_bytes() == before and os.listdir(file.parent) == [file.name]


def test_save_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CheckpointError, match="Cannot write"):
        save_checkpoint(checkpoint(), tmp_path / "file" / "a.safetensors")


def test_replacing_survives_an_interrupt(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.txt"]


def test_reading_needs_no_torch(file: Path) -> None:
    program = (
        "import sys; from fastnst.checkpoint_file import load_checkpoint; "
        "assert len(load_checkpoint(sys.argv[1]).styles) == 2; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(file)], check=True)
