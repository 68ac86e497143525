"""Resizing, with half-pixel centers unless said otherwise, NHWC."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def _double(x: Float[Array, "..."], axis: int) -> Float[Array, "..."]:
    """Linear interpolation to twice the size along one axis, edges repeated."""
    size = x.shape[axis]
    first, last = jnp.take(x, jnp.array([0]), axis), jnp.take(x, jnp.array([size - 1]), axis)
    before = jnp.concatenate([first, _cut(x, 0, size - 1, axis)], axis)
    after = jnp.concatenate([_cut(x, 1, size, axis), last], axis)
    pairs = jnp.stack([0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after], axis + 1)
    return pairs.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])


def _cut(x: Float[Array, "..."], start: int, stop: int, axis: int) -> Float[Array, "..."]:
    return x[(slice(None),) * axis + (slice(start, stop),)]


def upsample_twice(x: Float[Array, "b h w c"]) -> Float[Array, "b p q c"]:
    """Bilinear x2, as PyTorch's `interpolate(scale_factor=2, align_corners=False)`."""
    return _double(_double(x, 1), 2)


def upsample_nearest(x: Float[Array, "b h w c"], factor: int = 2) -> Float[Array, "b p q c"]:
    """Every pixel repeated factor x factor times."""
    b, h, w, c = x.shape
    spread = jnp.broadcast_to(x[:, :, None, :, None], (b, h, factor, w, factor, c))
    return spread.reshape(b, h * factor, w * factor, c)
