"""Inception's layers: a convolution with a norm, chains of them, and chains side by side."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv
from hueshift_jax.nn.initial import HE, Initial
from hueshift_jax.nn.norm import BatchNorm
from hueshift_jax.ops.convolution import Padding
from hueshift_jax.ops.pooling import average_pool, max_pool

Pool = Callable[[jax.Array], jax.Array]
"""Windows of 3x3 at stride 1; the size stays."""


class Layer(NamedTuple):
    """What a convolution with a norm does to its input."""

    outputs: int
    size: int | tuple[int, int] = 1
    stride: int = 1
    padding: Padding = "same"


class ConvNorm(nnx.Module):
    """Convolution without a bias, batch norm (epsilon 1e-3), rectifier.

    scaled: whether the norm has a scale.
    """

    def __init__(
        self, inputs: int, layer: Layer, *, scaled: bool = True, initial: Initial = HE, rngs
    ):
        self.conv = Conv(
            inputs,
            layer.outputs,
            layer.size,
            stride=layer.stride,
            padding=layer.padding,
            bias=False,
            initial=initial,
            rngs=rngs,
        )
        self.norm = BatchNorm(layer.outputs, epsilon=1e-3, scaled=scaled)
        self.outputs = layer.outputs

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        return jax.nn.relu(self.norm(self.conv(x)))


class Chain(nnx.Module):
    """Layers one after another; options as `ConvNorm` has them."""

    def __init__(self, inputs: int, layers: Sequence[Layer], *, rngs, **options):
        widths = [inputs, *(layer.outputs for layer in layers)]
        self.layers = nnx.List(
            [ConvNorm(n, layer, rngs=rngs, **options) for n, layer in zip(widths, layers)]
        )
        self.outputs = widths[-1]

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        for layer in self.layers:
            x = layer(x)
        return x


def join(*parts: Float[Array, "b h w _"]) -> Float[Array, "b h w d"]:
    """The channels of all, in order."""
    return jnp.concatenate(parts, -1)


def halved(x: Float[Array, "b h w c"]) -> Float[Array, "b p q c"]:
    """Largest values of 3x3 windows at stride 2, nothing added at the sides."""
    return max_pool(x, 3, 2)


def inner_mean(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """Means of what a window sees of the picture, as TensorFlow takes them."""
    return average_pool(x, 3, 1, padding=1)


def padded_mean(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """Means with zeros around the picture, as PyTorch takes them."""
    return average_pool(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), 3, 1)


def maximum(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """Largest values."""
    return max_pool(x, 3, 1, padding=1)
