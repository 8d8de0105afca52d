"""`Upscaler` on networks whose answers are known, and on networks of random weights."""

import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import make_picture
from odd_files import cmyk_profile, rgb_profile
from PIL import Image

from fastnst import Upscaler
from fastnst.checkpoint import Checkpoint
from fastnst.checkpoint_file import save_checkpoint
from fastnst.choices import largest_side, upscaled_size
from fastnst.engines import AUTO, ENGINES
from fastnst.errors import (
    CancelledError,
    CheckpointError,
    EngineError,
    PictureError,
    SettingError,
)
from fastnst.histogram import with_histogram_of
from fastnst.networks import ARCHITECTURES, SR, architecture_settings, network_tensors
from fastnst.tiles import LONGEST_TILE, enlarge
from fastnst.transparency import fill_hidden, has_soft_edges, resized_alpha

pytestmark = pytest.mark.usefixtures("one_thread")
LIMIT = "FASTNST_MAX_PIXELS"
PHOTO = make_picture(48, 36)


def random_weights(scale: int = 4, seed: int = 0, name: str = "fast-sr", **settings: int) -> Any:
    """A network that changes what it sees a lot, and that far away matters to."""
    small = {"channels": 8, "blocks": 2} if name == "fast-sr" else {}
    chosen = architecture_settings(name, scale=scale, **{**small, **settings})
    torch.manual_seed(seed)
    network = ARCHITECTURES[name].network(**chosen)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.mul_(2)
    return Checkpoint(SR, name, chosen, network_tensors(network))


def bicubic_weights(scale: int = 4, brighter: float = 0.0) -> Checkpoint:
    """A network that adds nothing to its bicubic enlargement but light."""
    checkpoint = random_weights(scale)
    tensors = dict(checkpoint.tensors)
    tensors["to_rgb.weight"] = np.zeros_like(tensors["to_rgb.weight"])
    tensors["to_rgb.bias"] = np.full_like(tensors["to_rgb.bias"], brighter)
    return Checkpoint(SR, checkpoint.architecture, checkpoint.settings, tensors)


@pytest.fixture(scope="module")
def upscaler() -> Upscaler:
    return Upscaler(weights=random_weights(), detail_weights=random_weights(seed=1))


@pytest.fixture(scope="module")
def bicubic() -> Upscaler:
    return Upscaler(weights=bicubic_weights(), engine="torch", device="cpu")


def array(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, np.int16)


def difference(first: Image.Image, second: Image.Image) -> np.ndarray:
    return np.abs(array(first) - array(second))


# The network ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [4, 8])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 1), (3, 5), (50, 31)])
def test_result_is_so_many_times_larger(scale: int, size: tuple[int, int]) -> None:
    upscaler = Upscaler(weights=random_weights(scale))
    assert upscaler.scale == scale
    photo = make_picture(64, 64).crop((0, 0, *size))
    made = upscaler(photo)
    assert made.mode == "RGB" and made.size == (size[0] * scale, size[1] * scale)
    assert difference(made, photo.resize(made.size, Image.Resampling.BICUBIC)).mean() > 0.5
    assert made.tobytes() == upscaler(photo).tobytes()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (40, 30)])
def test_known_network_on_a_mirrored_picture(bicubic: Upscaler, size: tuple[int, int]) -> None:
    photo = make_picture(64, 64).crop((0, 0, *size))
    x = np.pad(np.asarray(photo), ((8, 8), (8, 8), (0, 0)), mode="reflect").astype(np.float32)
    y = F.interpolate(torch.from_numpy(x).permute(2, 0, 1)[None], scale_factor=4.0, mode="bicubic")
    expected = y[0, :, 32:-32, 32:-32].permute(1, 2, 0).clamp(0, 255).numpy()
    assert np.abs(array(bicubic(photo)) - expected).max() <= 0.51


def test_flat_pictures_stay_flat_up_to_the_border(bicubic: Upscaler) -> None:
    made = bicubic(Image.new("RGB", (30, 20), (10, 120, 250)))
    assert made.getcolors() == [(120 * 80, (10, 120, 250))]


def test_engines_agree() -> None:
    weights = random_weights()
    first = Upscaler(weights=weights, engine="torch", device="cpu")
    assert first.device == "CPU fp32 torch"
    second = Upscaler(weights=weights, engine="openvino")
    assert difference(first(PHOTO), second(PHOTO)).mean() < 1  # bf16 rounds to 1/256


def test_detail_mixes_the_weights() -> None:
    faithful, detailed = random_weights(seed=0), random_weights(seed=1)
    machine = {"engine": "torch", "device": "cpu"}
    both = Upscaler(weights=faithful, detail_weights=detailed, **machine)
    middle = {key: (faithful.tensors[key] + detailed.tensors[key]) / 2 for key in faithful.tensors}
    mixed = Checkpoint(SR, faithful.architecture, faithful.settings, middle)
    made = {}
    for detail, weights in ((0, faithful), (0.5, mixed), (1, detailed)):
        made[detail] = both(PHOTO, detail)
        assert difference(made[detail], Upscaler(weights=weights, **machine)(PHOTO)).max() <= 1
    assert difference(made[0], made[0.5]).mean() > 1 and difference(made[1], made[0.5]).mean() > 1
    assert made[0.5].tobytes() == both(PHOTO).tobytes()
    # More details than stay ready: the first one is made anew, and the same.
    for detail in (0.1, 0.2, 0.3, 0.4):
        both(PHOTO, detail)
    assert both(PHOTO, 0).tobytes() == made[0].tobytes()


def test_one_flavour_has_no_detail(upscaler: Upscaler) -> None:
    alone = Upscaler(weights=random_weights())
    assert alone.detail_checkpoint is None and upscaler.detail_checkpoint is not None
    assert alone(PHOTO, 0).tobytes() == alone(PHOTO, 1).tobytes()
    assert upscaler(PHOTO, 0).tobytes() != upscaler(PHOTO, 1).tobytes()


def test_weights_from_files(tmp_path: Any) -> None:
    for seed in (0, 1):
        save_checkpoint(random_weights(8, seed), tmp_path / f"{seed}.safetensors")
    files = [tmp_path / "0.safetensors", str(tmp_path / "1.safetensors")]
    upscaler = Upscaler(weights=files[0], detail_weights=files[1])
    assert upscaler.scale == 8
    assert upscaler.checkpoint.hash == random_weights(8, 0).hash
    assert (
        upscaler.detail_checkpoint and upscaler.detail_checkpoint.hash == random_weights(8, 1).hash
    )


# Tiles ------------------------------------------------------------------------------------------

ONE_PIECE = 10_000


def in_tiles(
    upscaler: Upscaler, photo: Image.Image, tile: int, size: tuple[int, int], radius: int = 0
) -> np.ndarray:
    engine = upscaler._engine(0.5)
    nothing = np.zeros(0, np.float32)
    return enlarge(
        np.asarray(photo),
        lambda pixels: engine.run(pixels, nothing, lambda: False),
        upscaler.scale,
        radius or upscaler._radius,
        size,
        tile=tile,
        progress=lambda done, total: None,
        cancelled=lambda: False,
    ).astype(int)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("scale", [4, 8])
def test_tiles_are_one_piece(engine: str, scale: int) -> None:
    upscaler = Upscaler(
        weights=random_weights(scale), detail_weights=random_weights(scale, 1), engine=engine
    )
    for size in ((97, 60), (64, 64), (65, 1), (40, 130)):
        photo = make_picture(160, 160, 3).crop((0, 0, *size))
        full = (size[0] * scale, size[1] * scale)
        odd = (round(size[0] * 2.7), round(size[1] * 3.1))  # another factor for each side
        for target in (full, odd, (full[0], odd[1])):
            whole = in_tiles(upscaler, photo, ONE_PIECE, target)
            assert whole.std() > 20
            for tile in (64, 33, 20):
                made = in_tiles(upscaler, photo, tile, target)
                assert np.abs(made - whole).max() <= 1, (size, target, tile)


@pytest.mark.parametrize("name", ["paper-sr", "srcnn"])
def test_tiles_are_one_piece_for_other_networks(name: str) -> None:
    upscaler = Upscaler(weights=random_weights(name=name), engine="torch", device="cpu")
    photo = make_picture(160, 160, 3).crop((0, 0, 70, 41))
    whole = in_tiles(upscaler, photo, ONE_PIECE, (280, 164))
    assert np.abs(in_tiles(upscaler, photo, 32, (280, 164)) - whole).max() <= 1


def test_tiles_without_enough_around_them_show(upscaler: Upscaler) -> None:
    """The tests of tiles can fail: a narrower margin is seen."""
    photo = make_picture(97, 60, 3)
    whole = in_tiles(upscaler, photo, ONE_PIECE, (388, 240))
    assert np.abs(in_tiles(upscaler, photo, 33, (388, 240), radius=1) - whole).max() > 1


def test_large_pictures_go_in_tiles(upscaler: Upscaler) -> None:
    photo = make_picture(2 * LONGEST_TILE + 11, 40, 5)
    told: list[tuple[int, int]] = []
    made = upscaler(photo, progress=lambda *each: told.append(each))
    assert told == [(1, 3), (2, 3), (3, 3)]
    whole = in_tiles(upscaler, photo, ONE_PIECE, made.size)
    assert np.abs(array(made) - whole).max() <= 1


@pytest.mark.parametrize("engine", ENGINES)
def test_cancelled_between_tiles(engine: str) -> None:
    upscaler = Upscaler(weights=random_weights(), engine=engine)
    photo = make_picture(3 * LONGEST_TILE, 32)
    told: list[int] = []
    with pytest.raises(CancelledError):
        upscaler(
            photo, progress=lambda done, total: told.append(done), cancelled=lambda: told == [1]
        )
    assert told == [1]
    with pytest.raises(CancelledError):
        upscaler(photo, cancelled=lambda: True)
    assert upscaler(PHOTO).size == (192, 144)


def test_threads_get_their_own_pictures(upscaler: Upscaler) -> None:
    photos = [make_picture(24 + 9 * i, 60 - 7 * i, i) for i in range(6)]
    details = [0.0, 1.0, 0.5, 0.25, 1.0, 0.5]
    expected = [upscaler(*each) for each in zip(photos, details, strict=True)]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(3):
            if upscaler(photos[i], details[i]).tobytes() != expected[i].tobytes():
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong and len({made.tobytes() for made in expected}) == 6


MEMORY = """
import re, sys
sys.path.insert(0, {tests!r})
import numpy as np
from PIL import Image
from test_upscaler import random_weights
from fastnst import Upscaler
made = Upscaler(weights=random_weights(channels=48, blocks=6), engine={engine!r})(
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (1000, 1500, 3), np.uint8)))
# Not getrusage: what that says starts from the process that started this one.
print(made.size, re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("engine", [AUTO, "torch"])
def test_memory_of_a_large_picture(engine: str, pytestconfig: pytest.Config) -> None:
    """A network of the size that ships."""
    tests = str(pytestconfig.rootpath / "tests")
    done = subprocess.run(
        [sys.executable, "-c", MEMORY.format(tests=tests, engine=engine)],
        capture_output=True, text=True, check=True, timeout=900,
    )  # fmt: skip
    size, _, peak = done.stdout.strip().rpartition(" ")
    assert size == "(6000, 4000)"
    assert int(peak) < 2_000_000  # kB


# Sizes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (None, (192, 144)),
        (100, (100, 75)),
        (480, (480, 360)),
        ((61, 200), (61, 200)),
        (20, (20, 15)),
        ((300, 10), (300, 10)),
        ((48, 36), (48, 36)),
        ((1, 1), (1, 1)),
    ],
)
def test_sizes(upscaler: Upscaler, size: Any, expected: tuple[int, int]) -> None:
    assert upscaled_size(PHOTO.size, 4, size) == expected
    assert upscaler(PHOTO, size=size).size == expected


@pytest.mark.parametrize("size", [(100, 80), (150, 144), (400, 300)])
def test_size_is_reached_from_the_networks_result(
    upscaler: Upscaler, size: tuple[int, int]
) -> None:
    whole = upscaler(PHOTO)
    expected = whole.resize(size, Image.Resampling.LANCZOS)
    assert difference(upscaler(PHOTO, size=size), expected).max() <= 1


def test_too_large_a_result(upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PictureError) as refusal:
        upscaled_size((4000, 3000), 4)
    assert str(refusal.value) == (
        "At ×4 the result is 16000×12000, 192 megapixels; the limit is 50 (FASTNST_MAX_PIXELS "
        "raises it). The largest that fits is 8164×6123, ×2.04: ask for the size 8164."
    )
    assert upscaled_size((4000, 3000), 4, 8164) == (8164, 6123)
    with pytest.raises(PictureError, match=r"^The result is 8165×6124, 50 megapixels"):
        upscaled_size((4000, 3000), 4, 8165)
    monkeypatch.setenv(LIMIT, str(192 * 144))
    assert upscaler(PHOTO).size == (192, 144)
    monkeypatch.setenv(LIMIT, str(192 * 144 - 1))
    with pytest.raises(PictureError, match=r"The largest that fits is 191×143, ×3.98"):
        upscaler(PHOTO)
    assert upscaler(PHOTO, size=191).size == (191, 143)


@pytest.mark.parametrize("photo", [(1, 1), (1, 3000), (7000, 3), (123, 457), (5000, 5000)])
def test_largest_side_fits_and_a_pixel_more_does_not(
    photo: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in (30_000_000, 50_000_000):
        monkeypatch.setenv(LIMIT, str(limit))
        side = largest_side(photo)
        assert np.prod(upscaled_size(photo, 4, side), dtype=np.int64) <= limit
        wider = side + -(-max(photo) // min(photo))  # by a pixel on the short side
        with pytest.raises(PictureError):
            upscaled_size(photo, 4, wider)
    assert largest_side((1, 100_000)) == 1_000_000  # no side is longer


# Transparency -----------------------------------------------------------------------------------


def disc(size: int, radius: float, finer: int = 8) -> np.ndarray:
    """(size, size) opacity of a disc with smooth edges."""
    y, x = (np.mgrid[: size * finer, : size * finer] + 0.5) / finer - size / 2
    inside = (np.hypot(x, y) < radius).astype(float)
    means = inside.reshape(size, finer, size, finer).mean((1, 3))
    return np.round(255 * means).astype(np.uint8)


def test_hidden_colours_do_not_bleed(bicubic: Upscaler) -> None:
    """A red disc; under its transparent surroundings, green."""
    alpha = disc(40, 14)
    pixels = np.where(alpha[..., None] > 0, (200, 30, 30), (0, 255, 0)).astype(np.uint8)
    photo = Image.fromarray(pixels)
    photo.putalpha(Image.fromarray(alpha))
    for size in (None, 100, (70, 150)):
        made = np.asarray(bicubic(photo, size=size), int)
        assert made.shape[2] == 4
        shown = made[made[..., 3] > 0]
        assert np.abs(shown[:, :3] - (200, 30, 30)).max() <= 1
        assert 0.2 < (made[..., 3] == 255).mean() < 0.6
        assert (made[..., 3] == 0).mean() > 0.3


def with_alpha(alpha: np.ndarray) -> Image.Image:
    photo = Image.new("RGB", alpha.shape[::-1], "red")
    photo.putalpha(Image.fromarray(alpha))
    return photo


@pytest.mark.parametrize("finer", [1, 8])
@pytest.mark.parametrize("size", [160, 110])
def test_alpha_keeps_its_plateaus(upscaler: Upscaler, finer: int, size: int) -> None:
    """Even with a network that makes of everything something else."""
    small = disc(40, 14.3, finer)
    assert has_soft_edges(small) == (finer > 1)
    alpha = np.asarray(upscaler(with_alpha(small), size=size).getchannel("A"), int)
    padded = np.pad(small, 2, mode="edge")
    around = np.stack([padded[y : y + 40, x : x + 40] for y in range(5) for x in range(5)])
    for value in (0, 255):
        same = Image.fromarray(np.uint8(255 * (around == value).all(0))).resize((size, size), 0)
        plateau = np.asarray(same) == 255
        assert plateau.sum() > 1000 and (alpha[plateau] == value).all()


def test_hard_edges_of_alpha_become_smooth(upscaler: Upscaler) -> None:
    small = disc(40, 14.3, 1)
    alpha = np.asarray(upscaler(with_alpha(small)).getchannel("A"), int)
    # Nearest neighbours would jump by 255 from one pixel to the next.
    assert max(np.abs(np.diff(alpha, axis=axis)).max() for axis in (0, 1)) < 100


def test_soft_edges_of_alpha_become_sharp() -> None:
    shipped = Upscaler(4)
    small, truth = disc(40, 14.3), disc(160, 57.2).astype(int)
    alpha = np.asarray(shipped(with_alpha(small)).getchannel("A"), int)
    smooth = resized_alpha(small, (160, 160)).astype(int)
    assert np.abs(alpha - truth).mean() < 0.6 * np.abs(smooth - truth).mean()
    told: list[tuple[int, int]] = []
    shipped(with_alpha(small), progress=lambda *each: told.append(each))
    assert told == [(1, 2), (2, 2)]


def test_hidden_pixels_take_the_nearest_colour() -> None:
    pixels = np.full((33, 50, 3), 77, np.uint8)
    alpha = np.zeros((33, 50), np.uint8)
    pixels[:, :5], pixels[:, -5:] = (250, 0, 0), (0, 0, 250)
    alpha[:, :5], alpha[:, -5:] = 255, 1
    filled = fill_hidden(pixels, alpha).astype(int)
    assert (filled[alpha > 0] == pixels[alpha > 0]).all()
    assert (filled[:, 5:9, 0] > 200).all() and (filled[:, -9:-5, 2] > 200).all()
    assert np.abs(filled[:, 5:-5].sum(2) - 250).max() <= 12  # all between red and blue
    assert (fill_hidden(pixels, np.zeros_like(alpha)) == pixels).all()
    assert (fill_hidden(pixels, np.full_like(alpha, 255)) == pixels).all()
    assert fill_hidden(pixels[:1, :1], np.full((1, 1), 9, np.uint8)).shape == (1, 1, 3)


def test_transparent_pictures_of_all_kinds(upscaler: Upscaler, bicubic: Upscaler) -> None:
    clear = Image.new("RGBA", (20, 10), (9, 9, 9, 0))
    assert np.asarray(upscaler(clear))[..., 3].max() == 0
    palette = make_picture(20, 10).quantize(16)
    palette.info["transparency"] = 3
    grey = make_picture(20, 10).convert("LA")
    for photo in (palette, grey, Image.new("RGBA", (1, 1), (255, 0, 0, 128))):
        made = upscaler(photo)
        assert made.mode == "RGBA" and made.size == (photo.width * 4, photo.height * 4)
    assert bicubic(photo).getcolors() == [(16, (255, 0, 0, 128))]


# What comes with a picture ----------------------------------------------------------------------


def test_exif_and_profile_are_kept(upscaler: Upscaler) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a photo"
    photo = PHOTO.copy()
    photo.info["exif"] = exif.tobytes()
    photo.info["icc_profile"] = rgb_profile()
    made = upscaler(photo)
    assert made.size == (144, 192)
    kept = Image.Exif()
    kept.load(made.info["exif"])
    assert dict(kept) == {0x010E: "a photo"}
    assert made.info["icc_profile"] == rgb_profile()


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "I;16", "F"])
def test_modes(bicubic: Upscaler, mode: str) -> None:
    if mode == "I;16":
        photo = Image.fromarray(np.asarray(PHOTO.convert("L"), np.uint16) * 257)
    elif mode == "F":
        photo = Image.fromarray(np.asarray(PHOTO.convert("L"), np.float32) / 255)
    else:
        photo = PHOTO.convert(mode)
    plain = PHOTO.convert("L" if mode in ("I;16", "F") else mode).convert("RGB")
    assert difference(bicubic(photo), bicubic(plain)).max() <= 1


def test_cmyk_profile(upscaler: Upscaler) -> None:
    photo = PHOTO.convert("CMYK")
    photo.info["icc_profile"] = cmyk_profile()
    assert upscaler(photo).mode == "RGB"


# Histogram --------------------------------------------------------------------------------------


def test_histogram_of_a_retouched_picture_is_undone() -> None:
    photo = np.asarray(make_picture(90, 70, 1))
    levels = np.arange(256)
    darker = ((levels // 2 + 20)[photo]).astype(np.uint8)
    large = darker.repeat(3, 0).repeat(3, 1)
    back = with_histogram_of(photo, large).astype(int)
    # Two levels became one; either of them is right.
    assert np.abs(back - photo.repeat(3, 0).repeat(3, 1)).max() <= 1
    assert (with_histogram_of(photo, photo) == photo).all()
    inverted = with_histogram_of(photo, 255 - photo)
    assert np.abs(np.sort(inverted, None).astype(int) - np.sort(photo, None)).mean() < 1


def test_histogram_ignores_what_is_not_seen() -> None:
    photo = np.asarray(make_picture(40, 40, 1))
    alpha = np.zeros((40, 40), np.uint8)
    alpha[:, 20:] = 9
    other = np.where(alpha[..., None], photo, 0).astype(np.uint8)
    made = with_histogram_of(other, photo, alpha, alpha)
    assert (made[:, 20:] == photo[:, 20:]).all()


def test_histogram_is_matched_when_asked_for() -> None:
    upscaler = Upscaler(weights=bicubic_weights(brighter=0.1))
    photo = make_picture(60, 40, 2)
    means = [
        np.asarray(picture, float).mean((0, 1))
        for picture in (photo, upscaler(photo), upscaler(photo, match_histogram=True))
    ]
    assert (means[1] - means[0] > 15).all()
    assert np.abs(means[2] - means[0]).max() < 1


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0, 1, 2, 3, 16, -4, 4.0, "4", True, float("nan"), (4,)])
def test_wrong_scale(scale: Any) -> None:
    with pytest.raises(SettingError, match=r"The scale is .*; allowed are 4 and 8\."):
        Upscaler(scale, weights=random_weights())


@pytest.mark.parametrize("detail", [-0.1, 1.1, float("nan"), "1", None, True])
def test_wrong_detail(upscaler: Upscaler, detail: Any) -> None:
    with pytest.raises(SettingError, match=r"The detail is .*; allowed is 0 to 1\."):
        upscaler(PHOTO, detail)


@pytest.mark.parametrize("size", [0, -5, 512.0, "512", True, (64,), (64, 0), (), 10**7])
def test_wrong_size(upscaler: Upscaler, size: Any) -> None:
    with pytest.raises(PictureError, match="whole numbers of pixels up to 1000000"):
        upscaler(PHOTO, size=size)


def test_no_picture(upscaler: Upscaler) -> None:
    with pytest.raises(PictureError, match=r"A picture is a PIL\.Image, not ndarray"):
        upscaler(np.zeros((8, 8, 3), np.uint8))  # type: ignore[arg-type]
    with pytest.raises(PictureError, match="is 0×7 pixels; each side needs 1 at least"):
        upscaler(Image.new("RGB", (0, 7)))
    with pytest.raises(PictureError, match="not finite numbers"):
        upscaler(Image.fromarray(np.full((3, 3), np.nan, np.float32)))


def test_wrong_weights() -> None:
    for arguments, message in (
        ({"weights": "paintings"}, "The weights are for style, not for upscaling"),
        ({"weights": "nothing"}, "There are no weights 'nothing'"),
        ({"weights": "no.safetensors"}, r"There is no file no\.safetensors"),
        ({"scale": 8, "weights": random_weights()}, "The weights are for scale 4, not 8"),
        ({"detail_weights": random_weights()}, "need the faithful ones"),
    ):
        with pytest.raises(CheckpointError, match=message):
            Upscaler(**arguments)  # type: ignore[arg-type]
    for other in (random_weights(8), random_weights(blocks=3), random_weights(name="srcnn")):
        with pytest.raises(CheckpointError, match="not of the same architecture"):
            Upscaler(weights=random_weights(), detail_weights=other)


def test_wrong_machine() -> None:
    with pytest.raises(EngineError, match="Unknown engine 'steam'"):
        Upscaler(weights=random_weights(), engine="steam")
    with pytest.raises(EngineError, match="Unknown device 'tpu'"):
        Upscaler(weights=random_weights(), device="tpu")


def test_importing_is_light() -> None:
    code = (
        "from fastnst import Upscaler; import sys\n"
        "assert not {'torch', 'openvino', 'gradio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
