"""ColorNet: the first half of a ResNet-18 with a small decoder, and its discriminator.

Ranges: gray 0..1 (published weights know luma, not L*, there; 0.5 of either are not the same gray);
ab as (ab + 128) / 255, so 0.502 is no chroma, and not bounded: clip before converting.
The discriminator takes both, joined, and gives logits.

Source: hanzalah21027/Video-Colorization-using-Deep-Neural-Networks, commit b288cc7,
ColorizationNet/network.py (`ColorNet`, `Discriminator`). Departures: see `ColorizationNet`.
"""

import itertools

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.models.resnet import Encoder
from hueshift_jax.nn.conv import Conv, ConvTranspose, Linear
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.nn.norm import BatchNorm, InstanceNorm
from hueshift_jax.ops.resample import upsample_nearest, upsample_twice
from hueshift_jax.ops.shapes import require_equal_size, require_picture

DECODER_WIDTHS = (128, 64, 64, 32)
"""As published: after each of the convolutions but the last."""
PATCH_WIDTHS = (64, 128, 256, 512)
_STAGES = 2
_SLOPE = 0.2


def _conv(inputs: int, outputs: int, *, rngs) -> Conv:
    return Conv(inputs, outputs, 3, padding=1, initial=PYTORCH, rngs=rngs)


class Decoder(nnx.Module):
    """From an eighth of the size to the full one.

    `fusion`, its norm and `enlarge` belong to the published weights and are never used.

    as_published: the third and fourth convolution have no norm, the fourth a sigmoid in place of
      a rectifier, and chroma is enlarged at the very end, in blocks of 2x2.
    """

    def __init__(self, inputs: int, fused: int, as_published: bool, *, rngs):
        first, second, third, fourth = DECODER_WIDTHS
        self.fusion = Linear(fused, first, initial=PYTORCH, rngs=rngs)
        self.fusion_norm = BatchNorm(first)
        self.enlarge = ConvTranspose(
            first, first, 4, stride=2, padding=1, initial=PYTORCH, rngs=rngs
        )
        self.conv1, self.norm1 = _conv(inputs, first, rngs=rngs), BatchNorm(first)
        self.conv2, self.norm2 = _conv(first, second, rngs=rngs), BatchNorm(second)
        self.conv3, self.norm3 = _conv(second, third, rngs=rngs), BatchNorm(third)
        self.conv4, self.norm4 = _conv(third, fourth, rngs=rngs), BatchNorm(fourth)
        self.conv5 = _conv(fourth, 2, rngs=rngs)
        self.as_published = as_published

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q 2"]:
        x = upsample_nearest(jax.nn.relu(self.norm1(self.conv1(x))))
        x = jax.nn.relu(self.norm2(self.conv2(x)))
        if self.as_published:
            x = upsample_nearest(jax.nn.relu(self.conv3(x)))
            return upsample_nearest(self.conv5(jax.nn.sigmoid(self.conv4(x))))
        x = upsample_nearest(jax.nn.relu(self.norm3(self.conv3(x))))
        return self.conv5(upsample_twice(jax.nn.relu(self.norm4(self.conv4(x)))))


class ColorizationNet(nnx.Module):
    """Gray in, chroma out. Only the stem and the first two stages of the encoder are used.

    as_published: see `Decoder`; published weights need it.
    """

    def __init__(self, *, as_published: bool = False, rngs):
        self.encoder = Encoder(1, rngs=rngs)
        self.decoder = Decoder(128, 640, as_published, rngs=rngs)

    def __call__(self, gray: Float[Array, "b h w c"]) -> Float[Array, "b h w 2"]:
        """Chroma, (ab + 128) / 255.

        Raises:
          ShapeError: not one channel, or sides that are no multiples of 8.
        """
        return self.decoder(self.features(gray))

    def features(self, gray: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        """What the decoder sees, at an eighth of the size."""
        require_picture(gray, 1, multiple=8, least=8, what="gray picture")
        return self.encoder.levels(gray, _STAGES)[-1]


class Layer(nnx.Module):
    """4x4 convolution with mirrored edges, instance norm, leaky rectifier."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, rngs):
        self.conv = _mirrored(inputs, outputs, stride, bias=False, rngs=rngs)
        self.norm = InstanceNorm(outputs, affine=True)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        return jax.nn.leaky_relu(self.norm(self.conv(x)), _SLOPE)


def _mirrored(inputs: int, outputs: int, stride: int, *, bias: bool = True, rngs) -> Conv:
    return Conv(
        inputs,
        outputs,
        4,
        stride=stride,
        padding=1,
        edge="reflect",
        bias=bias,
        initial=PYTORCH,
        rngs=rngs,
    )


class ColorizationDiscriminator(nnx.Module):
    """Logits of overlapping patches of 70x70 pixels.

    channels: of brightness and chroma together.
    widths: of the layers.
    """

    def __init__(self, channels: int = 3, widths: tuple[int, ...] = PATCH_WIDTHS, *, rngs):
        self.initial = _mirrored(channels, widths[0], 2, rngs=rngs)
        self.layers = nnx.List(
            Layer(inputs, outputs, 1 if outputs == widths[-1] else 2, rngs=rngs)
            for inputs, outputs in itertools.pairwise(widths)
        )
        self.scores = _mirrored(widths[-1], 1, 1, rngs=rngs)
        self.channels = channels

    def __call__(
        self, brightness: Float[Array, "b h w c"], chroma: Float[Array, "..."]
    ) -> Float[Array, "b p q 1"]:
        """A map of logits at an eighth of the size, less two.

        Raises:
          ShapeError: wrong channels, two sizes, or a side below 32.
        """
        require_picture(brightness, 1, least=32, what="brightness")
        require_picture(chroma, self.channels - 1, what="chroma")
        require_equal_size(brightness, chroma, what="brightness and chroma")
        x = jnp.concatenate([brightness, chroma], -1)
        x = jax.nn.leaky_relu(self.initial(x), _SLOPE)
        for layer in self.layers:
            x = layer(x)
        return self.scores(x)
