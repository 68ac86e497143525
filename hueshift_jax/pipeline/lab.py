"""CIELAB of what a person gives."""

import jax.numpy as jnp
import numpy as np

from hueshift_jax.ops.color import srgb_to_lab


def lab_of(rgb_u8: np.ndarray) -> np.ndarray:
    """CIELAB float32 (..., 3) of RGB (..., 3) uint8."""
    return np.asarray(srgb_to_lab(jnp.asarray(rgb_u8, jnp.float32) / 255))
