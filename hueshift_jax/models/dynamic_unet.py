"""A U-Net on ResNet-18 as fastai builds it, and the discriminator trained against it.

Ranges: lightness as L* / 50 - 1, in -1..1; ab divided by 110 (by 128 in the Wasserstein training)
and not bounded. The discriminator gives logits.

Source: fastai/fastai, fastai/vision/models/unet.py (`DynamicUnet` on `create_body(resnet18)`);
hanzalah21027/Video-Colorization-using-Deep-Neural-Networks, commit b288cc7,
Video_Colorization_with_UNet/color_network.py (`PatchDiscriminator`). Departure: the
discriminator's first layer has a rectifier unless asked otherwise.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.models.resnet import WIDTHS, Encoder
from hueshift_jax.nn.conv import Conv, Pointwise
from hueshift_jax.nn.initial import PYTORCH, Initial, kaiming_normal, zeros
from hueshift_jax.nn.norm import BatchNorm, InstanceNorm
from hueshift_jax.ops.interleave import depth_to_space, shuffled
from hueshift_jax.ops.resample import resize_nearest
from hueshift_jax.ops.shapes import require_picture

PATCH_WIDTH = 64
_PATCH_SLOPE = 0.2
_INITIAL = Initial(kaiming_normal, zeros)


def _four_alike(key: jax.Array, shape: tuple[int, ...], fan_in: int) -> jax.Array:
    """The four pixels of a place begin equal: no checkerboard (Aitken et al. 2017)."""
    inputs, outputs = shape
    return jnp.repeat(kaiming_normal(key, (inputs, outputs // 4), fan_in), 4, axis=1)


class Enlarge(nnx.Module):
    """Twice the size: 1x1 convolution, rectifier, four channels to four pixels."""

    def __init__(self, inputs: int, outputs: int, *, rngs):
        self.conv = Pointwise(inputs, 4 * outputs, initial=Initial(_four_alike, zeros), rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        b, h, w, c = x.shape
        y = x.reshape(-1, c) @ shuffled(self.conv.kernel[...], 2)
        y = jax.nn.relu(y + shuffled(self.conv.bias[...], 2)[None])
        return depth_to_space(y.reshape(b, h, w, -1), 2)


def _conv(inputs: int, outputs: int, *, rngs) -> Conv:
    return Conv(inputs, outputs, 3, padding=1, initial=_INITIAL, rngs=rngs)


def _sized_as(x: Float[Array, "b h w c"], other: Float[Array, "b p q d"]) -> jax.Array:
    """`x` at the other's size, by nearest pixels."""
    size = other.shape[1:3]
    return x if x.shape[1:3] == size else resize_nearest(x, size)


class Step(nnx.Module):
    """Enlarges, joins a level of the encoder, convolves twice.

    outputs: None for as many channels as are joined.
    """

    def __init__(self, inputs: int, level: int, outputs: int | None = None, *, rngs):
        joined = inputs // 2 + level
        outputs = outputs or joined
        self.enlarge = Enlarge(inputs, inputs // 2, rngs=rngs)
        self.norm = BatchNorm(level)
        self.conv1 = _conv(joined, outputs, rngs=rngs)
        self.conv2 = _conv(outputs, outputs, rngs=rngs)
        self.outputs = outputs

    def __call__(
        self, x: Float[Array, "b h w c"], level: Float[Array, "b p q d"]
    ) -> Float[Array, "b p q e"]:
        x = _sized_as(self.enlarge(x), level)
        x = jax.nn.relu(jnp.concatenate([x, self.norm(level)], -1))
        return jax.nn.relu(self.conv2(jax.nn.relu(self.conv1(x))))


class DynamicUnet(nnx.Module):
    """Lightness in, chroma out; any size from 2, through nearest pixels where halves do not fit.

    channels: of the picture.
    outputs: of the prediction.
    widths: of the encoder's stages.
    """

    def __init__(
        self,
        channels: int = 1,
        outputs: int = 2,
        widths: tuple[int, ...] = WIDTHS,
        *,
        rngs,
    ):
        deep = widths[-1]
        self.encoder = Encoder(channels, widths, rngs=rngs)
        self.norm = BatchNorm(deep)
        self.middle = nnx.List([_conv(deep, 2 * deep, rngs=rngs), _conv(2 * deep, deep, rngs=rngs)])
        steps, inputs = [], deep
        for level in (*widths[-2::-1], widths[0]):
            last = len(steps) == len(widths) - 1
            half = (inputs // 2 + level) // 2
            steps.append(Step(inputs, level, half if last else None, rngs=rngs))
            inputs = steps[-1].outputs
        self.steps = nnx.List(steps)
        self.enlarge = Enlarge(inputs, inputs, rngs=rngs)
        joined = inputs + channels
        self.refine = nnx.List([_conv(joined, joined, rngs=rngs) for _ in range(2)])
        self.chroma = Pointwise(joined, outputs, initial=_INITIAL, rngs=rngs)

    def __call__(self, picture: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """The prediction at the picture's size.

        Raises:
          ShapeError: other channels than the network has.
        """
        *levels, x = self.encoder.levels(picture)
        x = jax.nn.relu(self.norm(x))
        for conv in self.middle:
            x = jax.nn.relu(conv(x))
        for step, level in zip(self.steps, reversed(levels), strict=True):
            x = step(x, level)
        x = jnp.concatenate([_sized_as(self.enlarge(x), picture), picture], -1)
        first, second = self.refine
        x = jax.nn.relu(x + second(jax.nn.relu(first(x))))
        return self.chroma(x)


class PatchLayer(nnx.Module):
    """4x4 convolution, instance norm, rectifier (leaky) if `activated`."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        *,
        bias: bool = False,
        activated: bool = True,
        rngs,
    ):
        self.conv = Conv(
            inputs, outputs, 4, stride=stride, padding=1, bias=bias, initial=PYTORCH, rngs=rngs
        )
        self.norm = InstanceNorm(outputs, affine=True)
        self.activated = activated

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        y = self.norm(self.conv(x))
        return jax.nn.leaky_relu(y, _PATCH_SLOPE) if self.activated else y


class PatchDiscriminator(nnx.Module):
    """Logits of overlapping patches of 70x70 pixels.

    channels: of lightness and chroma, joined.
    width: channels of the first layer.
    as_published: the first layer has no rectifier, so that it and the second one are almost one
      linear map.
    """

    def __init__(
        self,
        channels: int = 3,
        width: int = PATCH_WIDTH,
        *,
        as_published: bool = False,
        rngs,
    ):
        self.layers = nnx.List(
            [
                PatchLayer(channels, width, 2, bias=True, activated=not as_published, rngs=rngs),
                PatchLayer(width, 2 * width, 2, rngs=rngs),
                PatchLayer(2 * width, 4 * width, 2, rngs=rngs),
                PatchLayer(4 * width, 8 * width, 1, rngs=rngs),
            ]
        )
        self.scores = Conv(8 * width, 1, 4, padding=1, initial=PYTORCH, rngs=rngs)
        self.channels = channels

    def __call__(self, lab: Float[Array, "b h w c"]) -> Float[Array, "b p q 1"]:
        """A map of logits at an eighth of the size, less two.

        Raises:
          ShapeError: other channels, or a side below 24.
        """
        require_picture(lab, self.channels, least=24, what="lightness and chroma")
        x = lab
        for layer in self.layers:
            x = layer(x)
        return self.scores(x)
