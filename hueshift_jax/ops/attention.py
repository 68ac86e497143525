"""Scaled dot-product attention in the formulation that is fast on the device at hand, float32."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def attention(
    queries: Float[Array, "b n c"],
    keys: Float[Array, "b m c"],
    values: Float[Array, "b m c"],
    heads: int = 1,
) -> Float[Array, "b n c"]:
    """Softmax(queries keys' / sqrt(channels of a head)) values, every head on its own channels.

    Heads are contiguous parts of the channel axis. On a CPU one head of one item is computed at a
    time, as two matrix products: faster than a product of stacks, and no more than one matrix of
    n x m weights is in memory.
    """
    if jax.default_backend() == "cpu":
        parts = tuple(_by_head(x, heads) for x in (queries, keys, values))
        joined = lax.map(lambda part: _one_head(*part), parts)
        joined = joined.reshape(queries.shape[0], heads, *joined.shape[1:]).transpose(0, 2, 1, 3)
    else:
        parts = (x.reshape(*x.shape[:2], heads, -1) for x in (queries, keys, values))
        joined = jax.nn.dot_product_attention(*parts)
    return joined.reshape(queries.shape)


def _by_head(x: jax.Array, heads: int) -> jax.Array:
    """(items * heads, tokens, channels of a head)."""
    b, n, c = x.shape
    return x.reshape(b, n, heads, c // heads).transpose(0, 2, 1, 3).reshape(b * heads, n, -1)


def _one_head(queries: jax.Array, keys: jax.Array, values: jax.Array) -> jax.Array:
    """The weights are divided by their sum after the product, where there are fewer numbers."""
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.T
    weights = jnp.exp(scores - lax.stop_gradient(jnp.max(scores, -1, keepdims=True)))
    return (weights @ values) / jnp.sum(weights, -1, keepdims=True)
