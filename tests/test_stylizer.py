"""`Stylizer` with the shipped network, on every engine this machine has."""

import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import make_picture
from PIL import Image

from fastnst import Stylizer
from fastnst.catalog import load
from fastnst.checkpoint import Checkpoint
from fastnst.engines import ENGINES, create_engine
from fastnst.errors import CancelledError, CheckpointError, EngineError, PictureError, StyleError
from fastnst.networks import build_network
from fastnst.stylizer import output_size
from fastnst.tensors import to_picture, to_tensor

THREADS = 8


@pytest.fixture(scope="module")
def stylizer():
    return Stylizer()


def difference(first: Image.Image, second: Image.Image) -> np.ndarray:
    return np.abs(np.asarray(first, np.int16) - np.asarray(second, np.int16))


def test_styles_are_described(stylizer):
    assert {"udnie", "the_scream", "starry_night"} <= set(stylizer.styles)
    udnie = stylizer.describe("udnie")
    assert (udnie.title, udnie.artist, udnie.year) == ("Udnie", "Francis Picabia", "1913")
    assert udnie.licence
    with pytest.raises(StyleError, match="did you mean udnie"):
        stylizer.describe("Udnei")


@pytest.mark.parametrize("size", [(16, 16), (17, 40), (201, 64), (320, 240)])
def test_result_has_the_photos_size_and_is_not_the_photo(stylizer, size):
    photo = make_picture(*size)
    made = stylizer(photo, "udnie")
    assert made.size == size
    assert made.mode == "RGB"
    assert difference(photo, made).mean() > 4


def test_the_same_call_gives_the_same_pixels(stylizer):
    photo = make_picture(120, 90)
    assert difference(stylizer(photo, "udnie"), stylizer(photo, "udnie")).max() == 0


def test_the_photo_is_not_changed(stylizer):
    photo = make_picture(64, 64)
    before = photo.tobytes()
    stylizer(photo, "udnie")
    assert photo.tobytes() == before


def test_engines_agree(stylizer):
    photo = make_picture(200, 150)
    other = Stylizer(engine="torch", device="cpu")
    assert other.device == "CPU fp32 torch"
    distance = difference(stylizer(photo, "the_scream"), other(photo, "the_scream"))
    assert distance.mean() < 1.5  # bf16 rounds to 1/256
    assert difference(photo, other(photo, "the_scream")).mean() > 4


def test_a_network_is_trained_as_it_is_used():
    whole = load("paintings")
    plain = replace(whole, settings={**whole.settings, "grain": 0.0})  # its grain differs in place
    photo = make_picture(203, 150)
    made = Stylizer(plain, engine="torch", device="cpu")(photo, plain.styles[0].name)
    network = build_network(plain)
    with torch.no_grad():
        trained = network(to_tensor(photo), network.vectors()[:1])
    assert difference(to_picture(trained), made).max() <= 1


def test_strength_zero_is_the_photo_and_more_goes_further(stylizer):
    photo = make_picture(128, 96)
    assert difference(photo, stylizer(photo, "udnie", strength=0)).max() == 0
    # Strength fades in without a jump: a hair over 0 is the photo but for rounding.
    assert difference(photo, stylizer(photo, "udnie", strength=0.001)).max() <= 2
    distances = [
        difference(photo, stylizer(photo, "udnie", strength=s)).mean() for s in (0.1, 0.5, 1.0)
    ]
    assert distances == sorted(distances)
    assert difference(stylizer(photo, "udnie"), stylizer(photo, "udnie", strength=1.5)).mean() > 1


def test_blends(stylizer):
    photo = make_picture(96, 96)
    alone = stylizer(photo, "udnie")
    assert difference(alone, stylizer(photo, {"udnie": 3.0, "the_scream": 0})).max() == 0
    mixed = stylizer(photo, {"udnie": 0.5, "the_scream": 0.5})
    assert difference(mixed, stylizer(photo, {"the_scream": 2, "udnie": 2})).max() == 0
    assert difference(mixed, alone).mean() > 1
    assert difference(mixed, stylizer(photo, "the_scream")).mean() > 1


def test_keep_colors_keeps_the_chroma(stylizer):
    photo = Image.new("RGB", (64, 64), (110, 128, 140))
    photo.paste((120, 130, 138), (0, 0, 32, 64))
    kept = stylizer(photo, "the_scream", keep_colors=True).convert("YCbCr")
    made = stylizer(photo, "the_scream").convert("YCbCr")
    for channel in "Cb", "Cr":
        target = np.median(np.asarray(photo.convert("YCbCr").getchannel(channel)))
        near = np.abs(np.asarray(kept.getchannel(channel), float) - target)
        assert np.median(near) <= 3
    # Luma comes from the result, but for what leaves the RGB cube.
    luma = difference(kept.getchannel("Y"), made.getchannel("Y"))
    assert np.median(luma) <= 2


def test_brush_changes_the_scale_of_the_strokes(stylizer):
    photo = make_picture(256, 256)

    def coarseness(brush):
        values = np.asarray(stylizer(photo, "udnie", brush=brush).convert("L"), float)
        edges = np.abs(np.diff(values, axis=1)).mean()
        return values.std() / edges

    assert coarseness(0.5) < coarseness(1.0) < coarseness(2.0)


def test_sizes():
    assert output_size((300, 200), None) == (300, 200)
    assert output_size((300, 200), 600) == (600, 400)
    assert output_size((200, 300), 150) == (100, 150)
    assert output_size((300, 200), (64, 48)) == (64, 48)
    for bad in (0, 10, -5, (64,), (64, 0), (64.0, 64), "big", 10**6, True):
        with pytest.raises(PictureError):
            output_size((300, 200), bad)


def test_result_has_the_size_asked_for(stylizer):
    assert stylizer(make_picture(100, 50), "udnie", size=200).size == (200, 100)
    assert stylizer(make_picture(100, 50), "udnie", size=(70, 90)).size == (70, 90)


def test_alpha_is_kept_and_scaled(stylizer):
    photo = make_picture(80, 60).convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize((80, 60)))
    made = stylizer(photo, "udnie")
    assert made.mode == "RGBA"
    assert difference(made.getchannel("A"), photo.getchannel("A")).max() == 0
    assert stylizer(photo, "udnie", size=40).getchannel("A").size == (40, 30)


def test_borders_are_like_the_inside(stylizer):
    """A flat photo has no dark or bright frame in the result."""
    made = np.asarray(stylizer(Image.new("RGB", (160, 160), (120, 140, 160)), "udnie"), float)
    border = np.concatenate([made[:3].reshape(-1, 3), made[:, :3].reshape(-1, 3)])
    assert np.abs(border.mean(0) - made[16:-16, 16:-16].reshape(-1, 3).mean(0)).max() < 40


def test_threads_get_their_own_pictures(stylizer):
    """Eight threads, eight photos of different sizes, several rounds: nobody meets another's."""
    photos = [make_picture(64 + 24 * i, 200 - 16 * i, i) for i in range(THREADS)]
    styles = [stylizer.styles[i % len(stylizer.styles)] for i in range(THREADS)]
    expected = [stylizer(photo, style) for photo, style in zip(photos, styles, strict=True)]
    wrong: list[str] = []
    barrier = threading.Barrier(THREADS)

    def work(i: int) -> None:
        barrier.wait()
        for _ in range(6):
            made = stylizer(photos[i], styles[i])
            if made.size != photos[i].size or difference(made, expected[i]).max():
                wrong.append(f"thread {i}")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert len({made.tobytes() for made in expected}) == THREADS


@pytest.mark.parametrize("engine", ENGINES)
def test_work_can_be_cancelled(engine):
    stylizer = Stylizer(engine=engine)
    with pytest.raises(CancelledError):
        stylizer(make_picture(1600, 1200), "udnie", cancelled=lambda: True)
    assert stylizer(make_picture(64, 64), "udnie").size == (64, 64)


def test_engines_that_are_not_here():
    network = build_network(Stylizer().checkpoint)
    with pytest.raises(EngineError, match="Unknown engine 'abacus'"):
        create_engine(network, "abacus")
    with pytest.raises(EngineError, match="Unknown device 'tpu'"):
        create_engine(network, "torch", "tpu")
    with pytest.raises(EngineError, match=r"no mps device|does not run on mps"):
        create_engine(network, "openvino", "mps")


def test_without_openvino_torch_does_the_work():
    code = (
        "import sys\n"
        "import importlib.machinery as machinery\n"
        "real = machinery.PathFinder.find_spec\n"
        "def find_spec(name, *rest):\n"
        "    return None if name.split('.')[0] == 'openvino' else real(name, *rest)\n"
        "machinery.PathFinder.find_spec = staticmethod(find_spec)\n"
        "from fastnst import Stylizer\n"
        "print(Stylizer(device='cpu').device)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "CPU fp32 torch", done.stderr


def test_weights_of_another_kind_are_refused(stylizer):
    good = stylizer.checkpoint
    nameless = Checkpoint(good.task, good.architecture, good.settings, good.tensors)
    with pytest.raises(CheckpointError, match="do not describe the styles"):
        Stylizer(nameless)
    with pytest.raises(CheckpointError, match="There are no weights 'paintigns'"):
        Stylizer("paintigns")


def test_importing_is_light():
    code = "import fastnst, sys; assert not {'torch', 'gradio', 'PIL'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
