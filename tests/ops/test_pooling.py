"""Pooling against XLA's windows and slow references."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from hueshift_jax.ops.pooling import average_pool, max_pool

WINDOWS = [
    # side, size, stride, padding
    ((8, 6), 2, None, 0),
    ((7, 9), 2, None, 0),
    ((8, 7), 3, 2, 1),
    ((8, 7), 3, 2, 0),
    ((8, 7), 3, 2, "same"),
    ((5, 6), 3, 1, "same"),
    ((6, 5), 2, 2, (1, 0)),
]


def pictures(*shape):
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), jnp.float32)


def windowed(x, start, combine, size, stride, padding):
    """XLA's own reduction over windows."""
    if padding == "same":
        pads = "SAME"
    else:
        rows, columns = (padding, padding) if isinstance(padding, int) else padding
        pads = ((0, 0), (rows, rows), (columns, columns), (0, 0))
    stride = stride or size
    return lax.reduce_window(x, start, combine, (1, size, size, 1), (1, stride, stride, 1), pads)


@pytest.mark.parametrize(("side", "size", "stride", "padding"), WINDOWS)
def test_max_pool(side, size, stride, padding):
    x = pictures(2, *side, 3)

    @jax.jit
    def both(x):
        def ours(x):
            return max_pool(x, size, stride, padding)

        def theirs(x):
            return windowed(x, -jnp.inf, lax.max, size, stride, padding)

        (y, back), (expected, expected_back) = jax.vjp(ours, x), jax.vjp(theirs, x)
        direction = jnp.arange(1.0, y.size + 1).reshape(y.shape)
        return (y, back(direction)), (expected, expected_back(direction))

    found, expected = both(x)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-6)


@pytest.mark.parametrize(("side", "size", "stride", "padding"), WINDOWS)
def test_average_pool(side, size, stride, padding):
    x = pictures(2, *side, 3)

    @jax.jit
    def both(x):
        total = windowed(x, 0.0, lax.add, size, stride, padding)
        count = windowed(jnp.ones_like(x), 0.0, lax.add, size, stride, padding)
        return average_pool(x, size, stride, padding), total / count

    np.testing.assert_allclose(*both(x), atol=1e-6)


def test_the_first_of_equal_values_receives_the_gradient():
    found = jax.grad(lambda x: max_pool(x, 2).sum())(jnp.ones((1, 2, 2, 1)))
    np.testing.assert_array_equal(found[0, :, :, 0], [[1, 0], [0, 0]])


@pytest.mark.parametrize("place", [0, 1, 3])
def test_what_is_no_number_is_not_hidden(place):
    x = jnp.ones(4).at[place].set(jnp.nan).reshape(1, 2, 2, 1)
    assert np.isnan(max_pool(x, 2)).all()


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_means_of_boxes(factor):
    x = np.asarray(pictures(2, 8, 12, 3))
    found = average_pool(jnp.asarray(x), factor)
    assert found.shape == (2, 8 // factor, 12 // factor, 3)
    for i, j in np.ndindex(found.shape[1:3]):
        box = x[:, i * factor : (i + 1) * factor, j * factor : (j + 1) * factor]
        np.testing.assert_allclose(found[:, i, j], box.mean((1, 2)), atol=1e-6)
