"""Chroma is laid on as `ChromaLevel` says."""

from types import SimpleNamespace

import numpy as np
import pytest

from hueshift_jax.systems.chroma_level import ChromaLevel, level_of, leveled


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    ab = rng.normal([4.0, -9.0], 6.0, (3, 6, 5, 2)).astype(np.float32)
    return ab * np.float32([1.0, 2.0, 0.5])[:, None, None, None], rng.random((3, 6, 5), np.float32)


def test_without_a_level_chroma_stays(pictures):
    np.testing.assert_allclose(leveled(*pictures, ChromaLevel()), pictures[0], rtol=1e-5, atol=1e-5)


def test_strength_multiplies(pictures):
    found = leveled(*pictures, ChromaLevel(strength=1.4))
    np.testing.assert_allclose(found, 1.4 * pictures[0], rtol=1e-5, atol=1e-5)


def test_levels_are_drawn_toward_twelve(pictures):
    def rms(ab):
        return np.sqrt(np.mean(np.sum(np.asarray(ab) ** 2, -1), (1, 2)))

    found = leveled(*pictures, ChromaLevel(equalize=0.3))
    np.testing.assert_allclose(rms(found), rms(pictures[0]) ** 0.7 * 12.0**0.3, rtol=1e-5)


@pytest.mark.parametrize(("level", "gain"), [(0.01, (12 / 5) ** 0.5), (500.0, (12 / 60) ** 0.5)])
def test_very_pale_and_very_vivid_pictures_have_limits(level, gain):
    ab = np.full((1, 4, 4, 2), level, np.float32)
    luma = np.full((1, 4, 4), 0.5, np.float32)
    np.testing.assert_allclose(leveled(ab, luma, ChromaLevel(equalize=0.5)), gain * ab, rtol=1e-5)


def test_spread_keeps_the_mean(pictures):
    found = np.asarray(leveled(*pictures, ChromaLevel(spread=1.5)))
    mean, before = (x.mean((1, 2), keepdims=True) for x in (found, pictures[0]))
    np.testing.assert_allclose(mean, before, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found - mean, 1.5 * (pictures[0] - before), rtol=1e-4, atol=1e-4)


def test_black_and_white_fade_alike_and_middle_gray_does_not():
    ab = np.full((1, 1, 3, 2), 10.0, np.float32)
    found = leveled(ab, np.float32([[[0.0, 0.5, 1.0]]]), ChromaLevel(fade=0.7))
    np.testing.assert_allclose(found[0, 0, :, 0], [10 * np.exp(-0.7), 10, 10 * np.exp(-0.7)], 1e-5)


def test_gray_stays_gray():
    ab = np.zeros((2, 4, 4, 2), np.float32)
    luma = np.zeros((2, 4, 4), np.float32)
    found = leveled(ab, luma, ChromaLevel(1.3, 0.35, 1.2, 0.4))
    np.testing.assert_array_equal(found, ab)


def test_the_level_of_a_configuration():
    config = SimpleNamespace(strength=1.3, equalize=0.2, spread=1.1, fade=0.4)
    assert level_of(config) == ChromaLevel(1.3, 0.2, 1.1, 0.4)
