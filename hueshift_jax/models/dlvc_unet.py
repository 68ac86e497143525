"""The U-Net of DLVC: it sees noise in a latent and says which, given tokens of the gray picture.

Tokens are joined to the latent as channels, at its full and at half its size; there is no
cross-attention. 55.0 million parameters at the width 100 of the published training script (the
evaluation script says 200).

Ranges: latents of deviation about 1; `steps` are the whole numbers of the noise schedule; tokens as
`vision_transformer` gives them.

Source: lstival/Diffusion-Based-VideoColorization, commit 4dca693, modules.py (`UNet_conditional`).
Departures: tokens lie where their patches are, and the token of the whole picture is left out; the
original drops the last patch instead and reads the memory of the rest as channels, which
`as_published` reproduces. Any size of 4 x 4 latents a patch, where the original has 28 x 28 only.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from hueshift_jax.nn.attention import SelfAttention
from hueshift_jax.nn.conv import Conv, Linear, Pointwise
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.nn.norm import GroupNorm, LayerNorm
from hueshift_jax.ops.embedding import sinusoidal
from hueshift_jax.ops.interleave import depth_to_space
from hueshift_jax.ops.pooling import max_pool
from hueshift_jax.ops.resample import resize_bilinear
from hueshift_jax.ops.shapes import require_picture, require_shape

DROPOUT = 0.3
HEADS = 2
_PATCH = 4
"""Side of a token's patch in the latent."""


class DoubleConv(nnx.Module):
    """Two convolutions, each normed over all channels; only a `residual` one ends with a GELU."""

    def __init__(self, inputs: int, outputs: int, *, middle: int = 0, residual: bool = False, rngs):
        middle = middle or outputs
        options = {"padding": 1, "bias": False, "initial": PYTORCH, "rngs": rngs}
        self.conv1 = Conv(inputs, middle, 3, **options)
        self.norm1 = GroupNorm(1, middle)
        self.conv2 = Conv(middle, outputs, 3, **options)
        self.norm2 = GroupNorm(1, outputs)
        self.residual = residual

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        y = jax.nn.gelu(self.norm1(self.conv1(x)), approximate=False)
        y = self.norm2(self.conv2(y))
        return jax.nn.gelu(x + y, approximate=False) if self.residual else y


class TimedConvs(nnx.Module):
    """A residual pair of convolutions, dropout of whole channels, a second pair, plus the time."""

    def __init__(self, inputs: int, outputs: int, time: int, *, middle: int = 0, rngs):
        self.first = DoubleConv(inputs, inputs, residual=True, rngs=rngs)
        self.dropout = nnx.Dropout(DROPOUT, broadcast_dims=(1, 2))
        self.second = DoubleConv(inputs, outputs, middle=middle, rngs=rngs)
        self.time = Linear(time, outputs, initial=PYTORCH, rngs=rngs)

    def __call__(
        self, x: Float[Array, "b h w c"], time: Float[Array, "b t"], rngs: nnx.Rngs | None = None
    ) -> Float[Array, "b h w d"]:
        y = self.first(x)
        y = y if rngs is None else self.dropout(y, rngs=rngs)
        return self.second(y) + self.time(jax.nn.silu(time))[:, None, None]


class AttentionBlock(nnx.Module):
    """Every pixel attends to every pixel; two linear layers follow, both added."""

    def __init__(self, channels: int, *, rngs):
        self.norm1 = LayerNorm(channels)
        self.attention = SelfAttention(channels, HEADS, rngs=rngs)
        self.norm2 = LayerNorm(channels)
        self.linear1 = Linear(channels, channels, initial=PYTORCH, rngs=rngs)
        self.linear2 = Linear(channels, channels, initial=PYTORCH, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        tokens = x.reshape(x.shape[0], -1, x.shape[-1])
        tokens = tokens + self.attention(self.norm1(tokens))
        y = jax.nn.gelu(self.linear1(self.norm2(tokens)), approximate=False)
        return (tokens + self.linear2(y)).reshape(x.shape)


def placed(tokens: Float[Array, "b n f"], grid: tuple[int, int], factor: int) -> jax.Array:
    """Each patch's features as `factor` x `factor` pixels in its place, without the first token.

    grid: rows and columns of patches.
    """
    patches = tokens[:, 1:].reshape(tokens.shape[0], *grid, -1)
    return depth_to_space(patches, factor)


def reinterpreted(tokens: Float[Array, "b n f"], grid: tuple[int, int], factor: int) -> jax.Array:
    """All but the last token as channels of pixels, in the order in which they lie in memory."""
    height, width = grid[0] * factor, grid[1] * factor
    channels = tokens[:, :-1].reshape(tokens.shape[0], -1, height, width)
    return jnp.moveaxis(channels, 1, -1)


class DLVCUNet(nnx.Module):
    """Predicts the noise in a latent; sides are multiples of 4, one token for each 4 x 4.

    Args:
      latents: channels of a latent.
      outputs: channels of the noise.
      width: of everything, before it is multiplied.
      deepest: channels at the bottom.
      time_features: of the embedded time.
      token_features: of a token.
      as_published: tokens are reinterpreted, not placed.
    """

    def __init__(
        self,
        latents: int = 4,
        outputs: int = 4,
        *,
        width: int = 100,
        deepest: int = 512,
        time_features: int = 1000,
        token_features: int = 768,
        as_published: bool = False,
        rngs,
    ):
        full, half, time = 2 * width, 4 * width, time_features
        fine, coarse = token_features // _PATCH**2, token_features // (_PATCH // 2) ** 2
        self.first = DoubleConv(latents + fine, full, rngs=rngs)
        self.down1 = TimedConvs(full, half, time, rngs=rngs)
        self.attention1 = AttentionBlock(half, rngs=rngs)
        self.down2 = TimedConvs(half + coarse, 2 * half, time, rngs=rngs)
        self.attention2 = AttentionBlock(2 * half, rngs=rngs)
        self.bottom1 = DoubleConv(2 * half, deepest, rngs=rngs)
        self.bottom2 = DoubleConv(deepest, half, rngs=rngs)
        self.up1 = TimedConvs(2 * half, full, time, middle=half, rngs=rngs)
        self.attention3 = AttentionBlock(full, rngs=rngs)
        self.up2 = TimedConvs(2 * full, full, time, middle=full, rngs=rngs)
        self.attention4 = AttentionBlock(full, rngs=rngs)
        self.last = Pointwise(full, outputs, initial=PYTORCH, rngs=rngs)
        self.latents, self.token_features, self.time_features = latents, token_features, time
        self.as_published = as_published

    def __call__(
        self,
        x: Float[Array, "b h w c"],
        steps: Int[Array, "n"],
        tokens: Float[Array, "..."],
        key: jax.Array | None = None,
    ) -> Float[Array, "b h w d"]:
        """Predicts the noise.

        tokens: (b, h * w / 16 + 1, token features), the first for the whole picture.
        key: draws the dropout of training; without it, or after `eval()`, there is none.

        Raises:
          ShapeError: wrong channels, sides that are no multiples of 4, not one step a latent, or
            another number of tokens.
        """
        require_picture(x, self.latents, multiple=_PATCH, what="latent")
        require_shape(steps, (x.shape[0],), what="list of steps")
        grid = x.shape[1] // _PATCH, x.shape[2] // _PATCH
        count = grid[0] * grid[1] + 1
        require_shape(tokens, (x.shape[0], count, self.token_features), what="array of tokens")
        arranged = reinterpreted if self.as_published else placed
        rngs = None if key is None else nnx.Rngs(dropout=key)
        time = sinusoidal(steps, self.time_features)
        full = self.first(jnp.concatenate([x, arranged(tokens, grid, _PATCH)], -1))
        half = self.attention1(self.down1(max_pool(full, 2), time, rngs))
        y = jnp.concatenate([half, arranged(tokens, grid, _PATCH // 2)], -1)
        y = self.attention2(self.down2(max_pool(y, 2), time, rngs))
        y = self.bottom2(self.bottom1(y))
        y = self.attention3(self.up1(_joined(half, y), time, rngs))
        y = self.attention4(self.up2(_joined(full, y), time, rngs))
        return self.last(y)


def _joined(skipped: Float[Array, "b h w c"], x: Float[Array, "b p q d"]) -> jax.Array:
    """What was skipped, then `x` at its size."""
    grown = resize_bilinear(x, skipped.shape[1:3], align_corners=True)
    return jnp.concatenate([skipped, grown], -1)
