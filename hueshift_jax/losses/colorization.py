"""Losses of colorization. Chroma in CIELAB units; means over the batch unless said otherwise."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hueshift_jax.ops import color


def huber_chroma(
    ab: Float[Array, "b h w 2"], truth: Float[Array, "b h w 2"], delta: float = 5.0
) -> Float[Array, ""]:
    """Smooth L1 of chroma: quadratic below `delta` CIELAB units, in units of `delta`."""
    error = jnp.abs(ab - truth) / delta
    return jnp.mean(jnp.where(error < 1.0, 0.5 * error**2, error - 0.5))


def log_mse_rgb(
    ab: Float[Array, "b h w 2"], truth_lab: Float[Array, "b h w 3"], floor: float = 1e-3
) -> Float[Array, ""]:
    """Mean over pictures of ln(MSE + floor) in sRGB when `ab` is joined to the true L*.

    This is PSNR as it is reported (a mean of logarithms, one per picture) up to a factor and the
    floor, which keeps nearly gray pictures from ruling the gradient. Colors are not clipped, so
    that a prediction outside the gamut still has a gradient.
    """
    predicted = jnp.concatenate([truth_lab[..., :1], ab], axis=-1)
    error = _srgb(predicted) - _srgb(truth_lab)
    return jnp.mean(jnp.log(jnp.mean(error**2, axis=(1, 2, 3)) + floor))


def _srgb(lab: Float[Array, "*b 3"]) -> Float[Array, "*b 3"]:
    return color.linear_to_srgb(color.lab_to_linear(lab))


def soft_bins(
    ab: Float[Array, "b h w 2"], bins: Float[Array, "n 2"], sigma: float = 5.0
) -> Float[Array, "b h w n"]:
    """How much each ab cell stands for a color: normalized Gaussians of the distance.

    Source: Zhang et al. 2016, section 2.2, with all cells in place of the five nearest, which at
    sigma = half the spacing differs by less than one percent.
    """
    squared = (
        jnp.sum(ab**2, -1, keepdims=True)
        - 2.0 * ab @ bins.T
        + jnp.sum(bins**2, -1)[None, None, None]
    )
    return jax.nn.softmax(-squared / (2.0 * sigma**2), axis=-1)


def rebalancing(prior: Float[Array, "n"], mix: float = 0.5) -> Float[Array, "n"]:
    """Weights of the ab cells, rare ones more, with mean 1 under `prior`.

    Source: Zhang et al. 2016, equation 4.
    """
    weights = 1.0 / ((1.0 - mix) * prior + mix / prior.shape[0])
    return weights / jnp.sum(prior * weights)


def bin_cross_entropy(
    logits: Float[Array, "b h w n"], target: Float[Array, "b h w n"], weights: Float[Array, "n"]
) -> Float[Array, ""]:
    """Cross entropy of soft targets, each pixel weighted by its most likely cell's weight."""
    pixel = jnp.take(weights, jnp.argmax(target, -1))
    entropy = -jnp.sum(target * jax.nn.log_softmax(logits), -1)
    return jnp.mean(pixel * entropy)
