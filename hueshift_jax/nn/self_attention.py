"""Self-attention of the GANs that follow SAGAN."""

import functools

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Pointwise
from hueshift_jax.nn.initial import PYTORCH, Initial

_QUERIES_AT_ONCE = 2048


class SelfAttention(nnx.Module):
    """x + gamma times a mean of every pixel's value, weighted by how well keys fit the query.

    The weights are a softmax of plain products, not divided by a root. The cost grows with the
    square of the number of pixels, the memory only with the number.

    channels: in and out; an eighth of them are queries and keys.
    initial: of the three 1x1 convolutions; gamma begins with 0.

    Source: Zhang et al. 2019, equations 1 to 3, without spectral normalization.
    """

    def __init__(self, channels: int, *, initial: Initial = PYTORCH, rngs):
        self.gamma = nnx.Param(jnp.zeros(1))
        self.query = Pointwise(channels, channels // 8, initial=initial, rngs=rngs)
        self.keys = Pointwise(channels, channels // 8, initial=initial, rngs=rngs)
        self.values = Pointwise(channels, channels, initial=initial, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        tokens = [
            part(x).reshape(x.shape[0], x.shape[1] * x.shape[2], -1)
            for part in (self.query, self.keys, self.values)
        ]
        means = jax.lax.map(lambda picture: _attend(*picture), tuple(tokens))
        return x + self.gamma[...][None, None, None] * means.reshape(x.shape)


def _attend(
    query: Float[Array, "n d"], keys: Float[Array, "n d"], values: Float[Array, "n c"]
) -> Float[Array, "n c"]:
    """The attention of one picture, a block of queries at a time."""
    count = len(query)
    blocks = -(-count // _QUERIES_AT_ONCE)
    size = -(-count // blocks)
    padded = jnp.pad(query, ((0, blocks * size - count), (0, 0))).reshape(blocks, size, -1)
    found = jax.lax.map(functools.partial(_block, keys=keys, values=values), padded)
    return found.reshape(blocks * size, -1)[:count]


@jax.checkpoint  # The weights are computed again for the gradient: they are what fills memory.
def _block(
    query: Float[Array, "m d"], keys: Float[Array, "n d"], values: Float[Array, "n c"]
) -> Float[Array, "m c"]:
    scores = query @ keys.T
    weights = jnp.exp(scores - jax.lax.stop_gradient(jnp.max(scores, -1, keepdims=True)))
    # Divided last: c columns instead of n.
    return (weights @ values) / jnp.sum(weights, -1, keepdims=True)
