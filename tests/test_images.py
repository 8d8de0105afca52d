"""fastnst.images: what comes with a picture survives, and its colours mean what they meant."""

import io
import os
import stat
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from odd_files import (
    ADOBE_RGB,
    DISPLAY_P3,
    cmyk_profile,
    encoded,
    grey_profile,
    png_chunk,
    rgb_profile,
    whole_png,
)
from PIL import Image, ImageCms

from fastnst.errors import PictureError
from fastnst.exif import ORIENTATION
from fastnst.images import (
    OUTPUT_FORMATS,
    encode_picture,
    open_picture,
    output_format,
    put_together,
    save_picture,
    take_apart,
)

CAMERA, GPS = 0x8769, 0x8825
DESCRIPTION, TAKEN, STORED_WIDTH, LATITUDE_REF = 0x010E, 0x9003, 0xA002, 1
# Red, green / blue, white, 20 pixels each: any turn or flip of it looks different.
CORNERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)


def quarters(height: int = 20, width: int = 30) -> Image.Image:
    return Image.fromarray(CORNERS.repeat(height, 0).repeat(width, 1))


def corners(pixels: np.ndarray) -> list:
    return [tuple(int(v) for v in pixels[y, x]) for y in (2, -3) for x in (2, -3)]


def exif() -> Image.Exif:
    block = Image.Exif()
    block[DESCRIPTION] = "a photo"
    block.get_ifd(CAMERA)[TAKEN] = "2020:01:02 03:04:05"
    block.get_ifd(CAMERA)[STORED_WIDTH] = 9999
    block.get_ifd(GPS)[LATITUDE_REF] = "N"
    return block


def linear_srgb(primaries: tuple, gamma: float, colour: tuple) -> np.ndarray:
    """A colour of a matrix profile in sRGB, 8 bits, by the definitions of both."""
    srgb = np.array(
        ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
    )
    xyz = (np.array(colour) / 255) ** gamma @ np.array(primaries)
    light = np.clip(xyz @ np.linalg.inv(srgb), 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_once_and_removed(name: str, orientation: int) -> None:
    upright = quarters()
    stored = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    block = exif()
    block[ORIENTATION] = orientation
    picture = open_picture(encoded(stored, name, exif=block, quality=100))
    for _ in range(2):  # taking a picture apart must not change it: it is taken apart again
        photo = take_apart(picture)
        assert photo.size == (60, 40)
        assert np.abs(np.array(corners(photo.pixels)) - corners(np.asarray(upright))).max() < 8
        kept = Image.Exif()
        kept.load(photo.exif)
        assert ORIENTATION not in kept
        assert kept[DESCRIPTION] == "a photo"


def test_alpha_turns_with_the_picture() -> None:
    alpha = Image.new("L", (30, 20), 255)
    alpha.paste(0, (0, 0, 10, 20))
    picture = Image.new("RGBA", (30, 20), "red")
    picture.putalpha(alpha)
    block = Image.Exif()
    block[ORIENTATION] = 6  # a quarter to the right
    photo = take_apart(open_picture(encoded(picture, "PNG", exif=block)))
    assert photo.alpha is not None and photo.alpha.shape == (30, 20)
    assert (photo.alpha[:10] == 0).all() and (photo.alpha[10:] == 255).all()


def test_orientation_set_in_memory_counts() -> None:
    picture = quarters()
    picture.getexif()[ORIENTATION] = 8
    assert take_apart(picture).size == (40, 60)
    assert picture.getexif()[ORIENTATION] == 8


def test_one_picture_for_many_threads() -> None:
    block = exif()
    block[ORIENTATION] = 6
    picture = open_picture(encoded(quarters(), "JPEG", exif=block))
    sizes: list = []
    threads = [
        threading.Thread(target=lambda: sizes.append(take_apart(picture).size)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [(40, 60)] * 8


@pytest.mark.parametrize("name", OUTPUT_FORMATS)
@pytest.mark.parametrize("alpha", [False, True])
def test_every_output_format_keeps_metadata(tmp_path: Path, name: str, alpha: bool) -> None:
    profile = rgb_profile()
    source = quarters().point(lambda value: 90 + value // 4)  # colours that sRGB has too
    if alpha:
        source.putalpha(Image.linear_gradient("L").resize(source.size))
    photo = take_apart(open_picture(encoded(source, "PNG", exif=exif(), icc_profile=profile)))
    picture = put_together(photo.pixels, photo, photo.alpha)
    path = tmp_path / f"made{OUTPUT_FORMATS[name].suffixes[0]}"
    save_picture(picture, path)
    with Image.open(path) as read:
        assert read.format == name.upper()
        assert read.size == (60, 40)
        assert read.mode == ("RGBA" if alpha and OUTPUT_FORMATS[name].alpha else "RGB")
        assert read.info["icc_profile"] == profile
        kept = read.getexif()
        assert kept[DESCRIPTION] == "a photo"
        assert kept.get_ifd(CAMERA)[TAKEN] == "2020:01:02 03:04:05"
        assert kept.get_ifd(GPS)[LATITUDE_REF] == "N"
        # The size may have changed; what said it must not lie.
        assert STORED_WIDTH not in kept.get_ifd(CAMERA)
        if alpha and OUTPUT_FORMATS[name].alpha:
            wanted = np.asarray(source.getchannel("A"), int)
            assert np.abs(np.asarray(read.getchannel("A"), int) - wanted).max() <= 1
        elif not alpha:
            seen = np.array(corners(np.asarray(read)))
            assert np.abs(seen - corners(np.asarray(source))).max() < 8


def test_tiff_tags_of_storage_are_not_copied(tmp_path: Path) -> None:
    source = encoded(quarters(), "TIFF", compression="tiff_lzw", exif=exif())
    photo = take_apart(open_picture(source))
    kept = Image.Exif()
    kept.load(photo.exif)
    assert kept[DESCRIPTION] == "a photo"
    assert not {256, 257, 258, 259, 262, 273, 277, 278, 279} & set(kept)
    save_picture(put_together(photo.pixels[:20, :20], photo), tmp_path / "small.tif")
    with Image.open(tmp_path / "small.tif") as read:
        assert read.size == (20, 20)
        assert read.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("primaries", [DISPLAY_P3, ADOBE_RGB], ids=["display-p3", "adobe-rgb"])
def test_wide_profile_is_converted_and_restored(primaries: tuple) -> None:
    colour = (180, 110, 60)  # within sRGB, so nothing is lost
    profile = rgb_profile(primaries, gamma=2.2)
    source = encoded(Image.new("RGB", (32, 32), colour), "PNG", icc_profile=profile)
    photo = take_apart(open_picture(source))
    expected = linear_srgb(primaries, 2.2, colour)
    assert np.abs(expected - colour).max() > 5  # else this would show nothing
    assert np.abs(photo.pixels[0, 0] - expected).max() < 2.5
    made = put_together(photo.pixels, photo)
    assert made.info["icc_profile"] == profile
    assert np.abs(np.array(made.getpixel((0, 0))) - colour).max() <= 2


def test_profile_reaches_rgba_palette_and_grey() -> None:
    profile = rgb_profile(gamma=1.0)
    for mode in ("RGBA", "P", "L", "LA", "1"):
        grey = Image.new("L", (32, 32), 128).convert(mode, dither=Image.Dither.NONE)
        value = np.asarray(grey.convert("L"))[0, 0]
        seen = take_apart(open_picture(encoded(grey, "PNG", icc_profile=profile)))
        expected = linear_srgb(DISPLAY_P3, 1.0, (value,) * 3)
        assert np.abs(seen.pixels[0, 0] - expected).max() < 2, mode


def test_grey_jpeg_with_grey_profile() -> None:
    source = encoded(Image.new("L", (32, 32), 128), "JPEG", icc_profile=grey_profile(1.0))
    photo = take_apart(open_picture(source))
    # Half the light is 188 in sRGB: 255 * (1.055 * (128 / 255) ** (1 / 2.4) - 0.055).
    assert np.abs(photo.pixels.astype(int) - 188).max() <= 1
    made = put_together(photo.pixels, photo)
    # RGB pixels cannot carry a grey profile.
    assert ImageCms.ImageCmsProfile(io.BytesIO(made.info["icc_profile"])).profile.xcolor_space == (
        "RGB "
    )


def test_cmyk_jpeg_with_and_without_its_profile() -> None:
    cyan = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    plain = take_apart(open_picture(encoded(cyan, "JPEG", quality=100)))
    assert np.abs(plain.pixels[0, 0] - np.array((0, 255, 255))).max() < 8
    # For the printer of this profile cyan leaves no trace.
    data = encoded(cyan, "JPEG", quality=100, icc_profile=cmyk_profile())
    printed = take_apart(open_picture(data))
    assert printed.pixels[0, 0].min() > 247
    made = put_together(printed.pixels, printed)
    assert made.info["icc_profile"] != cmyk_profile()
    assert made.getpixel((0, 0)) == tuple(printed.pixels[0, 0])


@pytest.mark.parametrize(
    ("mode", "profile"),
    [
        ("RGB", b"not a profile"),
        ("RGB", rgb_profile()[:200]),
        ("RGB", cmyk_profile()),
        ("RGB", grey_profile(1.0)),
        ("CMYK", rgb_profile(gamma=1.0)),
    ],
    ids=["garbage", "cut", "cmyk for rgb", "grey for rgb", "rgb for cmyk"],
)
def test_profile_that_does_not_fit_counts_as_none(mode: str, profile: bytes) -> None:
    picture = Image.new("RGB", (32, 32), (200, 100, 50)).convert(mode)
    picture.info["icc_profile"] = profile
    photo = take_apart(picture)
    assert tuple(photo.pixels[0, 0]) == (200, 100, 50)
    again = take_apart(put_together(photo.pixels, photo))  # and it still looks like that
    assert np.abs(again.pixels[0, 0].astype(int) - (200, 100, 50)).max() <= 2


def test_lab_white_grey_and_black() -> None:
    for lightness, expected in ((255, 255), (0, 0), (128, 119)):  # L* 50 is 119 in sRGB
        photo = take_apart(Image.new("LAB", (32, 32), (lightness, 128, 128)))
        assert np.abs(photo.pixels.astype(int) - expected).max() <= 2


@pytest.mark.parametrize(
    ("mode", "colour", "expected", "alpha"),
    [
        ("1", 1, (255, 255, 255), None),
        ("L", 77, (77, 77, 77), None),
        ("LA", (77, 40), (77, 77, 77), 40),
        ("La", (20, 128), (40, 40, 40), 128),
        ("RGBa", (20, 10, 0, 128), (40, 20, 0), 128),
        ("RGBA", (20, 10, 0, 128), (20, 10, 0), 128),
        ("RGBX", (20, 10, 0, 0), (20, 10, 0), None),
        ("HSV", (0, 255, 255), (255, 0, 0), None),
        ("YCbCr", (90, 128, 128), (90, 90, 90), None),
        ("I;16", 257 * 99, (99, 99, 99), None),
        ("I;16B", 257 * 99, (99, 99, 99), None),
        ("I", 65535, (255, 255, 255), None),
        ("F", 1.0, (255, 255, 255), None),
    ],
)
def test_every_mode(mode: str, colour: object, expected: tuple, alpha: int | None) -> None:
    photo = take_apart(Image.new(mode, (32, 20), colour))
    assert photo.pixels.shape == (20, 32, 3) and photo.pixels.dtype == np.uint8
    assert np.abs(photo.pixels[3, 3].astype(int) - expected).max() <= (mode in ("La", "RGBa"))
    assert (photo.alpha is None) if alpha is None else (photo.alpha == alpha).all()


def test_palette_with_alpha_in_the_palette() -> None:
    picture = Image.new("P", (32, 32), 1)
    picture.putpalette([0, 0, 0, 255, 10, 200, 30, 90], "RGBA")
    photo = take_apart(picture)
    assert tuple(photo.pixels[0, 0]) == (10, 200, 30)
    assert photo.alpha is not None and (photo.alpha == 90).all()


@pytest.mark.parametrize(
    ("mode", "clear", "other", "key"),
    [("P", 3, 5, 3), ("L", 3, 200, 3), ("RGB", (1, 2, 3), (9, 9, 9), (1, 2, 3))],
)
def test_png_with_one_transparent_colour(
    mode: str, clear: object, other: object, key: object
) -> None:
    picture = Image.new(mode, (32, 32), other)
    if mode == "P":
        picture.putpalette(list(range(192)))
    picture.paste(clear, (0, 0, 32, 8))
    photo = take_apart(open_picture(encoded(picture, "PNG", transparency=key)))
    assert photo.alpha is not None
    assert (photo.alpha[:8] == 0).all() and (photo.alpha[8:] == 255).all()


def test_sixteen_bit_grey_is_scaled_exactly() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    photo = take_apart(open_picture(encoded(Image.fromarray(values), "PNG")))
    expected = np.round(values / 257).astype(np.uint8)
    assert (photo.pixels == expected[:, :, None]).all()


def test_sixteen_bit_grey_with_a_transparent_value() -> None:
    values = np.full((32, 32), 1000, np.uint16)
    values[:8] = 777
    picture = Image.fromarray(values)
    photo = take_apart(open_picture(encoded(picture, "PNG", transparency=777)))
    assert photo.alpha is not None
    assert (photo.alpha[:8] == 0).all() and (photo.alpha[8:] == 255).all()


def test_sixteen_bit_rgb_png() -> None:
    row = b"\0" + struct.pack(">3H", 257 * 200, 257 * 100, 257 * 50) * 32
    data = (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 16, 2, 0, 0, 0))
        + png_chunk(b"IDAT", zlib.compress(row * 32))
        + png_chunk(b"IEND", b"")
    )
    assert tuple(take_apart(open_picture(data)).pixels[0, 0]) == (200, 100, 50)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([-0.5, 0.5, 1.3], [0, 128, 255]),  # overshoot is clipped
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 257.0 * 99, 65535.0], [0, 99, 255]),
    ],
)
def test_float_tiff(values: list, expected: list) -> None:
    array = np.array(values, np.float32).repeat(16)[None].repeat(16, 0)
    photo = take_apart(open_picture(encoded(Image.fromarray(array), "TIFF")))
    assert photo.pixels[0, ::16, 0].tolist() == expected


@pytest.mark.parametrize("top", [255, 65535, 2**31 - 1])
def test_whole_numbers_use_the_scale_that_holds_them(top: int) -> None:
    array = np.array([0, top], np.int32).repeat(16)[None].repeat(16, 0)
    assert take_apart(Image.fromarray(array)).pixels[0, ::16, 0].tolist() == [0, 255]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_float_picture_of_no_numbers(value: float) -> None:
    array = np.full((32, 32), 0.5, np.float32)
    array[3, 4] = value
    with pytest.raises(PictureError, match="not finite"):
        take_apart(Image.fromarray(array))


def test_transparent_picture_lands_on_white_in_jpeg() -> None:
    picture = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (16, 0, 32, 32))
    photo = take_apart(picture)
    made = put_together(photo.pixels, photo, photo.alpha)
    read = Image.open(io.BytesIO(encode_picture(made, OUTPUT_FORMATS["JPEG"])))
    assert read.mode == "RGB"
    assert min(read.getpixel((4, 4))) > 250
    assert np.abs(np.array(read.getpixel((28, 4))) - (255, 0, 0)).max() < 8


def test_half_transparent_edges_blend_with_white_in_jpeg() -> None:
    made = Image.new("RGBA", (32, 32), (0, 0, 0, 128))
    read = Image.open(io.BytesIO(encode_picture(made, OUTPUT_FORMATS["JPEG"])))
    assert abs(read.getpixel((4, 4))[0] - 127) < 3


def test_large_exif_goes_where_it_fits() -> None:
    block = exif()
    block[0x9286] = b"x" * 100_000
    photo = take_apart(open_picture(encoded(quarters(), "PNG", exif=block)))
    made = put_together(photo.pixels, photo)
    for name in ("PNG", "WebP", "TIFF"):
        read = Image.open(io.BytesIO(encode_picture(made, OUTPUT_FORMATS[name])))
        assert len(read.getexif()[0x9286]) == 100_000, name
    read = Image.open(io.BytesIO(encode_picture(made, OUTPUT_FORMATS["JPEG"])))
    assert len(read.getexif()) == 0 and read.size == (60, 40)


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\0\0",
        b"Exif\0\0garbage that is no block",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 60,
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\x06\0\0\0",
    ],
)
@pytest.mark.filterwarnings("ignore")  # Pillow's, about the block
def test_broken_exif_does_not_cost_the_picture(block: bytes) -> None:
    picture = open_picture(encoded(quarters(), "JPEG"))
    picture.info["exif"] = block
    photo = take_apart(picture)
    assert photo.size == (60, 40)
    encode_picture(put_together(photo.pixels, photo), OUTPUT_FORMATS["TIFF"])


def test_phone_photo_with_a_preview_is_one_picture() -> None:
    data = encoded(quarters(), "MPO", save_all=True, append_images=[Image.new("RGB", (16, 16))])
    assert open_picture(data).format == "MPO"
    assert take_apart(open_picture(data)).size == (60, 40)


def test_pillows_own_limit_does_not_stand_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # twice that is Pillow's error
    assert open_picture(whole_png(100, 100)).size == (100, 100)


def test_opening_leaves_the_warnings_of_the_process_alone(recwarn: pytest.WarningsRecorder) -> None:
    open_picture(encoded(quarters(), "PNG"))
    assert len(recwarn) == 0


@pytest.mark.parametrize("name", OUTPUT_FORMATS)
def test_file_is_written_whole_or_not_at_all(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a{OUTPUT_FORMATS[name].suffixes[0]}"
    path.write_bytes(b"the old file")
    too_wide = Image.new("L", (20, 20))
    too_wide.info["icc_profile"] = 5  # nothing can write this
    with pytest.raises((PictureError, TypeError, AttributeError)):
        save_picture(too_wide, path)
    assert path.read_bytes() == b"the old file"
    assert os.listdir(tmp_path) == [path.name]
    save_picture(quarters(), path)
    assert os.listdir(tmp_path) == [path.name]
    with Image.open(path) as read:
        assert read.size == (60, 40)


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"the old file")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(PictureError, match=r"Cannot write .*a\.png: No space left on device\."):
        save_picture(quarters(), path)
    assert path.read_bytes() == b"the old file" and os.listdir(tmp_path) == ["a.png"]


def test_saved_file_is_as_open_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save_picture(quarters(), tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640


def test_unwritable_places(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PictureError, match="Cannot write"):
        save_picture(quarters(), tmp_path / "file" / "a.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(PictureError, match="Cannot write"):
        save_picture(quarters(), tmp_path / "folder.png")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


@pytest.mark.parametrize("name", ["a", "a.gif", "a.heic", ".png", "a.png.txt"])
def test_unknown_output_name(name: str) -> None:
    with pytest.raises(PictureError, match=r"must end in \.png, \.jpg, \.jpeg, \.webp, \.tif"):
        output_format(name)


def test_suffix_may_be_in_capitals() -> None:
    assert output_format("IMG_0001.JPG").name == "JPEG"


def test_format_that_cannot_hold_the_size() -> None:
    with pytest.raises(PictureError, match="16400×16 cannot be written as WebP"):
        encode_picture(Image.new("RGB", (16400, 16)), OUTPUT_FORMATS["WebP"])
