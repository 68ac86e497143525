"""The denoiser's objective."""

import jax.numpy as jnp
import numpy as np

from hueshift_jax.losses.denoising import noise_mse


def test_mean_over_all_numbers():
    noise = jnp.zeros((2, 1, 2, 1))
    predicted = jnp.array([1.0, 2.0, 3.0, 0.0]).reshape(noise.shape)
    np.testing.assert_allclose(noise_mse(predicted, noise), 14 / 4)
