"""Latents are drawn from their own distribution."""

import jax.numpy as jnp
import numpy as np

from hueshift_jax.nn.gaussian import Gaussian


def test_noise_is_scaled_by_the_deviation():
    shape = (1, 1, 1, 2)
    found = Gaussian(jnp.full(shape, 3.0), jnp.full(shape, jnp.log(4.0))).at(
        jnp.array([0.0, -1.0]).reshape(shape)
    )
    np.testing.assert_allclose(found.ravel(), [3.0, 1.0], rtol=1e-6)
