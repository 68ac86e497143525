"""Attention layers on (batch, tokens, channels), float32."""

from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Linear
from hueshift_jax.nn.initial import GLOROT, PYTORCH, Initial, fan_in_uniform, zeros
from hueshift_jax.ops.attention import attention

_OUTPUT = Initial(fan_in_uniform, zeros)


class SelfAttention(nnx.Module):
    """Multi-head self-attention, as PyTorch's `MultiheadAttention` without dropout.

    One linear layer makes queries, keys and values, in this order; heads are contiguous parts of
    the channels; a second layer mixes them.
    """

    def __init__(self, channels: int, heads: int, *, rngs):
        self.in_proj = Linear(channels, 3 * channels, initial=GLOROT, rngs=rngs)
        self.out_proj = Linear(channels, channels, initial=_OUTPUT, rngs=rngs)
        self.heads = heads

    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b n c"]:
        channels = x.shape[-1]
        packed = self.in_proj(x)
        parts = (packed[..., n * channels : (n + 1) * channels] for n in range(3))
        return self.out_proj(attention(*parts, self.heads))


class UnpackedSelfAttention(nnx.Module):
    """Single-head self-attention whose queries, keys and values have layers of their own."""

    def __init__(self, channels: int, *, rngs):
        self.queries, self.keys, self.values, self.mixed = (
            Linear(channels, channels, initial=PYTORCH, rngs=rngs) for _ in range(4)
        )

    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b n c"]:
        return self.mixed(attention(self.queries(x), self.keys(x), self.values(x)))
