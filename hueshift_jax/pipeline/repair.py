"""Applies repairs of hue windows to small chroma, on the colors as they are shown."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.ops import color
from hueshift_jax.pipeline.displayable import displayable
from hueshift_jax.pipeline.hue import Repair

_DARKEST, _LIGHTEST = 10, 250
"""Nearer to black and white no hue can be seen: that at the nearest of these levels counts."""


def repair(ab: np.ndarray, gray: np.ndarray, repairs: Sequence[Repair]) -> np.ndarray:
    """ab (h, w, 2) float32 after all repairs, at the level of `gray` (h, w) uint8.

    Every repair looks at the hues before any of them, so that their order does not matter. Where
    a turn fades out, colors are mixed and not turned by less, so that no third hue appears.
    """
    shown, hue = _seen(np.clip(gray, _DARKEST, _LIGHTEST), ab)
    degrees = np.asarray(hue)
    turned, factor = ab, np.float32(1)
    for each in repairs:
        share = each.share(degrees)
        if each.turn:
            other = np.asarray(_turned(shown, hue, np.float32(each.turn)))
            turned = turned + share[..., None] * (other - ab)
        factor = factor * (1 + share * np.float32(each.saturation - 1))
    return turned * np.expand_dims(factor, -1)


@jax.jit
def _seen(gray: jax.Array, ab: jax.Array) -> tuple[jax.Array, jax.Array]:
    """R'G'B' (3, h, w) 0..1 in which the film shows the colors, and their hue (h, w)."""
    rgb = displayable(gray.astype(jnp.float32) / 255, ab[..., 0], ab[..., 1])
    # The barrier keeps the compiler from computing the colors once more for their hue.
    shown = jax.lax.optimization_barrier(jnp.stack(rgb))
    return shown, hue_of(shown)


def hue_of(rgb: jax.Array) -> jax.Array:
    """HSV hue in degrees, 0 to 360, of gamma-encoded rgb (3, ...); 0 for gray.

    Source: Smith, "Color gamut transform pairs" (1978).
    """
    red, green, blue = rgb
    high = jnp.maximum(jnp.maximum(red, green), blue)
    span = jnp.maximum(high - jnp.minimum(jnp.minimum(red, green), blue), 1e-9)
    of_blue = 4 + (red - green) / span
    sector = jnp.where(high == green, 2 + (blue - red) / span, of_blue)
    sector = jnp.where(high == red, (green - blue) / span, sector)
    return 60 * jnp.where(sector < 0, sector + 6, sector)


@jax.jit
def _turned(rgb: jax.Array, hue: jax.Array, degrees: jax.Array) -> jax.Array:
    """ab (h, w, 2) of `rgb` with its HSV hue turned, its HSV saturation and luminance kept."""
    high, span = rgb.max(0), jnp.ptp(rgb, axis=0)
    turns = (hue + degrees) / 360
    places = [6 * _fraction(turns + corner / 6) for corner in (5, 3, 1)]
    wheel = [jnp.clip(jnp.minimum(place, 4 - place), 0, 1) for place in places]
    turned = [color.srgb_to_linear(high - span * part) for part in wheel]
    lighter = _luminance(color.srgb_to_linear(rgb)) / jnp.maximum(_luminance(turned), 1e-6)
    linear = jnp.stack([plane * lighter for plane in turned], axis=-1)
    return color.linear_to_lab(linear)[..., 1:]


def _fraction(turns: jax.Array) -> jax.Array:
    return turns - jnp.floor(turns)


def _luminance(linear: Sequence[jax.Array]) -> jax.Array:
    return sum(float(share) * plane for share, plane in zip(color.RGB_TO_XYZ[1], linear))
