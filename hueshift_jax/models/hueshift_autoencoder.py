"""The autoencoder in which the HueShift feature encoder learned: gray in, the same gray out.

Ranges: gray of ImageNet-normalized RGB, about -2..2.6; the result is not bounded.

Source: SreeDakshinya/HueShift-Video-Coloring, commit 636eae0, "VGG Pre-Training and Feature Vector
Extraction/using-p-t-vgg-for-feature-vectors.ipynb" (`VGGReconstructor` with its decoder, which is
complete there but commented out).
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.models.hueshift_generator import ENCODER_WIDTHS, FeatureEncoder
from hueshift_jax.nn.conv import Conv, ConvTranspose
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.ops.resample import upsample_nearest
from hueshift_jax.ops.shapes import require_picture


class Stage(nnx.Module):
    """Two 3x3 convolutions without a norm."""

    def __init__(self, inputs: int, middle: int, outputs: int, *, rngs):
        self.first = Conv(inputs, middle, 3, padding=1, initial=PYTORCH, rngs=rngs)
        self.second = Conv(middle, outputs, 3, padding=1, initial=PYTORCH, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        return jax.nn.relu(self.second(jax.nn.relu(self.first(x))))


class HueShiftAutoencoder(nnx.Module):
    """Encoder and a decoder that sees every level of it; sides are multiples of 32.

    widths: of the five blocks of the encoder.
    """

    def __init__(self, widths: tuple[int, ...] = ENCODER_WIDTHS, *, rngs):
        first, second, third, fourth, fifth = widths
        self.encoder = FeatureEncoder(widths, rngs=rngs)
        self.decoder = nnx.List(
            [
                Stage(fourth + fifth, fourth, third, rngs=rngs),
                Stage(third + third, third, second, rngs=rngs),
                Stage(second + second, second, first, rngs=rngs),
                Stage(first + first, first, first, rngs=rngs),
            ]
        )
        self.final = ConvTranspose(first, 1, 4, stride=2, padding=1, initial=PYTORCH, rngs=rngs)

    def __call__(self, gray: Float[Array, "b h w _"]) -> Float[Array, "b h w 1"]:
        require_picture(gray, 1, multiple=32)
        *levels, x = self.encoder.levels(gray)
        for stage, level in zip(self.decoder, reversed(levels), strict=True):
            x = stage(jnp.concatenate([level, upsample_nearest(x)], -1))
        return self.final(x)
