"""Figures of two consecutive frames: what moved is followed, what changed beside that is measured.

Flows are `flow[y, x] = (dx, dy)` in pixels and point from a frame to where the same thing is in
the other one. Frames are NHWC float32.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hueshift_jax.metrics.planes import ciede2000
from hueshift_jax.ops.warp import warp

CELL = 8
"""Side of the squares whose mean color is compared for flicker: noise is left out."""
STILL = 2.0 / 255.0
"""A cell is still where its luma changes by less than this, in the mean over its pixels."""


class Occlusion(NamedTuple):
    """Pixels of a frame that cannot be found in the other one.

    inconsistent: the way there and back does not lead home.
    boundary: the flow changes abruptly.
    """

    inconsistent: jax.Array
    boundary: jax.Array

    @property
    def hidden(self) -> jax.Array:
        """Either of both."""
        return self.inconsistent | self.boundary


def occlusion(there: Float[Array, "b h w 2"], back: Float[Array, "b h w 2"]) -> Occlusion:
    """What of a frame is hidden in the other one, by the flow to it and the flow back from it.

    Source: phoenix104104/fast_blind_video_consistency, utils.py, `detect_occlusion`, commit
    bce0c7e (after Ruder et al. 2016).
    """
    returned = warp(back, there, edge="border")
    lengths = _squared(returned) + _squared(there)
    inconsistent = _squared(returned + there) > 0.01 * lengths + 0.5
    down = jnp.pad(there[:, 1:] - there[:, :-1], ((0, 0), (0, 1), (0, 0), (0, 0)))
    across = jnp.pad(there[:, :, 1:] - there[:, :, :-1], ((0, 0), (0, 0), (0, 1), (0, 0)))
    boundary = _squared(down) + _squared(across) > 0.01 * _squared(there) + 0.002
    return Occlusion(inconsistent, boundary)


def _squared(x: Float[Array, "b h w c"]) -> Float[Array, "b h w"]:
    return jnp.sum(x * x, -1)


def warp_error(
    frame: Float[Array, "b h w c"],
    other: Float[Array, "b h w c"],
    flow: Float[Array, "b h w 2"],
    hidden: Bool[Array, "b h w"],
) -> Float[Array, " b"]:
    """Mean squared difference between a frame, 0..1, and the other one brought to it.

    flow: from `frame` to `other`. hidden: pixels that do not count; 0 where none is left.

    Source: Lai et al., "Learning blind video temporal consistency" (2018);
    phoenix104104/fast_blind_video_consistency, evaluate_WarpError.py, commit bce0c7e. There frames
    are JPEG and masks PNG files; here they are neither.
    """
    seen = 1.0 - hidden.astype(jnp.float32)
    error = _squared(warp(other, flow, edge="border") - frame) * seen
    count = jnp.sum(seen, (1, 2))
    pixels = jnp.where(count > 0, count, frame.shape[1] * frame.shape[2])
    return jnp.sum(error, (1, 2)) / (pixels * frame.shape[-1])


class ChromaChange(NamedTuple):
    """Means over the visible pixels, in CIELAB units, and how many there are.

    change: length of the difference of chroma.
    chroma: length of the chroma itself.
    """

    change: jax.Array
    chroma: jax.Array
    pixels: jax.Array


def chroma_change(
    ab: Float[Array, "b h w 2"],
    other: Float[Array, "b h w 2"],
    flow: Float[Array, "b h w 2"],
    hidden: Bool[Array, "b h w"],
) -> ChromaChange:
    """How far chroma is from the other frame's, brought to it; `change / chroma` is the error."""
    seen = 1.0 - hidden.astype(jnp.float32)
    pixels = jnp.sum(seen, (1, 2))

    def mean(values):
        return jnp.sum(jnp.sqrt(_squared(values)) * seen, (1, 2)) / jnp.maximum(pixels, 1.0)

    return ChromaChange(mean(warp(other, flow, edge="border") - ab), mean(ab), pixels)


class Flicker(NamedTuple):
    """Mean CIEDE2000 between the still cells of two frames, and how many of them there are."""

    difference: jax.Array
    cells: jax.Array


def cell_means(x: Float[Array, "c h w"]) -> Float[Array, "c p q"]:
    """Means over squares of 8x8 pixels; rows and columns that fill no square are left out."""
    p, q = x.shape[1] // CELL, x.shape[2] // CELL
    return x[:, : p * CELL, : q * CELL].reshape(-1, p, CELL, q, CELL).mean((2, 4))


def still_cells(luma: Float[Array, "h w"], other: Float[Array, "h w"]) -> Bool[Array, "p q"]:
    """Where luma, 0..1, hardly changes."""
    return cell_means(jnp.abs(luma - other)[None])[0] < STILL


def flicker(
    lab: Float[Array, "3 p q"], other: Float[Array, "3 p q"], still: Bool[Array, "p q"]
) -> Flicker:
    """How visibly the cells of two consecutive frames differ where nothing moves; 0 without any."""
    cells = jnp.sum(still)
    total = jnp.sum(jnp.where(still, ciede2000(lab, other), 0.0))
    return Flicker(total / jnp.maximum(cells, 1), cells)
