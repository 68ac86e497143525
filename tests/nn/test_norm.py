"""Norms against their definitions."""

import jax.numpy as jnp
import numpy as np

from hueshift_jax.nn.norm import BatchNorm


def test_running_variance_is_unbiased():
    norm = BatchNorm(3)
    x = np.random.default_rng(0).standard_normal((2, 1, 2, 3)).astype(np.float32)
    norm(jnp.asarray(x))
    expected = 0.9 + 0.1 * x.reshape(-1, 3).var(0, ddof=1)
    np.testing.assert_allclose(norm.var[...], expected, rtol=1e-5)
    np.testing.assert_allclose(norm.mean[...], 0.1 * x.reshape(-1, 3).mean(0), rtol=1e-4)


def test_one_value_per_channel_does_not_break_the_variance():
    norm = BatchNorm(3)
    norm(jnp.ones((1, 1, 1, 3)))
    np.testing.assert_allclose(norm.var[...], 0.9, rtol=1e-6)
