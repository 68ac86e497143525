"""Perceptual losses against their definitions."""

import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.losses import perceptual


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    shapes = [(2, 4, 6, 3), (2, 2, 3, 5)]
    return [[jnp.asarray(rng.random(s), jnp.float32) for s in shapes] for _ in range(2)]


def test_equal_features_cost_nothing(features):
    np.testing.assert_array_equal(perceptual.feature_l1(features[0], features[0]), [0, 0])
    np.testing.assert_array_equal(perceptual.style_l1(features[0], features[0]), [0, 0])


def test_feature_l1(features):
    expected = [np.mean(np.abs(np.asarray(a) - np.asarray(b))) for a, b in zip(*features)]
    np.testing.assert_allclose(perceptual.feature_l1(*features), expected, rtol=1e-6)


def test_gram(features):
    x = np.asarray(features[0][0])
    expected = np.einsum("bhwc,bhwd->bcd", x, x) / (3 * 4 * 6)
    np.testing.assert_allclose(perceptual.gram(features[0][0]), expected, rtol=1e-5)


def test_style_does_not_see_where_things_are(features):
    moved = [jnp.roll(x, 1, 2) for x in features[0]]
    np.testing.assert_allclose(perceptual.style_l1(features[0], moved), [0, 0], atol=1e-7)
    assert jnp.all(perceptual.feature_l1(features[0], moved) > 0.01)


def test_depths_must_match(features):
    with pytest.raises(ValueError, match="zip"):
        perceptual.feature_l1(features[0], features[1][:1])
