"""Transforms keep to their ranges and do nothing at strength zero."""

import cv2
import numpy as np
import pytest

from hueshift_jax.data import transforms
from hueshift_jax.ops.color import REC601_LUMA
from tests.data.pictures import picture


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def coordinates(height, width):
    """A picture whose pixels say where they are."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.uint8)
    return np.stack([rows, columns, np.zeros_like(rows)], -1)


@pytest.mark.parametrize("size", [(30, 50), (50, 30), (40, 40)])
def test_random_crops_are_squares_inside(size, rng):
    shown = coordinates(*size)
    sides, mirrored, corners = set(), 0, set()
    for _ in range(200):
        crop = transforms.random_crop(shown, 0.5, rng)
        side = crop.shape[0]
        assert crop.shape == (side, side, 3)
        assert round(0.5 * min(size)) <= side <= min(size)
        steps = np.diff(crop[0, :, 1].astype(int))
        assert abs(steps.sum()) == side - 1
        assert (np.diff(crop[:, 0, 0].astype(int)) == 1).all()
        sides.add(side)
        mirrored += steps[0] < 0
        corners.add(tuple(crop.min((0, 1))[:2]))
    assert {round(0.5 * min(size)), min(size)} & sides
    assert 60 < mirrored < 140
    assert len(corners) > 50


def test_the_whole_short_side(rng):
    assert transforms.random_crop(picture(0), 1.0, rng).shape == (40, 40, 3)


def test_a_crop_of_a_single_pixel(rng):
    assert transforms.random_crop(coordinates(1, 1), 0.6, rng).shape == (1, 1, 3)


@pytest.mark.parametrize("size", [8, 24, 64])
def test_resize(size):
    shown = picture(0, 24, 24)
    resized = transforms.resize(shown[:, ::-1], size)
    assert resized.shape == (size, size, 3)
    assert resized.dtype == np.uint8
    assert np.abs(resized.mean((0, 1)) - shown.mean((0, 1))).max() < 3
    if size == 8:
        boxes = shown[:, ::-1].reshape(8, 3, 8, 3, 3).mean((1, 3))
        assert np.abs(resized - boxes).max() <= 0.51


def test_spectral_luma_without_spread_is_rec601(rng):
    shown = picture(0)
    luma = transforms.spectral_luma(shown, 0.0, rng)
    assert luma.dtype == np.float32
    np.testing.assert_allclose(luma, shown / np.float32(255) @ REC601_LUMA, atol=1e-6)


def test_spectral_weights_are_normalized(rng):
    gray = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, -1)
    for _ in range(20):
        luma = transforms.spectral_luma(gray, 0.6, rng)
        np.testing.assert_allclose(luma[0], np.arange(256) / 255, atol=1e-6)


def test_spectral_luma_varies_with_the_film(rng):
    red = np.zeros((1, 1, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    values = [float(transforms.spectral_luma(red, 0.35, rng)[0, 0]) for _ in range(200)]
    assert min(values) < 0.22 < 0.38 < max(values)


def test_developing_at_zero_changes_nothing(rng):
    luma = np.linspace(0, 1, 20, dtype=np.float32).reshape(4, 5)
    assert transforms.develop(luma, 0.0, rng) is luma


@pytest.mark.parametrize("strength", [0.1, 1.0, 3.0])
def test_developed_luma_stays_in_range(strength, rng):
    luma = cv2.cvtColor(picture(0), cv2.COLOR_RGB2GRAY) / np.float32(255)
    luma[:2], luma[2:4] = 0.0, 1.0
    outcomes = [transforms.develop(luma, strength, rng) for _ in range(60)]
    for developed in outcomes:
        assert developed.shape == luma.shape
        assert developed.dtype == np.float32
        assert developed.min() >= 0.0
        assert developed.max() <= 1.0
    changes = [np.abs(developed - luma).max() for developed in outcomes]
    assert min(changes) < 1e-6 < max(changes), "each disturbance is there by chance"


def test_developing_is_repeatable():
    luma = np.random.default_rng(1).random((8, 8), np.float32)
    first, second = (transforms.develop(luma, 1.0, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("disturb", [transforms.vignette, transforms.damage, transforms.compress])
def test_disturbances_stay_in_range_and_repeat(disturb):
    luma = np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64)
    found = disturb(luma, 1.0, np.random.default_rng(1))
    assert found.shape == luma.shape
    assert found.dtype == np.float32
    assert 0.0 <= found.min() <= found.max() <= 1.0
    assert not np.array_equal(found, luma)
    np.testing.assert_array_equal(found, disturb(luma, 1.0, np.random.default_rng(1)))


def test_vignettes_darken_corners_only():
    flat = np.full((41, 61), 0.5, np.float32)
    found = transforms.vignette(flat, 1.0, np.random.default_rng(0))
    assert found[20, 30] == pytest.approx(0.5)
    assert found[0, 0] < 0.5
    assert found[0, 0] == pytest.approx(found[-1, -1])
