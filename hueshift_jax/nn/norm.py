"""Norms with PyTorch's conventions, NHWC float32."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

_SAFE = 10.0
"""Up to so many variances, a mean square minus the squared mean keeps its digits."""


def _moments(
    x: Float[Array, "b *n c"], axes: tuple[int, ...]
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Mean and variance over `axes`, which stay with size 1.

    On a CPU mean and mean square are taken in one pass, and values are read again only where a
    large mean would leave little of their difference.
    """
    mean = jnp.mean(x, axes, keepdims=True)

    def centered() -> jax.Array:
        return jnp.mean((x - mean) ** 2, axes, keepdims=True)

    if jax.default_backend() != "cpu":
        return mean, centered()
    square = jnp.mean(x**2, axes, keepdims=True)
    variance = square - mean**2
    return mean, jax.lax.cond(jnp.any(square > _SAFE * variance), centered, lambda: variance)


class BatchNorm(nnx.Module):
    """Batch norm whose running variances are unbiased estimates, as PyTorch keeps them.

    `eval()` uses the running statistics, `train()` (and a new layer) those of the batch, which
    move the running ones by `1 - momentum`.

    scaled: whether there is a scale beside the bias.
    """

    def __init__(
        self,
        channels: int,
        *,
        epsilon: float = 1e-5,
        momentum: float = 0.9,
        scaled: bool = True,
    ):
        self.scale = nnx.Param(jnp.ones(channels)) if scaled else None
        self.bias = nnx.Param(jnp.zeros(channels))
        self.mean = nnx.BatchStat(jnp.zeros(channels))
        self.var = nnx.BatchStat(jnp.ones(channels))
        self.epsilon = epsilon
        self.momentum = momentum
        self.use_running_average = False

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        if self.use_running_average:
            mean, variance = self.mean[...], self.var[...]
        else:
            mean, variance = self._measured(x)
        gain = jax.lax.rsqrt(variance + self.epsilon)
        if self.scale is not None:
            gain = gain * self.scale[...]
        shift = self.bias[...] - mean * gain
        return x * gain[None, None, None] + shift[None, None, None]

    def _measured(self, x: Float[Array, "b h w c"]) -> tuple[Float[Array, "c"], Float[Array, "c"]]:
        """Mean and variance of the batch, after moving the running ones towards them."""
        mean, variance = (found.reshape(-1) for found in _moments(x, (0, 1, 2)))
        n = x.size // x.shape[-1]
        for kept, found in ((self.mean, mean), (self.var, variance * (n / max(n - 1, 1)))):
            found = jax.lax.stop_gradient(found)
            kept[...] = self.momentum * kept[...] + (1 - self.momentum) * found
        return mean, variance


class InstanceNorm(nnx.Module):
    """Every channel of every picture gets mean 0 and variance 1; then scale and bias, if any."""

    def __init__(self, channels: int, *, affine: bool = False, epsilon: float = 1e-5):
        self.scale = nnx.Param(jnp.ones(channels)) if affine else None
        self.bias = nnx.Param(jnp.zeros(channels)) if affine else None
        self.epsilon = epsilon

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        mean, variance = _moments(x, (1, 2))
        y = (x - mean) * jax.lax.rsqrt(variance + self.epsilon)
        if self.scale is None:
            return y
        return y * self.scale[None, None, None] + self.bias[None, None, None]


class GroupNorm(nnx.Module):
    """Every group of neighboring channels of a picture gets mean 0 and variance 1.

    Sums are taken per channel first and combined per group after, which is many times faster on
    a CPU than a reduction over a group axis.
    """

    def __init__(self, groups: int, channels: int, *, epsilon: float = 1e-5):
        self.scale = nnx.Param(jnp.ones(channels))
        self.bias = nnx.Param(jnp.zeros(channels))
        self.groups = groups
        self.epsilon = epsilon

    def __call__(self, x: Float[Array, "b *n c"]) -> Float[Array, "b *n c"]:
        flat = x.reshape(x.shape[0], -1, x.shape[-1])
        means, variances = _moments(flat, (1,))
        mean = self._combined(means)
        variance = self._combined(variances + (means - mean) ** 2)
        gain = jax.lax.rsqrt(variance + self.epsilon) * self.scale[None, None]
        return ((flat - mean) * gain + self.bias[None, None]).reshape(x.shape)

    def _combined(self, channels: Float[Array, "b 1 c"]) -> Float[Array, "b 1 c"]:
        grouped = channels.reshape(channels.shape[0], 1, self.groups, -1)
        mean = jnp.mean(grouped, -1, keepdims=True)
        return jnp.broadcast_to(mean, grouped.shape).reshape(channels.shape)


class LayerNorm(nnx.Module):
    """The last axis gets mean 0 and variance 1; then scale and bias."""

    def __init__(self, channels: int, *, epsilon: float = 1e-5):
        self.scale = nnx.Param(jnp.ones(channels))
        self.bias = nnx.Param(jnp.zeros(channels))
        self.epsilon = epsilon

    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b c"]:
        mean = jnp.mean(x, -1, keepdims=True)
        centered = x - mean
        variance = jnp.mean(centered**2, -1, keepdims=True)
        ones = (1,) * (x.ndim - 1)
        scale, bias = self.scale[...].reshape(*ones, -1), self.bias[...].reshape(*ones, -1)
        return centered * jax.lax.rsqrt(variance + self.epsilon) * scale + bias
