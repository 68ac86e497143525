"""Convolutional layers, NHWC float32, in the formulations of `ops.convolution`."""

import math

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.ops import convolution


def _he_normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """He et al. 2015: truncated normal of variance 2 / fan-in; the last axis is the outputs.

    Drawn flat and reshaped: the same numbers, but several-dimensional draws take seconds to
    compile on a CPU.
    """
    deviation = math.sqrt(2.0 / math.prod(shape[:-1])) / _TRUNCATED_DEVIATION
    flat = jax.random.truncated_normal(key, -2.0, 2.0, (math.prod(shape),))
    return deviation * flat.reshape(shape)


_TRUNCATED_DEVIATION = 0.87962566103423978
"""Of the standard normal distribution cut at two deviations."""


class Conv(nnx.Module):
    """k x k convolution, "same" padding; `bias=False` when a norm follows."""

    def __init__(
        self, inputs: int, outputs: int, size: int, *, stride: int = 1, bias: bool = True, rngs
    ):
        self.kernel = nnx.Param(_he_normal(rngs.params(), (size, size, inputs, outputs)))
        self.bias = nnx.Param(jnp.zeros(outputs)) if bias else None
        self.stride = stride

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        y = convolution.conv(x, self.kernel[...], self.stride)
        return y if self.bias is None else y + self.bias[None, None, None]


class Pointwise(nnx.Module):
    """1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True, rngs):
        self.kernel = nnx.Param(_he_normal(rngs.params(), (inputs, outputs)))
        self.bias = nnx.Param(jnp.zeros(outputs)) if bias else None

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        y = convolution.pointwise(x, self.kernel[...])
        return y if self.bias is None else y + self.bias[None, None, None]


class Depthwise(nnx.Module):
    """One k x k filter per channel, "same" padding, with bias.

    frozen: the filter receives no gradient. Its gradient is by far the costliest part of the
    backward pass on a CPU while the filters are about two percent of a mobile network's weights.
    """

    def __init__(self, channels: int, size: int, *, stride: int = 1, frozen: bool = False, rngs):
        flat = jax.random.normal(rngs.params(), (size * size * channels,)) / size
        self.kernel = nnx.Param(flat.reshape(size, size, channels))
        self.bias = nnx.Param(jnp.zeros(channels))
        self.stride = stride
        self.frozen = frozen

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q c"]:
        kernel = self.kernel[...]
        if self.frozen:
            kernel = jax.lax.stop_gradient(kernel)
        return convolution.depthwise(x, kernel, self.stride) + self.bias[None, None, None]


class ConvBlock(nnx.Module):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, rngs):
        self.conv = Conv(inputs, outputs, 3, bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(outputs, momentum=0.99, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        return jax.nn.relu(self.norm(self.conv(x)))
