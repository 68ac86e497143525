"""Numbers as vectors that a network can tell apart."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


def sinusoidal(
    steps: Int[Array, "b"] | Float[Array, "b"], features: int, *, longest: float = 10000.0
) -> Float[Array, "b d"]:
    """Sines, then cosines, of `steps / longest**(i / n)` for i = 0..n-1; n is half of `features`.

    The longest period is never quite reached. Angles are float32: a sine of a thousand radians is
    off by up to 6e-5.

    Source: Vaswani et al. 2017, section 3.5, with the halves side by side instead of interleaved.
    """
    half = features // 2
    periods = (longest ** (np.arange(half) / half)).astype(np.float32)
    angles = steps.astype(jnp.float32)[:, None] / periods[None]
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], -1)
