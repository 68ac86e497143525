"""What `benchmarks/fit_level.py` finds where the best level is known."""

import importlib

import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.metrics import image
from tests.architecture.source import ROOT
from tests.models.weights import quick_compilation

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(ROOT / "benchmarks"))
    fit = importlib.import_module("fit_level")


@pytest.fixture(scope="module")
def pale():
    """The truth, half as strong; luma with all of its range."""
    rng = np.random.default_rng(0)
    ab = rng.normal(0.0, 1.0, (12, 64, 1, 2)) * 6.0 + rng.normal(0.0, 8.0, (12, 1, 1, 2))
    lightness = rng.uniform(35.0, 75.0, (12, 64, 1, 1))
    lab = np.concatenate([lightness, ab], -1).astype(np.float32)
    return fit.Samples(lab[..., 1:] / 2.0, lightness[..., 0].astype(np.float32) / 100.0, lab)


def test_what_was_taken_away_is_given_back(pale):
    with quick_compilation():
        level = fit.fitted(pale, 1.0)
    found = fit.leveled(jnp.asarray(pale.ab), jnp.asarray(pale.luma), level)
    np.testing.assert_allclose(found, 2.0 * pale.ab, atol=2.0)


def test_colorfulness_is_that_of_the_figures():
    rgb = np.random.default_rng(1).integers(0, 256, (3, 40, 1, 3), dtype=np.uint8)
    expected = [image.colorfulness(picture) for picture in rgb]
    found = fit.colorfulness(jnp.asarray(rgb, jnp.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_the_truth_is_best(pale):
    ab, lab = jnp.asarray(pale.ab), jnp.asarray(pale.lab)
    at = [fit.measured(share * ab, lab) for share in (1.0, 2.0, 3.0)]
    assert at[1].psnr > max(at[0].psnr, at[2].psnr)
    assert at[1].difference < min(at[0].difference, at[2].difference)
    assert at[0].colorfulness < at[1].colorfulness < at[2].colorfulness


def test_pixels_keep_together():
    rng = np.random.default_rng(2)
    pictures = [rng.integers(0, 256, size, dtype=np.uint8) for size in ((70, 64, 3), (64, 90, 3))]

    def predict(luma):
        return np.repeat(luma[:, ::4, ::4, None], 2, -1)

    found = fit.sampled(predict, pictures, 64)
    assert found.ab.shape == (2, fit.PIXELS, 1, 2)
    assert found.luma.shape == (2, fit.PIXELS, 1)
    whole = fit.color.lightness_to_luma(jnp.asarray(found.lab[..., 0]))
    np.testing.assert_allclose(found.luma, whole, atol=1e-5)
