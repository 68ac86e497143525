"""Perceptual losses: distances between the features that one network finds in two pictures.

The network is a function of the caller; these functions take what it found, one array per depth.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

Features = Sequence[Float[Array, "b _ _ _"]]


def feature_l1(found: Features, truth: Features) -> Float[Array, "n"]:
    """Mean absolute difference at each depth; the published losses add them up, each times 1.

    Source: Johnson et al. 2016, with absolute differences.
    """
    pairs = zip(found, truth, strict=True)
    return jnp.stack([jnp.mean(jnp.abs(ours - theirs)) for ours, theirs in pairs])


def gram(features: Float[Array, "b h w c"]) -> Float[Array, "b c c"]:
    """How strongly any two channels occur together, divided by c h w."""
    b, h, w, c = features.shape
    flat = features.reshape(b, h * w, c)
    return flat.swapaxes(1, 2) @ flat / (c * h * w)


def style_l1(found: Features, truth: Features) -> Float[Array, "n"]:
    """Mean absolute difference of the Gram matrices at each depth.

    Source: Gatys et al. 2016, with absolute differences.
    """
    return feature_l1([gram(x) for x in found], [gram(x) for x in truth])
