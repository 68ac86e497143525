"""TransformNet: what is to be added to a processed frame so that it follows the frame before.

Two stems look at two pairs of frames; their features meet at a quarter of the size, go through
residual blocks and a convolutional memory, and come back up with the stems' features beside them.

Ranges: frames are RGB 0..1; the result is -1..1 and is added to the processed frame.

Source: ChenyangLEI/All-In-One-Deflicker: src/models/network_local.py, TransformNet, commit
1f39994, after phoenix104104/fast_blind_video_consistency, commit bce0c7e (Lai et al. 2018).
Departure: none in numbers. The published layers hold an instance norm that a mistaken condition
never applies; only its statistics are kept, as a part of the published weights.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.nn.recurrent import ConvLSTM, PictureMemory
from hueshift_jax.ops.resample import upsample_nearest
from hueshift_jax.ops.shapes import require_picture

_PAIR = 6
"""Channels of the two frames that the first stem sees."""


class UnreadStatistics(nnx.Module):
    """Mean and variance that published weights carry and no layer reads."""

    def __init__(self, channels: int):
        self.mean = nnx.BatchStat(jnp.zeros(channels))
        self.var = nnx.BatchStat(jnp.ones(channels))


class MirrorConv(nnx.Module):
    """Convolution with mirrored borders.

    with_statistics: whether there are the statistics of a norm beside it.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int = 3,
        *,
        stride: int = 1,
        with_statistics: bool = True,
        rngs,
    ):
        self.conv = Conv(
            inputs,
            outputs,
            size,
            stride=stride,
            padding=size // 2,
            edge="reflect",
            initial=PYTORCH,
            rngs=rngs,
        )
        self.norm = UnreadStatistics(outputs) if with_statistics else None

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        return self.conv(x)


def _bent(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    return jax.nn.leaky_relu(x, 0.2)


class ResidualBlock(nnx.Module):
    """Two convolutions with a rectifier between them, added to the input."""

    def __init__(self, channels: int, *, with_statistics: bool = True, rngs):
        kept = with_statistics
        self.first = MirrorConv(channels, channels, with_statistics=kept, rngs=rngs)
        self.second = MirrorConv(channels, channels, with_statistics=kept, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        return x + self.second(_bent(self.first(x)))


class TransformNet(nnx.Module):
    """Four frames side by side in, the change of the first and the memory out.

    The frames as published: filtered now, final before, filtered now, filtered before. Lai et al.
    give the unprocessed frames in the last two places.

    Args:
      inputs: channels of all frames together; the first stem takes six.
      outputs: channels of the result.
      width: channels at full size.
      blocks: residual blocks.
      with_statistics: whether the published statistics have a place.
    """

    def __init__(
        self,
        inputs: int = 12,
        outputs: int = 3,
        width: int = 32,
        blocks: int = 5,
        *,
        with_statistics: bool = True,
        rngs,
    ):
        def conv(*args, **options) -> MirrorConv:
            return MirrorConv(*args, with_statistics=with_statistics, rngs=rngs, **options)

        self.output_stem = conv(_PAIR, width, 7)
        self.input_stem = conv(inputs - _PAIR, width, 7)
        self.output_half = conv(width, 2 * width, stride=2)
        self.input_half = conv(width, 2 * width, stride=2)
        self.quarter = conv(4 * width, 4 * width, stride=2)
        self.blocks = nnx.List(
            ResidualBlock(4 * width, with_statistics=with_statistics, rngs=rngs)
            for _ in range(blocks)
        )
        self.memory = ConvLSTM(4 * width, 4 * width, rngs=rngs)
        self.half = conv(4 * width, 2 * width)
        self.full = conv(4 * width, width)
        self.change = MirrorConv(2 * width, outputs, 7, with_statistics=False, rngs=rngs)
        self.inputs = inputs

    def __call__(
        self, frames: Float[Array, "b h w c"], memory: PictureMemory | None = None
    ) -> tuple[Float[Array, "b h w d"], PictureMemory]:
        """The change, -1..1, and the memory, which lives at a quarter of the size.

        Raises:
          ShapeError: other channels, or sides that are no multiples of 4 or below 8.
        """
        require_picture(frames, self.inputs, multiple=4, least=8)
        output_full = _bent(self.output_stem(frames[..., :_PAIR]))
        input_full = _bent(self.input_stem(frames[..., _PAIR:]))
        output_half = _bent(self.output_half(output_full))
        input_half = _bent(self.input_half(input_full))
        x = _bent(self.quarter(jnp.concatenate([output_half, input_half], -1)))
        for block in self.blocks:
            x = block(x)
        memory = self.memory(x, memory)
        x = _bent(self.half(upsample_nearest(memory.output)))
        x = _bent(self.full(upsample_nearest(jnp.concatenate([x, output_half], -1))))
        change = self.change(jnp.concatenate([x, output_full], -1))
        return jnp.tanh(change), memory
