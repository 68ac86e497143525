"""Losses of agreement between frames. Chroma in CIELAB units; flows as in `ops/warp.py`."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hueshift_jax.ops import warp
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.ops.shapes import require_equal_size


def carried_chroma(
    present: Float[Array, "b h w 2"],
    previous: Float[Array, "b p q 2"],
    flow: Float[Array, "b h w 2"],
    visible: Float[Array, "b h w"],
    *,
    delta: float = 5.0,
) -> Float[Array, ""]:
    """How far chroma is from the previous frame's, moved to now, as a mean over what is visible.

    Smooth L1 as of `colorization.huber_chroma`: quadratic below `delta`, in units of `delta`.

    flow: from the present frame to the previous one, in pixels of the chroma.
    visible: 0..1, how much of a place the previous frame shows too.

    Raises:
      ShapeError: the frames differ in size.

    Source: Lai et al. 2018, equation 3, with a mask that is known and a smooth norm.
    """
    require_equal_size(present, previous, what="the chroma of two frames")
    error = jnp.abs(present - warp.warp(previous, flow, edge="border")) / delta
    cost = jnp.where(error < 1.0, 0.5 * error**2, error - 0.5)
    return jnp.sum(visible[..., None] * cost) / jnp.maximum(2.0 * jnp.sum(visible), 1.0)


def reduced_motion(
    flow: Float[Array, "b h w 2"], visible: Bool[Array, "b h w"], factor: int
) -> tuple[Float[Array, "b p q 2"], Float[Array, "b p q"]]:
    """A flow and its mask on the grid of chroma that is smaller by a whole factor."""
    seen = average_pool(visible[..., None].astype(jnp.float32), factor)[..., 0]
    return average_pool(flow, factor) / factor, seen
