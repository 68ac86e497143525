"""Channels become pixels in the stated order."""

import jax.numpy as jnp
import numpy as np

from hueshift_jax.ops import interleave


def test_depth_to_space():
    x = jnp.arange(2 * 3 * 4 * 8, dtype=jnp.float32).reshape(2, 3, 4, 8)
    y = interleave.depth_to_space(x, 2)
    assert y.shape == (2, 6, 8, 2)
    for row, column, channel in np.ndindex(2, 2, 2):
        part = x[..., 4 * row + 2 * column + channel]
        np.testing.assert_array_equal(y[:, row::2, column::2, channel], part)


def test_shuffled_weights_make_a_pixel_shuffle():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((1, 2, 3, 5)), jnp.float32)
    kernel = jnp.asarray(rng.standard_normal((5, 12)), jnp.float32)
    found = interleave.depth_to_space(x @ interleave.shuffled(kernel, 2), 2)
    plain = x @ kernel
    for row, column in np.ndindex(2, 2):
        # As PyTorch: out[c, 2h+i, 2w+j] = in[4c+2i+j, h, w].
        expected = plain[..., 2 * row + column :: 4]
        np.testing.assert_allclose(found[:, row::2, column::2], expected, atol=1e-5)
