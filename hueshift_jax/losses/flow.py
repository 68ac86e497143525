"""Losses of optical flow. Flows are in pixels of the full size unless said otherwise."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

PYRAMID_WEIGHTS = (0.005, 0.01, 0.02, 0.08, 0.32)
"""Of the flows at strides 4, 8, 16, 32 and 64."""


def usable(
    truth: Float[Array, "b h w 2"], valid: Float[Array, "b h w"], limit: float = 400.0
) -> Bool[Array, "b h w"]:
    """Where a true flow is known (`valid` of at least a half) and shorter than `limit`."""
    return (valid >= 0.5) & (jnp.sum(truth**2, -1) < limit**2)


def sequence_loss(
    flows: Float[Array, "n b h w 2"],
    truth: Float[Array, "b h w 2"],
    known: Bool[Array, "b h w"],
    *,
    gamma: float = 0.8,
    as_published: bool = False,
) -> Float[Array, ""]:
    """Weighted sum over the iterations of the mean absolute error; the last one weighs most.

    known: see `usable`.
    gamma: how much less the iteration before another weighs.
    as_published: means over all pixels, unknown ones counting as 0, so that sparse truth weakens
      the loss; else over the known ones.

    Source: princeton-vl/RAFT, train.py, `sequence_loss`.
    """
    weights = gamma ** jnp.arange(len(flows) - 1, -1, -1, dtype=jnp.float32)
    errors = jnp.where(known[None, ..., None], jnp.abs(flows - truth[None]), 0.0)
    count = known.size if as_published else jnp.maximum(jnp.sum(known), 1)
    return jnp.sum(weights * jnp.sum(errors, (1, 2, 3, 4))) / (2 * count)


def pyramid_loss(
    flows: Sequence[Float[Array, "b _ _ 2"]],
    truth: Float[Array, "b h w 2"],
    *,
    unit: float = 20.0,
    weights: Sequence[float] = PYRAMID_WEIGHTS,
    robust: bool = False,
) -> Float[Array, ""]:
    """Weighted sum over levels of the end point error, summed over pixels, mean over the batch.

    flows: in units of `unit` pixels of the full size, finest first; the sides of the truth are
      multiples of each level's.
    robust: (|dx| + |dy| + 0.01)^0.4 in place of the length, for fine tuning.

    Source: NVlabs/PWC-Net, Caffe/model/train.prototxt; Sun et al. 2018, equations 6 and 7.
    Departure: the truth is averaged over each coarse pixel.
    """
    total = jnp.zeros(())
    for flow, weight in zip(flows, weights, strict=True):
        error = flow - _averaged(truth, flow.shape[1:3]) / unit
        if robust:
            size = (jnp.sum(jnp.abs(error), -1) + 0.01) ** 0.4
        else:
            size = jnp.sqrt(jnp.sum(error**2, -1) + 1e-12)  # The gradient stays finite at 0.
        total = total + weight * jnp.sum(size) / len(flow)
    return total


def _averaged(x: Float[Array, "b h w c"], size: tuple[int, int]) -> Float[Array, "b p q c"]:
    b, h, w, c = x.shape
    rows, columns = size
    return x.reshape(b, rows, h // rows, columns, w // columns, c).mean((2, 4))
