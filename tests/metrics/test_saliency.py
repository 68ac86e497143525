"""Figures of saliency against slow references, and the maps that need no training."""

import numpy as np
import pytest

from hueshift_jax.metrics import saliency


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(0)
    mask = np.zeros((20, 30), bool)
    mask[5:12, 8:20] = True
    return np.clip(0.5 * mask + rng.uniform(0, 0.6, mask.shape), 0, 1).astype(np.float32), mask


def test_the_mask_itself_is_perfect(example):
    _, mask = example
    figures = saliency.measure([(mask.astype(np.float32), mask)])
    assert figures == pytest.approx((0.0, 1.0, 1.0))


def test_against_counting(example):
    found, mask = example
    precision, recall = saliency.precision_recall(found, mask)
    codes = np.rint(found * 255)
    for level in (0, 1, 77, 128, 200, 255):
        chosen = codes >= level
        hits = (chosen & mask).sum()
        assert recall[level] == pytest.approx(hits / mask.sum())
        assert precision[level] == pytest.approx(hits / chosen.sum() if chosen.any() else 1.0)
    assert saliency.f_measure(0.5, 0.8) == pytest.approx(1.3 * 0.4 / (0.15 + 0.8))
    assert saliency.f_measure(0.0, 0.0) == 0.0


def test_adaptive_threshold(example):
    found, mask = example
    chosen = found >= 2 * found.mean()
    precision, recall = (chosen & mask).sum() / chosen.sum(), (chosen & mask).sum() / mask.sum()
    expected = 1.3 * precision * recall / (0.3 * precision + recall)
    assert saliency.adaptive_f_measure(found, mask) == pytest.approx(expected)
    assert saliency.adaptive_f_measure(np.full(mask.shape, 0.8), np.ones_like(mask)) == 1.0


def test_means_over_pictures(example):
    found, mask = example
    one, other = saliency.measure([(found, mask)]), saliency.measure([(1 - found, mask)])
    both = saliency.measure([(found, mask), (1 - found, mask)])
    assert both.mae == pytest.approx((one.mae + other.mae) / 2)
    assert both.f_adaptive == pytest.approx((one.f_adaptive + other.f_adaptive) / 2)
    assert both.f_measure <= one.f_measure


def test_an_empty_mask_counts():
    figures = saliency.measure([(np.zeros((4, 4), np.float32), np.zeros((4, 4), bool))])
    assert np.isfinite(figures).all()
    assert figures.mae == 0.0


def test_the_center_prior_is_brightest_in_the_middle():
    found = saliency.center_prior(31, 41)
    assert found[15, 20] == found.max() == 1.0
    np.testing.assert_allclose(found, found[::-1, ::-1])
    assert found[0, 20] == pytest.approx(np.exp(-2.0))


def test_the_spectral_residual_finds_a_lone_speck():
    luma = np.random.default_rng(0).normal(0.5, 0.02, (64, 64)).astype(np.float32)
    luma[22:25, 42:45] = 0.9
    found = saliency.spectral_residual(luma)
    assert found.shape == luma.shape
    assert (found.min(), found.max()) == (0.0, 1.0)
    assert found[20:27, 40:47].mean() > 5 * found.mean()
    assert saliency.spectral_residual(np.full((5, 9), 0.5)).shape == (5, 9)
