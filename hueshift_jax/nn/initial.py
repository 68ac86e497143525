"""How weights begin. Everything is drawn flat: the same values, compiled many times faster."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

_TRUNCATED_DEVIATION = 0.87962566103423978
"""Of the standard normal distribution cut at two deviations."""


Draw = Callable[[jax.Array, tuple[int, ...], int], jax.Array]
"""Makes an array from a key, a shape and the number of inputs that each output sees."""


class Initial(NamedTuple):
    """How kernels and biases begin."""

    kernel: Draw
    bias: Draw


def zeros(key: jax.Array, shape: tuple[int, ...], fan_in: int) -> jax.Array:
    """Nothing."""
    del key, fan_in
    return jnp.zeros(shape)


def he_normal(key: jax.Array, shape: tuple[int, ...], fan_in: int) -> jax.Array:
    """He et al. 2015: truncated normal of variance 2 / fan-in."""
    deviation = math.sqrt(2.0 / fan_in) / _TRUNCATED_DEVIATION
    flat = jax.random.truncated_normal(key, -2.0, 2.0, (math.prod(shape),))
    return deviation * flat.reshape(shape)


def fan_in_uniform(key: jax.Array, shape: tuple[int, ...], fan_in: int) -> jax.Array:
    """Uniform within 1 / sqrt(fan-in)."""
    bound = fan_in**-0.5
    flat = jax.random.uniform(key, (math.prod(shape),), minval=-bound, maxval=bound)
    return flat.reshape(shape)


def xavier_uniform(key: jax.Array, shape: tuple[int, ...], fan_in: int) -> jax.Array:
    """Glorot and Bengio 2010: uniform of variance 2 / (fan-in + fan-out)."""
    fan_out = math.prod(shape[:-2]) * shape[-1]
    bound = math.sqrt(6.0 / (fan_in + fan_out))
    flat = jax.random.uniform(key, (math.prod(shape),), minval=-bound, maxval=bound)
    return flat.reshape(shape)


def orthogonal(key: jax.Array, shape: tuple[int, ...], fan_in: int) -> jax.Array:
    """Rows (or columns, whichever are fewer) of length 1 at right angles to each other."""
    del fan_in
    return jax.nn.initializers.orthogonal()(key, shape)


def kaiming_normal(key: jax.Array, shape: tuple[int, ...], fan_in: int) -> jax.Array:
    """He et al. 2015 as PyTorch draws it: normal, not truncated, of variance 2 / fan-in."""
    return math.sqrt(2.0 / fan_in) * jax.random.normal(key, (math.prod(shape),)).reshape(shape)


def fan_out_normal(key: jax.Array, shape: tuple[int, ...], fan_in: int) -> jax.Array:
    """Normal of variance 2 / fan-out, for (height, width, inputs, outputs) or (inputs, outputs)."""
    del fan_in
    return kaiming_normal(key, shape, math.prod(shape) // shape[-2])


def normal(deviation: float) -> Draw:
    """Normal with a fixed deviation, as many published GANs begin."""

    def draw(key: jax.Array, shape: tuple[int, ...], fan_in: int) -> jax.Array:
        del fan_in
        return deviation * jax.random.normal(key, (math.prod(shape),)).reshape(shape)

    return draw


HE = Initial(he_normal, zeros)
PYTORCH = Initial(fan_in_uniform, fan_in_uniform)
"""The defaults of PyTorch's convolutions and linear layers."""
GLOROT = Initial(xavier_uniform, zeros)
"""The defaults of Keras."""
