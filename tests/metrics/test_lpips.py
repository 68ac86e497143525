"""The learned distance, with a network that is none."""

import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.metrics.lpips import Lpips, caffe, distance, normalized


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    shapes = ((1, 4, 5, 3), (1, 2, 2, 6))
    pair = [[jnp.asarray(rng.normal(size=s), jnp.float32) for s in shapes] for _ in range(2)]
    return (*pair, [jnp.asarray(rng.random(s[-1]), jnp.float32) for s in shapes])


def test_it_is_its_definition(features):
    first, second, heads = features
    expected = 0.0
    for x, y, weights in zip(first, second, heads):
        places = []
        for a, b in zip(x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])):
            a, b = np.asarray(a, float), np.asarray(b, float)
            a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
            places.append(np.sum(np.asarray(weights) * (a - b) ** 2))
        expected += np.mean(places)
    assert float(distance(first, second, heads)[0]) == pytest.approx(expected, rel=1e-5)


def test_what_networks_see():
    white, black = jnp.ones((1, 1, 1, 3)), -jnp.ones((1, 1, 1, 3))
    np.testing.assert_allclose(caffe(white).ravel(), [151.0, 138.0, 132.0])
    red = jnp.array([1.0, -1.0, -1.0])[None, None, None]
    np.testing.assert_allclose(caffe(red).ravel(), [-104.0, -117.0, 132.0])
    expected = [(-1 + 0.030) / 0.458, (-1 + 0.088) / 0.448, (-1 + 0.188) / 0.450]
    np.testing.assert_allclose(normalized(black).ravel(), expected, rtol=1e-6)


def test_pictures():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 256, (2, 6, 7, 3), np.uint8)
    seen = []

    def taps(rgb):
        seen.append(rgb.shape)
        return [rgb, rgb[:, ::2, ::2]]

    heads = [np.ones(3, np.float32), np.ones(3, np.float32)]
    measure = Lpips(taps, heads)
    assert measure(x, x) == pytest.approx(0.0, abs=1e-9)
    assert measure(x, y) > 0.0
    assert measure(x, y) == pytest.approx(measure(y, x), rel=1e-5)
    assert Lpips(taps, heads, unscaled=True)(x, y) != measure(x, y)
    assert seen[0] == (2, 6, 7, 3)
