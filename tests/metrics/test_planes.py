"""Fast planes against the plain versions."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.metrics import image, planes
from hueshift_jax.ops import color

GOLDEN = Path(__file__).parents[1] / "golden"


def test_lab():
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    rgb[0] = np.arange(50)[:, None] // 10  # nearly black
    expected = color.srgb_to_lab(jnp.asarray(rgb, jnp.float32) / 255.0)
    found = jax.jit(planes.lab_planes)(planes.linear_planes(rgb))
    np.testing.assert_allclose(np.moveaxis(found, 0, -1), expected, atol=1e-3)


@pytest.mark.parametrize("turned", [False, True])
def test_the_34_published_pairs(turned):
    with np.load(GOLDEN / "metric_ciede2000.npz") as file:
        pairs = file["sharma"]
    first, second = pairs[:, :3], pairs[:, 3:6]
    if turned:
        first, second = second, first
    found = jax.jit(planes.ciede2000)(jnp.float32(first.T), jnp.float32(second.T))
    np.testing.assert_allclose(found, pairs[:, 6], atol=1e-4)


@pytest.mark.parametrize("spread", [0.01, 5.0, 100.0])
def test_random_pairs(spread):
    rng = np.random.default_rng(2)
    first = rng.uniform([0, -90, -90], [100, 90, 90], (20000, 3)).astype(np.float32)
    second = (first + rng.normal(0, spread, first.shape)).astype(np.float32)
    second[:50, 1:] = 0.0
    first[50:100, 1:] = second[50:100, 1:] = 0.0
    found = jax.jit(planes.ciede2000)(jnp.asarray(first.T), jnp.asarray(second.T))
    np.testing.assert_allclose(found, image.ciede2000(first, second), atol=1e-3)


def test_equal_colors_differ_by_nothing():
    lab = np.random.default_rng(3).uniform(-60, 60, (3, 8, 9)).astype(np.float32)
    assert np.all(planes.ciede2000(jnp.asarray(lab), jnp.asarray(lab)) == 0.0)
