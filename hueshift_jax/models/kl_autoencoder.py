"""The autoencoder of Stable Diffusion 1: pictures to latents of an eighth of their size and back.

Four levels of residual blocks on either side, single-head attention in the middle only. DLVC, whose
latents it makes, takes its weights as they are (83.7 million parameters).

Ranges: pictures in -1..1; latents of deviation about 1 after multiplication with `LATENT_SCALE`,
which `encode` and `decode` leave to their callers.

Source: huggingface/diffusers, commit 58eb52c, src/diffusers/models/autoencoders/autoencoder_kl.py
(`AutoencoderKL`), with the configuration of CompVis/stable-diffusion-v1-4.
"""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.attention import UnpackedSelfAttention
from hueshift_jax.nn.conv import Conv, Pointwise
from hueshift_jax.nn.gaussian import Gaussian
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.nn.norm import GroupNorm
from hueshift_jax.ops.resample import upsample_nearest
from hueshift_jax.ops.shapes import require_picture

LATENT_SCALE = 0.18215
"""What a latent is multiplied with before a diffusion network sees it."""
WIDTHS = (128, 256, 512, 512)
"""As published: the four levels."""
_LOGVAR = (-30.0, 20.0)
_EPSILON = 1e-6


def _norm(groups: int, channels: int) -> GroupNorm:
    return GroupNorm(groups, channels, epsilon=_EPSILON)


def _conv(inputs: int, outputs: int, *, stride: int = 1, rngs) -> Conv:
    """3x3; at stride 2 the row and column of zeros are at the bottom and right."""
    return Conv(inputs, outputs, 3, stride=stride, padding="same", initial=PYTORCH, rngs=rngs)


class ResidualBlock(nnx.Module):
    """Norm, SiLU and convolution, twice; 1x1 beside them if the width changes."""

    def __init__(self, inputs: int, outputs: int, groups: int, *, rngs):
        self.norm1 = _norm(groups, inputs)
        self.conv1 = _conv(inputs, outputs, rngs=rngs)
        self.norm2 = _norm(groups, outputs)
        self.conv2 = _conv(outputs, outputs, rngs=rngs)
        changes = inputs != outputs
        self.shortcut = Pointwise(inputs, outputs, initial=PYTORCH, rngs=rngs) if changes else None

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        y = self.conv1(jax.nn.silu(self.norm1(x)))
        y = self.conv2(jax.nn.silu(self.norm2(y)))
        return y + (x if self.shortcut is None else self.shortcut(x))


class AttentionBlock(nnx.Module):
    """Every pixel attends to every pixel of its picture; the result is added."""

    def __init__(self, channels: int, groups: int, *, rngs):
        self.norm = _norm(groups, channels)
        self.attention = UnpackedSelfAttention(channels, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        tokens = self.norm(x).reshape(x.shape[0], -1, x.shape[-1])
        return x + self.attention(tokens).reshape(x.shape)


class Middle(nnx.Module):
    """Attention between two residual blocks."""

    def __init__(self, channels: int, groups: int, *, rngs):
        self.blocks = nnx.List(
            [ResidualBlock(channels, channels, groups, rngs=rngs) for _ in range(2)]
        )
        self.attention = AttentionBlock(channels, groups, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        return self.blocks[1](self.attention(self.blocks[0](x)))


class Level(nnx.Module):
    """Residual blocks of one width; `resize` is the convolution that goes with another size."""

    def __init__(
        self, inputs: int, outputs: int, count: int, groups: int, *, stride: int | None, rngs
    ):
        widths = [inputs] + [outputs] * count
        self.blocks = nnx.List(
            [ResidualBlock(i, o, groups, rngs=rngs) for i, o in itertools.pairwise(widths)]
        )
        self.resize = _conv(outputs, outputs, stride=stride, rngs=rngs) if stride else None

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """The blocks alone."""
        for block in self.blocks:
            x = block(x)
        return x


class Encoder(nnx.Module):
    """Pictures to what the moments are made from."""

    def __init__(
        self, inputs: int, outputs: int, widths: Sequence[int], layers: int, *, groups: int, rngs
    ):
        self.conv_in = _conv(inputs, widths[0], rngs=rngs)
        self.levels = nnx.List(
            [
                Level(i, o, layers, groups, stride=2 if n < len(widths) - 1 else None, rngs=rngs)
                for n, (i, o) in enumerate(itertools.pairwise([widths[0], *widths]))
            ]
        )
        self.middle = Middle(widths[-1], groups, rngs=rngs)
        self.norm_out = _norm(groups, widths[-1])
        self.conv_out = _conv(widths[-1], outputs, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        x = self.conv_in(x)
        for level in self.levels:
            x = level(x)
            x = x if level.resize is None else level.resize(x)
        return self.conv_out(jax.nn.silu(self.norm_out(self.middle(x))))


class Decoder(nnx.Module):
    """Latents to pictures, one residual block more in every level than the encoder has."""

    def __init__(
        self, inputs: int, outputs: int, widths: Sequence[int], layers: int, *, groups: int, rngs
    ):
        widths = widths[::-1]
        self.conv_in = _conv(inputs, widths[0], rngs=rngs)
        self.middle = Middle(widths[0], groups, rngs=rngs)
        count, last = layers + 1, len(widths) - 1
        self.levels = nnx.List(
            [
                Level(i, o, count, groups, stride=1 if n < last else None, rngs=rngs)
                for n, (i, o) in enumerate(itertools.pairwise([widths[0], *widths]))
            ]
        )
        self.norm_out = _norm(groups, widths[-1])
        self.conv_out = _conv(widths[-1], outputs, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        x = self.middle(self.conv_in(x))
        for level in self.levels:
            x = level(x)
            x = x if level.resize is None else level.resize(upsample_nearest(x))
        return self.conv_out(jax.nn.silu(self.norm_out(x)))


class KLAutoencoder(nnx.Module):
    """Encodes to and decodes from latents; sides of pictures are multiples of 8.

    Args:
      channels: of the pictures.
      latents: channels of a latent.
      widths: of the levels; each but the last halves the size.
      layers: residual blocks of a level of the encoder; the decoder has one more.
      groups: of every norm.
    """

    def __init__(
        self,
        channels: int = 3,
        latents: int = 4,
        *,
        widths: Sequence[int] = WIDTHS,
        layers: int = 2,
        groups: int = 32,
        rngs,
    ):
        options = {"groups": groups, "rngs": rngs}
        self.encoder = Encoder(channels, 2 * latents, widths, layers, **options)
        self.quant = Pointwise(2 * latents, 2 * latents, initial=PYTORCH, rngs=rngs)
        self.post_quant = Pointwise(latents, latents, initial=PYTORCH, rngs=rngs)
        self.decoder = Decoder(latents, channels, widths, layers, **options)
        self.channels, self.latents = channels, latents
        self.multiple = 2 ** (len(widths) - 1)

    def moments(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q m"]:
        """Means, then logarithms of variances, of a picture's latent.

        Raises:
          ShapeError: wrong channels, or sides that are no multiples.
        """
        require_picture(x, self.channels, multiple=self.multiple)
        return self.quant(self.encoder(x))

    def encode(self, x: Float[Array, "b h w c"]) -> Gaussian:
        """The distribution of a picture's latent; logarithms of variances are within -30..20.

        Raises:
          ShapeError: wrong channels, or sides that are no multiples.
        """
        mean, logvar = jnp.split(self.moments(x), 2, -1)
        return Gaussian(mean, jnp.clip(logvar, *_LOGVAR))

    def decode(self, latent: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        """The picture of a latent, about -1..1, not bounded.

        Raises:
          ShapeError: wrong channels.
        """
        require_picture(latent, self.latents, what="latent")
        return self.decoder(self.post_quant(latent))

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """The picture after encoding to the mean latent and decoding."""
        return self.decode(self.encode(x).mean)
