"""Measures of quality: answers worked out by hand."""

import math

import numpy as np
import pytest
from conftest import make_picture
from PIL import Image, ImageFilter

from fastnst.quality import gmsd, luma, psnr, ssim


def test_luma_of_black_white_and_the_primaries():
    colours = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)]
    picture = Image.new("RGB", (5, 1))
    picture.putdata(colours)
    np.testing.assert_allclose(luma(picture)[0], [16, 235, 81.481, 144.553, 40.966], atol=1e-9)


def test_luma_without_a_border():
    assert luma(Image.new("RGB", (20, 30)), 4).shape == (22, 12)


def test_psnr_of_a_known_error():
    true = np.full((8, 8), 100.0)
    assert psnr(true + 5, true) == pytest.approx(10 * math.log10(255**2 / 25))
    assert psnr(true, true) == math.inf


def test_ssim_of_flat_pictures_is_that_of_their_means():
    first, second = np.full((20, 20), 60.0), np.full((20, 20), 90.0)
    c = (0.01 * 255) ** 2
    expected = (2 * 60 * 90 + c) / (60**2 + 90**2 + c)
    assert ssim(first, second) == pytest.approx(expected)


def test_ssim_of_a_shifted_brightness_keeps_the_structure_term():
    """x and x + d: structure is 1 where windows are equal but for the mean."""
    x = luma(make_picture(40, 40))
    value = ssim(x, x + 10)
    assert 0.9 < value < 1
    assert ssim(x, x) == pytest.approx(1)


def test_gmsd_is_nothing_for_the_same_and_for_brighter():
    y = luma(make_picture(64, 48))
    assert gmsd(y, y) == 0
    # Away from the border, where zeros are beyond it, brightness has no gradient.
    flat = np.full((64, 64), 80.0)
    assert gmsd(flat, flat) == 0


def test_gmsd_of_one_lost_edge():
    """A step of height h: the gradient at its two columns is h at half size; elsewhere nothing."""
    true = np.zeros((64, 64))
    true[:, 32:] = 60
    made = np.zeros((64, 64))
    # The last column meets the zeros beyond the border in one picture and not in the other.
    similarity = np.ones((32, 32))
    lost = 170 / (60**2 + 170)
    similarity[1:-1, 15:17] = lost
    similarity[1:-1, -1] = lost
    corner = math.hypot(2 / 3 * 60, 1 / 3 * 60)  # top and bottom rows see zeros above and below
    similarity[[0, -1], 15] = 170 / (corner**2 + 170)
    edge = {
        16: (2 / 3 * 60, 2 / 3 * 60),
        31: (2 / 3 * 60, 2 / 3 * 60),
    }
    similarity[[0, -1], 17:31] = 170 / (60**2 + 170)
    for column, (across, down) in edge.items():
        similarity[[0, -1], column] = 170 / (across**2 + down**2 + 170)
    assert gmsd(made, true) == pytest.approx(similarity.std(), rel=1e-6)


def test_all_measures_agree_that_more_blur_is_worse():
    sharp = make_picture(96, 96).effect_spread(2)
    blurred = [luma(sharp.filter(ImageFilter.GaussianBlur(radius))) for radius in (0.5, 1, 2)]
    true = luma(sharp)
    for measure, sign in ((psnr, 1), (ssim, 1), (gmsd, -1)):
        values = [sign * measure(each, true) for each in blurred]
        assert values[0] > values[1] > values[2]
