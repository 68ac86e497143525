"""Resizing against slow references and XLA's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.ops import resample


def pictures(*shape):
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), jnp.float32)


def twice_as_long(line):
    """Bilinear x2 of one line, sample by sample: half-pixel centers, edges repeated."""
    out = np.zeros(2 * len(line))
    for i in range(len(out)):
        at = (i + 0.5) / 2 - 0.5
        low = int(np.floor(at))
        share = at - low
        first, second = (line[min(max(n, 0), len(line) - 1)] for n in (low, low + 1))
        out[i] = (1 - share) * first + share * second
    return out


@pytest.mark.parametrize("size", [(1, 4), (3, 2), (5, 7)])
def test_upsample_twice(size):
    x = pictures(2, *size, 3)
    slow = np.apply_along_axis(twice_as_long, 1, np.asarray(x))
    slow = np.apply_along_axis(twice_as_long, 2, slow)
    found = jax.jit(resample.upsample_twice)(x)
    np.testing.assert_allclose(found, slow, atol=1e-6)
    library = jax.image.resize(x, slow.shape, "linear")
    np.testing.assert_allclose(found, library, atol=1e-5)


def test_upsampling_commutes_with_a_1x1_product():
    x, kernel = pictures(1, 3, 4, 5), pictures(5, 2)

    @jax.jit
    def both(x):
        return resample.upsample_twice(x @ kernel), resample.upsample_twice(x) @ kernel

    np.testing.assert_allclose(*both(x), atol=1e-5)


def test_upsampling_keeps_constants_and_the_mean():
    upsample = jax.jit(resample.upsample_twice)
    x = pictures(1, 4, 6, 2)
    np.testing.assert_allclose(upsample(jnp.full_like(x, 3.0)), 3.0, rtol=1e-6)
    np.testing.assert_allclose(upsample(x).mean((1, 2)), x.mean((1, 2)), atol=1e-5)


def test_nearest_repeats_every_pixel():
    x = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
    found = resample.upsample_nearest(jnp.asarray(x), 3)
    np.testing.assert_array_equal(found, x.repeat(3, 1).repeat(3, 2))
