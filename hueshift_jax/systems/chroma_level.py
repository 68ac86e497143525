"""How strongly predicted chroma is laid on: few numbers, fitted once by `benchmarks/fit_level.py`.

A network that is trained to be right on average paints too pale. More chroma costs error, and where
it costs least depends on the picture, on the place in it and on its luma.
"""

from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_COMMON, _LEAST, _MOST = 12.0, 5.0, 60.0
"""Root mean square chroma in CIELAB units: the common level of `equalize`, and its limits."""


class ChromaLevel(NamedTuple):
    """How strongly chroma is laid on; as it stands, as the network gave it."""

    strength: float | jax.Array = 1.0
    """Multiplies chroma."""
    equalize: float | jax.Array = 0.0
    """Power p of (12 / r)**p, which multiplies a picture's chroma; r is its root mean square in
    CIELAB units, limited to 5..60. So pale pictures gain more than vivid ones."""
    spread: float | jax.Array = 1.0
    """Multiplies what chroma differs from the picture's mean chroma."""
    fade: float | jax.Array = 0.0
    """Chroma is multiplied by exp(-fade (2 luma - 1)**2): middle gray keeps all of it, black and
    white the least, where the display has little room for it and a wrong color costs most."""


class HasLevel(Protocol):
    """A configuration with the fields of `ChromaLevel`."""

    strength: float
    equalize: float
    spread: float
    fade: float


def level_of(config: HasLevel) -> ChromaLevel:
    """The level that a configuration asks for."""
    return ChromaLevel(config.strength, config.equalize, config.spread, config.fade)


def leveled(
    ab: Float[Array, "b h w 2"], luma: Float[Array, "b h w"], level: ChromaLevel
) -> Float[Array, "b h w 2"]:
    """Chroma of pictures at a level; luma of the same size, 0..1."""
    rms = jnp.sqrt(jnp.mean(jnp.sum(ab**2, -1), (1, 2)))
    gain = level.strength * (_COMMON / jnp.clip(rms, _LEAST, _MOST)) ** level.equalize
    mean = ab.mean((1, 2), keepdims=True)
    spread = mean + level.spread * (ab - mean)
    kept = jnp.exp(-level.fade * (2.0 * luma - 1.0) ** 2)
    return gain[:, None, None, None] * kept[..., None] * spread
