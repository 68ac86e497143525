"""TCVC: a generator that takes its own previous frame along, and its discriminator.

Ranges: gray and color 0..1. The first frame of a shot has black in place of a previous one; errors
add up from frame to frame, so begin anew at every cut.

Source: Harry-Thasarathan/TCVC, commit 1dfaf7d, src/models.py (`InpaintGenerator`,
`Discriminator`). Departure: the discriminator gives the logit beside the probability.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv, ConvTranspose
from hueshift_jax.nn.initial import Initial, normal, zeros
from hueshift_jax.nn.norm import InstanceNorm
from hueshift_jax.nn.spectral import SpectralConv
from hueshift_jax.ops.shapes import require_equal_size, require_picture

WIDTH = 64
"""As published: channels at full size."""
BLOCKS = 8
"""As published: residual blocks at a quarter of the size."""
_SLOPE = 0.2
_INITIAL = Initial(normal(0.02), zeros)


def _normed(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """Instance norm; it has no parameters."""
    return InstanceNorm(x.shape[-1])(x)


class Block(nnx.Module):
    """x plus two 3x3 convolutions of it, the first one dilated; edges are mirrored."""

    def __init__(self, width: int, *, rngs):
        def conv(dilation: int) -> Conv:
            return Conv(
                width,
                width,
                3,
                padding=dilation,
                dilation=dilation,
                edge="reflect",
                initial=_INITIAL,
                rngs=rngs,
            )

        self.wide, self.narrow = conv(2), conv(1)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        y = jax.nn.relu(_normed(self.wide(x)))
        return x + _normed(self.narrow(y))


class TcvcGenerator(nnx.Module):
    """Gray and the previous color frame in, color out.

    blocks: residual blocks at a quarter of the size.
    width: channels at full size.
    """

    def __init__(self, blocks: int = BLOCKS, width: int = WIDTH, *, rngs):
        def full(inputs: int, outputs: int) -> Conv:
            return Conv(inputs, outputs, 7, padding=3, edge="reflect", initial=_INITIAL, rngs=rngs)

        options = {"stride": 2, "padding": 1, "initial": _INITIAL, "rngs": rngs}
        self.encoder = nnx.List(
            [
                full(4, width),
                Conv(width, 2 * width, 4, **options),
                Conv(2 * width, 4 * width, 4, **options),
            ]
        )
        self.middle = nnx.List(Block(4 * width, rngs=rngs) for _ in range(blocks))
        self.decoder = nnx.List(
            [
                ConvTranspose(4 * width, 2 * width, 4, **options),
                ConvTranspose(2 * width, width, 4, **options),
            ]
        )
        self.color = full(width, 3)

    def __call__(
        self, gray: Float[Array, "b h w c"], previous: Float[Array, "..."]
    ) -> Float[Array, "b h w 3"]:
        """RGB 0..1.

        Raises:
          ShapeError: wrong channels, two sizes, or sides that are no multiples of 4 from 12.
        """
        return (jnp.tanh(self.linear(gray, previous)) + 1) / 2

    def linear(
        self, gray: Float[Array, "b h w c"], previous: Float[Array, "..."]
    ) -> Float[Array, "b h w 3"]:
        """Color before its hyperbolic tangent."""
        require_picture(gray, 1, multiple=4, least=12, what="gray picture")
        require_picture(previous, 3, what="previous frame")
        require_equal_size(gray, previous, what="the gray picture and the previous frame")
        x = jnp.concatenate([gray, previous], -1)
        for layer in self.encoder:
            x = jax.nn.relu(_normed(layer(x)))
        for block in self.middle:
            x = block(x)
        for layer in self.decoder:
            x = jax.nn.relu(_normed(layer(x)))
        return self.color(x)


class PatchVerdict(NamedTuple):
    """A map of scores, (b, p, q, 1): `probability` is the sigmoid of `logit`."""

    probability: Array
    logit: Array


class TcvcDiscriminator(nnx.Module):
    """Scores of overlapping patches of a frame beside its gray and the frame before.

    Spectral norms move in training only: weights without a step of training need one call of it
    before `eval()`, because singular vectors that are merely random give wild scores.

    channels: of everything it looks at, joined.
    width: channels of the first layer.
    """

    def __init__(self, channels: int = 7, width: int = WIDTH, *, rngs):
        def layer(inputs: int, outputs: int, stride: int) -> SpectralConv:
            return SpectralConv(
                inputs,
                outputs,
                4,
                stride=stride,
                padding=1,
                bias=False,
                initial=_INITIAL,
                rngs=rngs,
            )

        self.layers = nnx.List(
            [
                layer(channels, width, 2),
                layer(width, 2 * width, 2),
                layer(2 * width, 4 * width, 2),
                layer(4 * width, 8 * width, 1),
                layer(8 * width, 1, 1),
            ]
        )
        self.channels = channels

    def __call__(self, frames: Float[Array, "b h w c"]) -> PatchVerdict:
        """Whether the last of (gray, previous color, color), joined, is a true frame.

        Raises:
          ShapeError: other channels, or a side below 24.
        """
        require_picture(frames, self.channels, least=24, what="joined frames")
        x = frames
        *layers, last = self.layers
        for layer in layers:
            x = jax.nn.leaky_relu(layer(x), _SLOPE)
        logit = last(x)
        return PatchVerdict(jax.nn.sigmoid(logit), logit)
