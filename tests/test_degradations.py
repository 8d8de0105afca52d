"""How pictures are made small."""

import numpy as np
import pytest

from fastnst.degradations import DEGRADATIONS, bicubic, paper, photo


def picture(height=48, width=64, seed=0):
    return np.random.default_rng(seed).random((3, height, width), np.float32)


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("scale", [4, 8])
def test_every_degradation_gives_a_small_8_bit_picture(name, scale):
    for seed in range(12):
        small = DEGRADATIONS[name](picture(), scale, np.random.default_rng(seed))
        assert small.shape == (3, 48 // scale, 64 // scale)
        assert small.dtype == np.float32
        assert 0 <= small.min() <= small.max() <= 1
        np.testing.assert_allclose(small * 255, np.round(small * 255), atol=1e-4)


def test_bicubic_against_values_worked_out_by_hand():
    """A step from 0 to 1, four times smaller: the antialiased kernel's running sums."""
    step = np.zeros((3, 4, 32), np.float32)
    step[:, :, 16:] = 1

    def kernel(x):
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    expected = []
    for small in range(8):
        centre = 4 * small + 1.5
        weights = np.array([kernel((centre - place) / 4) for place in range(-16, 48)])
        expected.append(weights[32:].sum() / weights.sum())  # what lies at 16 and beyond is 1
    expected = np.round(np.clip(expected, 0, 1) * 255)
    assert len(set(expected)) > 3
    np.testing.assert_array_equal(np.round(bicubic(step, 4)[0, 0] * 255), expected)


def test_bicubic_keeps_a_flat_picture_up_to_its_border():
    flat = np.full((3, 16, 24), 0.6, np.float32)
    np.testing.assert_allclose(bicubic(flat, 8), np.full((3, 2, 3), 0.6), atol=1e-6)


def test_bicubic_is_the_same_upright_and_mirrored():
    small = bicubic(picture(), 4)
    mirrored = bicubic(np.ascontiguousarray(picture()[:, :, ::-1]), 4)[:, :, ::-1]
    assert np.abs(small - mirrored).max() < 1.5 / 255  # one rounding


def test_the_papers_degradation_blurs_before():
    edges = np.zeros((3, 32, 32), np.float32)
    edges[:, :, 14:18] = 1
    assert paper(edges, 4)[0, 4].max() < bicubic(edges, 4)[0, 4].max()


def test_photo_depends_on_its_generator_alone():
    first = [photo(picture(), 4, np.random.default_rng(seed)) for seed in range(20)]
    again = [photo(picture(), 4, np.random.default_rng(seed)) for seed in range(20)]
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    clean = bicubic(picture(), 4)
    untouched = sum(np.array_equal(one, clean) for one in first)
    assert 0 < untouched < 15  # some are only made small, most suffer more
