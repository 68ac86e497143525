"""Flows out of the truth from which the levels of a flow network begin while it is young.

Coarse to fine, every level reads costs that are warped by the flow of the level before it. As long
as that flow is noise, there is nothing to read, and on a CPU this takes longer than a whole run
may. So at first a level begins with the truth of the coarser level, smoothly disturbed, and
corrects that; more and more often, with what the network itself has found.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from hueshift_jax.losses import flow as losses
from hueshift_jax.models.fast_flow_net import FLOW_UNIT, LEVELS
from hueshift_jax.ops import warp
from hueshift_jax.ops.motion import Pair
from hueshift_jax.ops.resample import resize_bicubic, resize_bilinear

_KNOTS = 4
_DISTURBED_PX = 2.0
"""Largest standard deviation of the disturbance, in pixels of the level."""
_MOSTLY = 0.9


class Guide(NamedTuple):
    """What levels begin with.

    starts: flows of levels 2 to 5, in the unit of the networks.
    given: (b, 1, 1, 1), whether a pair's levels begin with these.
    """

    starts: tuple[jax.Array, ...]
    given: jax.Array

    def begin(self, place: int, up: jax.Array) -> jax.Array:
        """What the level LEVELS[place] begins with, where `up` is the network's own flow."""
        return jnp.where(self.given, self.starts[place], up)


def make_guide(pair: Pair, part: jax.Array, key: jax.Array) -> Guide:
    """A guide in which that part of the pairs, 0..1, is given the truth."""
    h, w = pair.flow.shape[1:3]
    *keys, given_key = jax.random.split(key, len(LEVELS))
    starts = []
    for level, level_key in zip(LEVELS[:-1], keys, strict=True):
        amount_key, knot_key = jax.random.split(level_key)
        size, coarser = ((h >> n, w >> n) for n in (level, level + 1))
        start = resize_bilinear(losses.averaged(pair.flow, coarser), size)
        amount = jax.random.uniform(amount_key, (len(start), 1, 1, 1)) * _DISTURBED_PX * 2**level
        knots = jax.random.normal(knot_key, (len(start), _KNOTS, _KNOTS, 2))
        starts.append((start + resize_bicubic(knots, size) * amount) / FLOW_UNIT)
    return Guide(tuple(starts), jax.random.uniform(given_key, (len(pair.flow), 1, 1, 1)) < part)


def matching(features: list[tuple[jax.Array, jax.Array]], pair: Pair, guide: Guide) -> jax.Array:
    """Sum of the matching losses of levels 2 to 5, after a warp by the guide's starts.

    features: those of the target and of the source, by level.
    """
    total = jnp.zeros(())
    for level, start, (target, source) in zip(LEVELS, guide.starts, features, strict=False):
        base = start * (FLOW_UNIT / 2**level)
        size = base.shape[1:3]
        residual = losses.averaged(pair.flow, size) / 2**level - base
        seen = losses.averaged(pair.visible[..., None].astype(jnp.float32), size)[..., 0]
        moved = warp.warp(source, base)
        total = total + losses.matching_loss(target, moved, residual, seen > _MOSTLY)
    return total
