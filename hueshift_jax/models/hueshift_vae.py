"""The published HueShift autoencoder: pictures to normally distributed latents and back.

Three levels without attention and a middle with it, on either side. The colorizer published beside
it works on pixels and does not use it; no loss and no training were published.

Ranges: pictures as they are trained on, published for three channels in 0..1; latents unbounded.

Source: Kazedaa/Hueshift-Video-Coloring, commit 4a32b61, models/vae.py (`VAE`).
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv, Pointwise
from hueshift_jax.nn.diffusion_blocks import BlockKind, DownBlock, MidBlock, UpBlock
from hueshift_jax.nn.gaussian import Gaussian
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.nn.norm import GroupNorm
from hueshift_jax.ops.shapes import require_picture


class _Shape(NamedTuple):
    """What both halves are made from."""

    widths: Sequence[int]
    middle: Sequence[int]
    halved: Sequence[bool]
    attended: Sequence[bool]
    layers: int
    middle_layers: int
    heads: int
    groups: int

    def kind(self, level: int) -> BlockKind:
        """Of the blocks of one level."""
        return BlockKind(self.layers, self.heads if self.attended[level] else None, self.groups)

    def mids(self, middle: Sequence[int], rngs: nnx.Rngs) -> list[MidBlock]:
        """The middle blocks through the widths `middle`."""
        kind = BlockKind(self.middle_layers, self.heads, self.groups)
        return [MidBlock(i, o, kind, rngs=rngs) for i, o in itertools.pairwise(middle)]


class Encoder(nnx.Module):
    """Pictures to twice as many channels as a latent has."""

    def __init__(self, inputs: int, outputs: int, shape: _Shape, *, rngs):
        widths = shape.widths
        options = {"padding": 1, "initial": PYTORCH, "rngs": rngs}
        self.conv_in = Conv(inputs, widths[0], 3, **options)
        downs = [
            DownBlock(i, o, shape.kind(n), halved=shape.halved[n], rngs=rngs)
            for n, (i, o) in enumerate(itertools.pairwise(widths))
        ]
        self.downs = nnx.List(downs)
        self.mids = nnx.List(shape.mids(shape.middle, rngs))
        self.norm_out = GroupNorm(shape.groups, shape.middle[-1])
        self.conv_out = Conv(shape.middle[-1], outputs, 3, **options)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        x = self.conv_in(x)
        for block in (*self.downs, *self.mids):
            x = block(x)
        return self.conv_out(jax.nn.silu(self.norm_out(x)))


class Decoder(nnx.Module):
    """Latents to pictures; the encoder's widths in reverse."""

    def __init__(self, inputs: int, outputs: int, shape: _Shape, *, rngs):
        widths, middle = shape.widths, shape.middle[::-1]
        options = {"padding": 1, "initial": PYTORCH, "rngs": rngs}
        self.conv_in = Conv(inputs, middle[0], 3, **options)
        self.mids = nnx.List(shape.mids(middle, rngs))
        ups = [
            UpBlock(widths[n + 1], widths[n], shape.kind(n), doubled=shape.halved[n], rngs=rngs)
            for n in reversed(range(len(widths) - 1))
        ]
        self.ups = nnx.List(ups)
        self.norm_out = GroupNorm(shape.groups, widths[0])
        self.conv_out = Conv(widths[0], outputs, 3, **options)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        x = self.conv_in(x)
        for block in (*self.mids, *self.ups):
            x = block(x)
        return self.conv_out(jax.nn.silu(self.norm_out(x)))


class HueShiftVAE(nnx.Module):
    """Encodes to and decodes from latents of an eighth of the size; sides are multiples of 8.

    Args:
      channels: of the pictures.
      latents: channels of a latent.
      widths: channels before the first level and after each one.
      middle: channels entering and leaving the middle blocks.
      halved: whether each level halves the size.
      attended: whether each level has attention; the middle always has.
      layers: units of the blocks down, in the middle and up.
      heads: of every attention.
      groups: of every norm.
    """

    def __init__(
        self,
        channels: int = 3,
        latents: int = 3,
        *,
        widths: Sequence[int] = (64, 128, 256, 256),
        middle: Sequence[int] = (256, 256),
        halved: Sequence[bool] = (True, True, True),
        attended: Sequence[bool] = (False, False, False),
        layers: tuple[int, int, int] = (2, 2, 2),
        heads: int = 4,
        groups: int = 32,
        rngs,
    ):
        down, center, up = layers
        shape = _Shape(widths, middle, halved, attended, down, center, heads, groups)
        self.encoder = Encoder(channels, 2 * latents, shape, rngs=rngs)
        self.pre_quant = Pointwise(2 * latents, 2 * latents, initial=PYTORCH, rngs=rngs)
        self.post_quant = Pointwise(latents, latents, initial=PYTORCH, rngs=rngs)
        self.decoder = Decoder(latents, channels, shape._replace(layers=up), rngs=rngs)
        self.channels, self.latents = channels, latents
        self.multiple = 2 ** sum(halved)

    def encode(self, x: Float[Array, "b h w c"]) -> Gaussian:
        """The distribution of a picture's latent.

        Raises:
          ShapeError: wrong channels, or sides that are no multiples.
        """
        require_picture(x, self.channels, multiple=self.multiple)
        moments = self.pre_quant(self.encoder(x))
        return Gaussian(*jnp.split(moments, 2, -1))

    def decode(self, latent: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        """The picture of a latent, not bounded.

        Raises:
          ShapeError: wrong channels.
        """
        require_picture(latent, self.latents, what="latent")
        return self.decoder(self.post_quant(latent))

    def __call__(
        self, x: Float[Array, "b h w c"], noise: Float[Array, "b p q d"]
    ) -> Float[Array, "b h w c"]:
        """The picture after encoding, with `noise` in the latent, and decoding."""
        return self.decode(self.encode(x).at(noise))
