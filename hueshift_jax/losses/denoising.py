"""What a denoiser minimizes."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def noise_mse(predicted: Float[Array, "b *n c"], noise: Float[Array, "b *n c"]) -> Float[Array, ""]:
    """Mean squared error of the predicted noise over all numbers, without a weight of the step.

    Source: Ho et al. 2020, equation 14.
    """
    return jnp.mean((predicted - noise) ** 2)
