"""Adapters: one style without its network, on a base that is named by its hash."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import make_mixing, make_picture
from PIL import Image
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from fastnst import Stylizer
from fastnst.adapters import completed, extract, find_base, join
from fastnst.catalog import load
from fastnst.checkpoint import MIXING, Base, Style
from fastnst.checkpoint_file import load_checkpoint, save_checkpoint
from fastnst.cli import app
from fastnst.errors import CheckpointError, StyleError
from fastnst.networks import build_network

PHOTO = make_picture(80, 64, 3)


@pytest.fixture(scope="module")
def base():
    return load("paintings")


@pytest.fixture(scope="module")
def adapter(base):
    """As if somebody had learnt the first style again, a bit darker, without matrices."""
    taken = extract(base, base.styles[0].name, "paintings")
    return replace(
        taken,
        settings={**taken.settings, MIXING: 0},
        grams={},
        tensors={"styles": taken.tensors["styles"] * np.float32(0.9)},
        styles=(Style("mine", "Mine", "Me"),),
    )


@pytest.fixture(scope="module")
def mixing(adapter):
    return make_mixing(adapter)


@pytest.fixture(scope="module")
def file(adapter, tmp_path_factory):
    path = tmp_path_factory.mktemp("adapter") / "mine.safetensors"
    save_checkpoint(adapter, path)
    return path


def test_an_adapter_is_small_and_comes_back_as_it_was(file, adapter):
    assert file.stat().st_size < 16_000
    read = load_checkpoint(file)
    assert read.base == adapter.base and read.styles == adapter.styles
    assert np.array_equal(read.tensors["styles"], adapter.tensors["styles"])


def test_the_trunk_does_not_depend_on_the_styles(base, adapter):
    assert adapter.trunk == base.trunk
    assert join(base, [adapter]).trunk == base.trunk
    other = {**base.tensors, "photo": base.tensors["photo"] + 1}
    assert replace(base, tensors=other).trunk != base.trunk


def test_it_paints_as_the_network_that_it_was_taken_from(base):
    name = base.styles[1].name
    taken = Stylizer(extract(base, name, "paintings"))
    assert taken.styles == [name]
    whole = Stylizer(base)
    assert np.array_equal(np.asarray(taken(PHOTO)), np.asarray(whole(PHOTO, name)))


def test_all_styles_of_a_base_share_one_engine(base, file, adapter):
    whole, alone = Stylizer(base), Stylizer(file)
    more = whole.with_styles(adapter)
    assert whole._engine is alone._engine is more._engine


def test_it_is_blended_with_the_styles_of_its_base(base, file):
    more = Stylizer(base).with_styles(file)
    assert more.styles[-1] == "mine" and more.describe("mine").artist == "Me"
    blend = more(PHOTO, {"mine": 0.5, base.styles[0].name: 0.5})
    assert np.asarray(blend).std() > 0
    assert not np.array_equal(np.asarray(blend), np.asarray(more(PHOTO, "mine")))


def test_what_is_known_of_the_paintings_comes_along(base, adapter):
    first, second = (style.name for style in base.styles[:2])
    taken = extract(base, first, "paintings")
    assert list(taken.grams) == [first]
    mine = replace(adapter, grams={"mine": base.grams[second]})
    joined = join(base, [mine])
    assert set(joined.grams) == {*base.grams, "mine"}
    assert joined.grams["mine"] is base.grams[second]
    assert list(completed(mine).grams) == ["mine"]


def test_a_name_that_is_taken_is_refused(base, adapter):
    name = base.styles[0].name
    with pytest.raises(StyleError, match=f"Two styles have the name {name}"):
        join(base, [replace(adapter, styles=(Style(name),))])


def test_the_wrong_base_is_refused(base, adapter):
    other = replace(base, tensors={**base.tensors, "photo": base.tensors["photo"] + 1})
    with pytest.raises(CheckpointError, match="belongs to another network: to 'paintings'"):
        join(other, [adapter])
    with pytest.raises(CheckpointError, match="belongs to another network"):
        Stylizer(adapter, base=other)


def test_a_base_that_is_not_to_be_had_is_said(adapter):
    gone = replace(adapter, base=Base("0" * 64, "paintings"))
    with pytest.raises(
        CheckpointError, match="hash 000000000000…, which cannot be had: the one that ships"
    ):
        Stylizer(gone)


def test_a_name_of_a_base_never_leads_to_a_file(adapter, base, tmp_path, monkeypatch):
    """The name is a stranger's; it must not make us open what is at hand under it."""
    other = replace(base, tensors={**base.tensors, "photo": base.tensors["photo"] + 1})
    (tmp_path / "some").mkdir()
    save_checkpoint(other, tmp_path / "some" / "base.safetensors")
    monkeypatch.chdir(tmp_path)
    for name in ("some/base.safetensors", "some/base", str(tmp_path / "some")):
        with pytest.raises(CheckpointError, match="cannot be had"):
            find_base(Base(other.trunk, name))


def test_matrices_come_along(base, adapter, mixing, tmp_path):
    path = tmp_path / "mixing.safetensors"
    save_checkpoint(mixing, path)
    assert path.stat().st_size < 500_000
    plain, mixed = Stylizer(adapter), Stylizer(path)
    assert mixed._engine is plain._engine
    expected = np.asarray(mixed(PHOTO))
    assert not np.array_equal(expected, np.asarray(plain(PHOTO)))
    together = Stylizer(base).with_styles(adapter, mixing)
    assert np.array_equal(np.asarray(together(PHOTO, "mixing")), expected)
    assert np.array_equal(np.asarray(together(PHOTO, "mine")), np.asarray(plain(PHOTO)))
    again = extract(join(base, [mixing]), "mixing", "paintings")
    assert again.hash == mixing.hash


def test_a_plain_adapter_is_painted_with_where_other_styles_have_matrices(base, adapter, mixing):
    mixes = join(base, [mixing])
    expected = np.asarray(Stylizer(adapter)(PHOTO))
    assert np.array_equal(np.asarray(Stylizer(adapter, base=mixes)(PHOTO)), expected)
    both = Stylizer(mixes).with_styles(adapter)
    assert np.array_equal(np.asarray(both(PHOTO, "mine")), expected)


def test_matrices_that_do_not_fit_are_refused(base, mixing):
    key = "to_rgb.mixing.matrices"
    for tensors in (
        {name: array for name, array in mixing.tensors.items() if name != key},
        {**mixing.tensors, key: mixing.tensors[key][:, :2]},
        {**mixing.tensors, "more.mixing.matrices": mixing.tensors[key]},
    ):
        with pytest.raises(CheckpointError, match="does not fit its network"):
            join(base, [replace(mixing, tensors=tensors)])
    undeclared = {**mixing.settings, "mixing": 0}
    with pytest.raises(CheckpointError, match=r"blocks.0.first.mixing.matrices is \(1, 96, 96\)"):
        join(base, [replace(mixing, settings=undeclared)])


def test_vectors_of_another_length_are_refused(base, adapter):
    short = replace(adapter, tensors={"styles": adapter.tensors["styles"][:, :-2]})
    with pytest.raises(CheckpointError, match="does not fit its network"):
        join(base, [short])


def test_only_adapters_are_joined(base, adapter):
    with pytest.raises(CheckpointError, match="only adapters can"):
        join(base, [base])
    with pytest.raises(CheckpointError, match="whole network of styles"):
        join(adapter, [adapter])
    with pytest.raises(CheckpointError, match="whole network of styles"):
        join(load("upscale_x4_fidelity"), [adapter])
    with pytest.raises(CheckpointError, match="joined with its base first"):
        build_network(adapter)


def test_a_whole_network_is_complete(base):
    assert completed(base) is base


def test_the_command_takes_a_file_as_a_style(base, file, tmp_path):
    photo, out = tmp_path / "photo.png", tmp_path / "out.png"
    PHOTO.save(photo)
    first = base.styles[0].name
    for style, blend in ((str(file), "mine"), (f"{file}=1,{first}=3", {"mine": 1, first: 3})):
        result = CliRunner().invoke(app, ["stylize", str(photo), "-o", str(out), "--style", style])
        assert result.exit_code == 0, result.output
        wanted = Stylizer(base).with_styles(file)(PHOTO, blend)
        assert np.array_equal(np.asarray(Image.open(out)), np.asarray(wanted))


def test_the_command_refuses_files_that_are_not_one_style(base, file, tmp_path):
    photo, several = tmp_path / "photo.png", tmp_path / "several.safetensors"
    PHOTO.save(photo)
    save_checkpoint(base, several)
    for style, sentence in (
        (str(several), "give it as --weights instead"),
        (str(tmp_path / "none.safetensors"), "There is no file"),
        (f"{file},unknown", "unknown"),
    ):
        result = CliRunner().invoke(app, ["stylize", str(photo), "-o", "-", "--style", style])
        assert result.exit_code == 2 and sentence in result.output


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"hash": "12", "name": "paintings"}',
        json.dumps({"hash": "0" * 64, "name": 3}),
        json.dumps({"hash": "0" * 64, "name": "a\nb"}),
        json.dumps({"hash": "0" * 64, "name": "a", "more": ""}),
        "no json",
    ],
)
def test_malformed_bases_are_refused(file, text, tmp_path):
    from safetensors import safe_open

    with safe_open(file, framework="np") as opened:
        metadata = opened.metadata()
    path = tmp_path / "bad.safetensors"
    save_file(load_file(file), path, {**metadata, "base": text})
    with pytest.raises(CheckpointError, match=r"base|which network it belongs to"):
        load_checkpoint(path)
