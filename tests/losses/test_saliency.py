"""Saliency losses against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.losses import saliency


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    found = rng.uniform(0.05, 0.95, (2, 5, 6, 1))
    return jnp.asarray(found, jnp.float32), jnp.asarray(found > 0.6, jnp.float32)


def test_attention_l1(maps):
    rng = np.random.default_rng(1)
    color, truth = (rng.random((2, 5, 6, 3)).astype(np.float32) for _ in range(2))
    expected = np.mean(np.abs(color * maps[0] - truth * maps[1]))
    np.testing.assert_allclose(saliency.attention_l1(color, maps[0], truth, maps[1]), expected)


def test_edges(maps):
    x = np.pad(np.asarray(maps[0])[0, :, :, 0], 1)
    found = saliency.edges(maps[0])[0, :, :, 0]
    for i, j in np.ndindex(found.shape):
        around = 9 * x[i + 1, j + 1] - x[i : i + 3, j : j + 3].sum()
        np.testing.assert_allclose(found[i, j], max(np.tanh(around), 0), atol=1e-5)


def test_what_is_salient_weighs_more(maps):
    found, truth = maps
    p, t = np.asarray(found, np.float64), np.asarray(truth)
    expected = np.mean(-1.12 * t * np.log(p) - (1 - t) * np.log(1 - p))
    np.testing.assert_allclose(saliency.weighted_cross_entropy(*maps), expected, rtol=1e-5)


def test_the_parts_are_shared(maps):
    parts = saliency.weighted_cross_entropy(*maps), saliency.edge_cross_entropy(*maps)
    expected = 0.7 * parts[0] + 0.3 * parts[1]
    np.testing.assert_allclose(saliency.edge_saliency(*maps), expected, rtol=1e-6)


def test_certain_edges_cost_less_than_as_published(maps):
    flat, truth = jnp.zeros_like(maps[0]), maps[1]
    published = saliency.edge_cross_entropy(flat, truth, as_published=True)
    repaired = saliency.edge_cross_entropy(flat, truth)
    np.testing.assert_allclose(published / repaired, 100 / -np.log(1e-7), rtol=1e-3)
    assert jnp.all(jnp.isfinite(jax.grad(saliency.edge_cross_entropy)(maps[0], truth)))


def test_a_map_that_rounding_puts_above_one_costs_a_finite_amount():
    found = jnp.full((1, 2, 2, 1), np.nextafter(np.float32(1), np.float32(2)))
    for truth in (jnp.ones_like(found), jnp.zeros_like(found)):
        value, slope = jax.value_and_grad(saliency.weighted_cross_entropy)(found, truth)
        assert np.isfinite(value)
        assert np.isfinite(slope).all()
