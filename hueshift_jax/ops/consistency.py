"""Whether two flows agree: there and back again, NHWC float32."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hueshift_jax.ops import warp
from hueshift_jax.ops.shapes import require_equal_size


def round_trip(
    there: Float[Array, "b h w 2"], back: Float[Array, "b p q 2"], *, parts: int | None = None
) -> Float[Array, "b h w 1"]:
    """How many pixels from home each pixel ends that follows one flow, then the other.

    Outside of the picture `back` is zero.

    parts: the intermediate position is rounded to that part of a pixel; 32 is OpenCV's `remap`.

    Raises:
      ShapeError: the flows differ in size.
    """
    require_equal_size(there, back, what="the two flows")
    at = warp.positions(there)
    if parts is not None:
        at = jnp.round(at * parts) / parts
    home = there + warp.sample(back, at)
    return jnp.sqrt(jnp.sum(home**2, -1, keepdims=True))


def is_consistent(
    there: Float[Array, "b h w 2"], back: Float[Array, "b p q 2"], *, threshold: float = 1.0
) -> Bool[Array, "b h w 1"]:
    """Where the round trip ends less than `threshold` pixels from home."""
    return round_trip(there, back) < threshold
