"""The waves by which a network sees coordinates, with sines that are fast on a CPU."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_HALF_PI = (1.5703125, 4.837512969970703e-4, 7.549789948768648e-8)
"""Pi / 2 in three parts; the first two have so few digits that products with them are exact."""
_SERIES = (-1.6666666e-1, 8.3333310e-3, -1.9840861e-4, 2.7525281e-6, -2.3889385e-8)
"""(sin(r) / r - 1) / r^2 in powers of r^2: least squares over |r| <= pi / 2."""


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def waves(x: Float[Array, "n d"], frequencies: tuple[float, ...]) -> Float[Array, "n w"]:
    """For every frequency the sines of all coordinates, then their cosines: (n, 2 k d).

    frequencies: radians per unit of `x`, k of them. Within 2e-7 for angles up to 1e4.
    """
    n, d = x.shape
    scales = np.asarray(frequencies, np.float32)[None, :, None, None]
    shape = (n, len(frequencies), 2, d)
    if jax.default_backend() == "cpu":
        # One formula for both: joining sines with cosines costs more than computing them.
        quarters = np.array([0, 1], np.float32)[None, None, :, None]
        found = _sine(jnp.broadcast_to(x[:, None, None], shape) * scales, quarters)
    else:
        angles = x[:, None, None] * scales
        found = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], 2)
    return found.reshape(n, -1)


@waves.defjvp
def _waves_slope(frequencies, primals, tangents):
    """The slope of a sine is the cosine beside it: nothing is computed but a product."""
    found = waves(primals[0], frequencies)
    d = primals[0].shape[1]
    pairs = found.reshape(-1, len(frequencies), 2, d)
    slopes = jnp.concatenate([pairs[:, :, 1:], -pairs[:, :, :1]], 2).reshape(found.shape)
    # As a matrix product the transpose, a sum over all waves, is fast too.
    spread = np.kron(np.repeat(np.asarray(frequencies, np.float32), 2), np.eye(d, dtype=np.float32))
    exact = jax.lax.Precision.HIGHEST
    return found, slopes * jnp.matmul(tangents[0], spread, precision=exact)


def _sine(x: jax.Array, quarters: np.ndarray) -> jax.Array:
    """sin(x + quarters * pi / 2), so the cosine for quarters = 1.

    The quarter turns are whole numbers and enter the reduction of the angle exactly. Added to `x`
    they would be rounded with it, which at |x| = 1000 costs three digits. The library's sine is
    some fifty times slower on a CPU.
    """
    half_turns = jnp.round(x * np.float32(1 / np.pi) + 0.5 * quarters)
    count = 2.0 * half_turns - quarters
    rest = x
    for part in _HALF_PI:
        rest = rest - count * np.float32(part)
    square = rest * rest
    series = np.float32(_SERIES[-1])
    for coefficient in _SERIES[-2::-1]:
        series = series * square + np.float32(coefficient)
    sign = 1.0 - 2.0 * (half_turns - 2.0 * jnp.floor(0.5 * half_turns))
    return sign * (rest + rest * square * series)
