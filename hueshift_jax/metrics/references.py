"""What every score is to be read beside: results that need no colorizer.

Made of the truth's own L*, so that they show what chroma alone is worth: without any, with the
mean color of many photographs, with the frame's own mean color, and with its true colors.
"""

import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.metrics.planes import lab_planes, linear_planes
from hueshift_jax.ops import color

NAMES = ("gray", "training-mean ab", "own-mean ab (oracle)", "truth")
TRAINING_MEAN_AB = (1.8, 6.1)
"""Mean chroma of the photographs that the bundled weights were trained on."""


def make(truth: np.ndarray) -> dict[str, np.ndarray]:
    """Frames rgb_u8 (h, w, 3) of the references, by name, of the true frame."""
    made = [np.asarray(frame) for frame in _recolored(linear_planes(truth))]
    made[0] = np.repeat(made[0][..., 1:2], 3, -1)  # Its channels differ by rounding at most.
    return dict(zip(NAMES, (*made, truth), strict=True))


@jax.jit
def _recolored(linear: jax.Array) -> list[jax.Array]:
    lab = lab_planes(linear)
    own = jnp.mean(jnp.mean(lab[1:], -1), -1)
    return [_flat(lab[0], ab) for ab in (jnp.zeros(2), jnp.array(TRAINING_MEAN_AB), own)]


def _flat(lightness: jax.Array, ab: jax.Array) -> jax.Array:
    chroma = jnp.broadcast_to(ab[None, None], (*lightness.shape, 2))
    srgb = color.lab_to_srgb(jnp.concatenate([lightness[..., None], chroma], -1))
    return jnp.floor(srgb * 255.0 + 0.5).astype(jnp.uint8)
