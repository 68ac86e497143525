"""Losses of optical flow. Flows are in pixels of the full size unless said otherwise."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hueshift_jax.ops import consistency, warp

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
        error = flow - averaged(truth, flow.shape[1:3]) / unit
        if robust:
            size = (jnp.sum(jnp.abs(error), -1) + 0.01) ** 0.4
        else:
            size = jnp.sqrt(jnp.sum(error**2, -1) + 1e-12)  # The gradient stays finite at 0.
        total = total + weight * jnp.sum(size) / len(flow)
    return total


def averaged(x: Float[Array, "b h w c"], size: tuple[int, int]) -> Float[Array, "b p q c"]:
    """Means over boxes; the sides are multiples of those of `size`."""
    b, h, w, c = x.shape
    rows, columns = size
    return x.reshape(b, rows, h // rows, columns, w // columns, c).mean((2, 4))


def matching_loss(
    target: Float[Array, "b h w c"],
    source: Float[Array, "b h w c"],
    residual: Float[Array, "b h w 2"],
    known: Bool[Array, "b h w"],
    *,
    radius: int = 4,
) -> Float[Array, ""]:
    """Cross entropy of the displacement that features call likeliest, a mean over what is known.

    Each displacement of the correlation is a class, its logit the product of the features (not
    over the channels but over their root); the truth is shared among its four neighbors. It says to
    features what the loss of the flow says only through all the layers that read their products.

    residual: the true displacement, in pixels of the features; farther ones than `radius` do not
      count.
    """
    b, h, w, c = target.shape
    scale = jnp.float32(c) ** 0.5
    logits = scale * warp.correlation(target, source, radius)
    steps = jnp.arange(-radius, radius + 1, dtype=jnp.float32)[None, None, None]
    across, down = (jnp.maximum(1.0 - jnp.abs(residual[..., n, None] - steps), 0.0) for n in (0, 1))
    share = (down[..., :, None] * across[..., None, :]).reshape(b, h, w, -1)
    near = known & (jnp.max(jnp.abs(residual), -1) <= radius)
    chosen = jnp.sum(share * logits, -1) - jax.nn.logsumexp(logits, -1)
    return -jnp.sum(jnp.where(near, chosen, 0.0)) / jnp.maximum(jnp.sum(near), 1)


# -- Without truth ----------------------------------------------------------------------------


def census_loss(
    target: Float[Array, "b h w"],
    moved: Float[Array, "b h w"],
    seen: Bool[Array, "b h w"],
    *,
    radius: int = 3,
) -> Float[Array, ""]:
    """How much the surroundings of pixels differ, as a mean over where they are `seen`.

    Compared is not light but its soft sign against each neighbor's, so that a change of exposure
    costs nothing. Luma is 0..1; beyond the border lies the nearest pixel.

    seen: where the target's pixel is in the source too.

    Source: Meister et al. 2018 (UnFlow), section 3.3, with the constants 0.81 and 0.1 on a scale of
    255 levels and the exponent 0.45.
    """
    difference = _census(target, radius) - _census(moved, radius)
    distance = jnp.sum(difference**2 / (0.1 + difference**2), -1)
    cost = (distance**2 + 1e-6) ** 0.45
    return jnp.sum(jnp.where(seen, cost, 0.0)) / jnp.maximum(jnp.sum(seen), 1)


def _census(luma: Float[Array, "b h w"], radius: int) -> Float[Array, "b h w n"]:
    """The soft sign of every neighbor less the pixel, within `radius`."""
    h, w = luma.shape[1:]
    levels = 255.0 * luma
    padded = jnp.pad(levels, ((0, 0), (radius, radius), (radius, radius)), mode="edge")
    side = range(2 * radius + 1)
    steps = [(y, x) for y in side for x in side if (y, x) != (radius, radius)]
    difference = jnp.stack([padded[:, y : y + h, x : x + w] - levels for y, x in steps], -1)
    return difference / jnp.sqrt(0.81 + difference**2)


def smoothness_loss(
    flow: Float[Array, "b h w 2"], luma: Float[Array, "b h w"], *, edge: float = 20.0
) -> Float[Array, ""]:
    """Mean change of the flow from pixel to pixel, in pixels, less where the picture has edges.

    edge: how quickly the weight falls with the change of luma, which is 0..1.

    Source: Jonschkowski et al. 2020, equation 2, of first order.
    """
    total = jnp.zeros(())
    for axis in (1, 2):
        change = jnp.sqrt(jnp.sum(jnp.diff(flow, axis=axis) ** 2, -1) + 1e-6)
        total = total + jnp.mean(jnp.exp(-edge * jnp.abs(jnp.diff(luma, axis=axis))) * change)
    return total / 2.0


def is_seen(there: Float[Array, "b h w 2"], back: Float[Array, "b h w 2"]) -> Bool[Array, "b h w"]:
    """Where a pixel is in the other picture too: it lands inside, and the way back leads home.

    Within 0.5 pixels squared and 1 % of the square of the way.

    Source: Meister et al. 2018 (UnFlow), equation 2; the way back counts once.
    """
    astray = consistency.round_trip(there, back)[..., 0] ** 2
    return warp.is_inside(there)[..., 0] & (astray < 0.5 + 0.01 * jnp.sum(there**2, -1))
