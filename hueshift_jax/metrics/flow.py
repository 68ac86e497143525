"""How far optical flow is from the truth."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


class FlowErrors(NamedTuple):
    """Over the known pixels: mean end point error in pixels, shares of errors below 1, 3, 5."""

    end_point: jax.Array
    below_1: jax.Array
    below_3: jax.Array
    below_5: jax.Array


def flow_errors(
    flow: Float[Array, "b h w 2"], truth: Float[Array, "b h w 2"], known: Bool[Array, "b h w"]
) -> FlowErrors:
    """Measures a flow in pixels; nothing known gives zeros."""
    length = jnp.sqrt(jnp.sum((flow - truth) ** 2, -1))
    count = jnp.maximum(jnp.sum(known), 1)

    def mean(values):
        return jnp.sum(jnp.where(known, values, 0.0)) / count

    return FlowErrors(mean(length), *(mean(length < limit) for limit in (1.0, 3.0, 5.0)))
