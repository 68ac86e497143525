"""Learned perceptual distance (LPIPS v0.1) of two pictures, with weights that are handed over.

Source: Zhang et al. 2018 (1801.03924); richzhang/PerceptualSimilarity, lpips/lpips.py, version 0.1.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Taps = Callable[[jax.Array], Sequence[jax.Array]]
"""Features (b, p, q, d) of a picture in the form that the network was trained on."""

_SHIFT = np.float32([-0.030, -0.088, -0.188])
_SCALE = np.float32([0.458, 0.448, 0.450])
_CAFFE_MEAN = np.float32([104.0, 117.0, 123.0])
_NORM_EPS = 1e-10


def distance(
    first: Sequence[Float[Array, "b _ _ _"]],
    second: Sequence[Float[Array, "b _ _ _"]],
    heads: Sequence[Float[Array, " _"]],
) -> Float[Array, " b"]:
    """Weighted squared differences of unit features, averaged over places, added over layers.

    heads: a weight for each channel of each layer.
    """
    total = 0.0
    for x, y, weights in zip(first, second, heads, strict=True):
        squares = (_unit(x) - _unit(y)) ** 2
        total += jnp.mean(jnp.sum(squares * weights[None, None, None], -1), (1, 2))
    return total


def _unit(x: Float[Array, "b p q d"]) -> Float[Array, "b p q d"]:
    return x / (jnp.sqrt(jnp.sum(x * x, -1, keepdims=True)) + _NORM_EPS)


def normalized(rgb: Float[Array, "b h w 3"]) -> Float[Array, "b h w 3"]:
    """What torchvision's networks see: RGB of -1..1 by LPIPS's own shift and scale."""
    return (rgb - _SHIFT[None, None, None]) / _SCALE[None, None, None]


def caffe(rgb: Float[Array, "b h w 3"]) -> Float[Array, "b h w 3"]:
    """What Caffe's networks see: BGR of 0..255 minus its mean, from RGB of -1..1."""
    return 127.5 * (rgb[..., ::-1] + 1.0) - _CAFFE_MEAN[None, None, None]


class Lpips:
    """The distance of two rgb_u8 (h, w, 3): 0 for equal ones, smaller is better.

    Args:
      taps: the network.
      heads: a weight for each channel of each of its features.
      prepared: from RGB of -1..1 to what the network sees.
      unscaled: RGB stays 0..255, a defect of a much used script; not comparable with others.
    """

    def __init__(
        self,
        taps: Taps,
        heads: Sequence[np.ndarray],
        *,
        prepared: Callable[[jax.Array], jax.Array] = normalized,
        unscaled: bool = False,
    ):
        def measure(first: jax.Array, second: jax.Array) -> jax.Array:
            pair = jnp.stack([first, second]).astype(jnp.float32)
            features = taps(prepared(pair if unscaled else pair / 127.5 - 1.0))
            return distance([x[:1] for x in features], [x[1:] for x in features], heads)[0]

        self._measure = jax.jit(measure)

    def __call__(self, rgb_u8: np.ndarray, truth_u8: np.ndarray) -> float:
        """How different the two look."""
        return float(self._measure(rgb_u8, truth_u8))
