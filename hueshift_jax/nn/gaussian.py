"""Normally distributed latents."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float


class Gaussian(NamedTuple):
    """A normal distribution for each number of a latent.

    mean: (b, h, w, c).
    logvar: (b, h, w, c), natural logarithms of the variances.
    """

    mean: Array
    logvar: Array

    def at(self, noise: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """The latent that standard normal `noise` stands for."""
        return self.mean + jnp.exp(0.5 * self.logvar) * noise
