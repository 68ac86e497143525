"""What every score is to be read beside: results that need no colorizer.

Made of the truth's own L*, so that they show what chroma alone is worth: without any, with the
mean color of many photographs, with the frame's own mean color, and with its true colors.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.ops import color

TRAINING_MEAN_AB = (1.8, 6.1)
"""Mean chroma of the photographs that the bundled weights were trained on."""


@jax.jit
def _recolored(rgb_u8: jax.Array, ab: jax.Array) -> jax.Array:
    lightness = color.srgb_to_lab(rgb_u8.astype(jnp.float32) / 255.0)[..., :1]
    flat = jnp.broadcast_to(ab[None, None], (*rgb_u8.shape[:2], 2))
    srgb = color.lab_to_srgb(jnp.concatenate([lightness, flat], -1))
    return jnp.floor(srgb * 255.0 + 0.5).astype(jnp.uint8)


def _flat(truth: np.ndarray, ab: tuple[float, float]) -> np.ndarray:
    return np.asarray(_recolored(truth, jnp.asarray(ab, jnp.float32)))


def _gray(truth: np.ndarray) -> np.ndarray:
    """Equal channels: without chroma the three differ by rounding at most."""
    return np.repeat(_flat(truth, (0.0, 0.0))[..., 1:2], 3, axis=-1)


@jax.jit
def _mean_ab(rgb_u8: jax.Array) -> jax.Array:
    return jnp.mean(color.srgb_to_lab(rgb_u8.astype(jnp.float32) / 255.0)[..., 1:], (0, 1))


def _own_mean(truth: np.ndarray) -> np.ndarray:
    return _flat(truth, _mean_ab(truth))


MADE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "gray": _gray,
    "training-mean ab": lambda truth: _flat(truth, TRAINING_MEAN_AB),
    "own-mean ab (oracle)": _own_mean,
    "truth": lambda truth: truth,
}
"""rgb_u8 (h, w, 3) of the true frame, by name."""
