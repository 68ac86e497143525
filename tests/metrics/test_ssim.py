"""Structural similarity."""

import numpy as np
import pytest

from hueshift_jax.errors import ShapeError
from hueshift_jax.metrics.ssim import ssim


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    x = rng.random((17, 15, 3))
    return x, np.clip(x + 0.2 * rng.normal(size=x.shape), 0, 1)


def windowed(x, y, weights, sample):
    """By the definition, window by window."""
    side = len(weights)
    c1, c2 = 0.01**2, 0.03**2
    values = []
    for top in range(x.shape[0] - side + 1):
        for left in range(x.shape[1] - side + 1):
            for channel in range(x.shape[2]):
                a, b = (z[top : top + side, left : left + side, channel] for z in (x, y))
                ma, mb = np.sum(weights * a), np.sum(weights * b)
                va, vb = (sample * np.sum(weights * (z - m) ** 2) for z, m in ((a, ma), (b, mb)))
                cov = sample * np.sum(weights * (a - ma) * (b - mb))
                top_part = (2 * ma * mb + c1) * (2 * cov + c2)
                values.append(top_part / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return np.mean(values)


def test_gaussian_is_its_definition(pair):
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights = np.outer(line, line) / np.sum(line) ** 2
    assert ssim(*pair) == pytest.approx(windowed(*pair, weights, 1.0), abs=1e-9)


def test_uniform_is_its_definition(pair):
    expected = windowed(*pair, np.full((7, 7), 1 / 49), 49 / 48)
    assert ssim(*pair, "uniform") == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("window", ["gaussian", "uniform", "gaussian_reflected"])
def test_equal_pictures_and_symmetry(pair, window):
    x, y = (z.astype(np.float32) for z in pair)
    assert ssim(x, x, window) == 1.0
    assert ssim(x, y, window) == pytest.approx(ssim(y, x, window), abs=1e-7)
    assert ssim(x, y, window) < 0.9


def test_too_small():
    with pytest.raises(ShapeError, match="10x20 is too small"):
        ssim(np.zeros((10, 20, 3)), np.zeros((10, 20, 3)))
