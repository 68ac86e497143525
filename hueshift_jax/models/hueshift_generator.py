"""The published HueShift generator and the feature encoder beside it.

The generator has one resolution from end to end: no pooling, no stride, no upsampling. Its width
shrinks towards the middle and grows again, an attention decoder fuses all three decoder levels
into one saliency map, and the features of the whole picture enter before the middle. It costs
about ten million multiply-adds per pixel.

Ranges: `gray` is gray of ImageNet-normalized RGB, about -2..2.6; `color` is ImageNet-normalized
RGB and not bounded.

Source: SreeDakshinya/HueShift-Video-Coloring, commit 636eae0, "GAN model/
final-training-code-of-video-coloring-gan.ipynb" (`ColorizationUNetWithAttentionDecoder`) and
"VGG Pre-Training and Feature Vector Extraction/using-p-t-vgg-for-feature-vectors.ipynb" (encoder
of `VGGReconstructor`). Departure: features are an argument, or computed inside (`SelfGuided`),
where the original looks them up by the name of the picture's file.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.nn.norm import BatchNorm
from hueshift_jax.ops.resample import resize_bilinear
from hueshift_jax.ops.shapes import require_picture, require_shape

GENERATOR_WIDTHS = (512, 256, 128, 64)
"""As published: outer levels, second levels, third levels with the attention decoder, middle."""
ENCODER_WIDTHS = (64, 128, 256, 512, 512)
"""As published: the five blocks."""
_LAYERS_PER_BLOCK = (2, 2, 3, 3, 4)


def _conv(inputs: int, outputs: int, *, stride: int = 1, rngs) -> Conv:
    """3x3, one row and column of zeros on every side, at stride 2 as well."""
    return Conv(inputs, outputs, 3, stride=stride, padding=1, initial=PYTORCH, rngs=rngs)


class Layer(nnx.Module):
    """Convolution, norm, rectifier; a `slope` other than 0 makes the rectifier leaky."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        stride: int = 1,
        slope: float = 0.0,
        normed: bool = True,
        rngs,
    ):
        self.conv = _conv(inputs, outputs, stride=stride, rngs=rngs)
        self.norm = BatchNorm(outputs) if normed else None
        self.slope = slope

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        y = self.conv(x)
        if self.norm is not None:
            y = self.norm(y)
        return jax.nn.leaky_relu(y, self.slope)


class FeatureEncoder(nnx.Module):
    """Features of the whole picture at a 32nd of its size, rounded up.

    VGG-16 with a convolution of stride 2 in place of each pool; the first layer has no norm.
    """

    def __init__(self, widths: tuple[int, ...] = ENCODER_WIDTHS, *, rngs):
        blocks, inputs = [], 1
        for place, (width, count) in enumerate(zip(widths, _LAYERS_PER_BLOCK, strict=True)):
            layers = [
                Layer(
                    inputs if n == 0 else width,
                    width,
                    stride=2 if n == count - 1 else 1,
                    normed=(place, n) != (0, 0),
                    rngs=rngs,
                )
                for n in range(count)
            ]
            blocks.append(nnx.List(layers))
            inputs = width
        self.blocks = nnx.List(blocks)

    def __call__(self, gray: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        """The last of the `levels`."""
        return self.levels(gray)[-1]

    def levels(self, gray: Float[Array, "b h w c"]) -> list[Float[Array, "b _ _ _"]]:
        """What each of the blocks gives, at a half, a quarter, ... of the picture's size.

        Raises:
          ShapeError: not one channel.
        """
        require_picture(gray, 1)
        x, levels = gray, []
        for block in self.blocks:
            for layer in block:
                x = layer(x)
            levels.append(x)
        return levels


class Prediction(NamedTuple):
    """What the generator says of a picture, at its full size.

    color: (b, h, w, 3), ImageNet-normalized RGB.
    saliency: (b, h, w, 1), not bounded.
    """

    color: Array
    saliency: Array


def _join(*parts: Float[Array, "b h w _"]) -> Float[Array, "b h w _"]:
    return jnp.concatenate(parts, axis=-1)


class HueShiftGenerator(nnx.Module):
    """Gray and features in, color and saliency out; any size.

    The three `saliency_dec` convolutions belong to the published weights and are never used.

    Args:
      widths: channels of the outer, second, third and middle levels.
      features: channels of the features.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int] = GENERATOR_WIDTHS,
        features: int = ENCODER_WIDTHS[-1],
        *,
        rngs,
    ):
        outer, second, third, narrow = widths
        joined = outer + features
        self.features = features
        self.enc1 = Layer(1, outer, rngs=rngs)
        self.enc2 = Layer(outer, second, rngs=rngs)
        self.enc3 = nnx.List([Layer(second, third, rngs=rngs), Layer(third, outer, rngs=rngs)])
        self.middle = Layer(joined, narrow, rngs=rngs)
        self.dec3 = Layer(narrow + joined, third, rngs=rngs)
        self.dec2 = Layer(third + second, second, rngs=rngs)
        self.dec1 = Layer(second + outer, outer, rngs=rngs)
        self.final_color = _conv(outer, 3, rngs=rngs)
        self.layer1a = Layer(outer, third, slope=0.01, rngs=rngs)
        self.layer1b = Layer(third, third, slope=0.01, rngs=rngs)
        self.layer2 = Layer(second, third, slope=0.01, rngs=rngs)
        self.layer3 = Layer(third, third, slope=0.01, rngs=rngs)
        self.layer4 = Layer(3 * third, third, slope=0.01, rngs=rngs)
        self.final_layer = _conv(third, 1, rngs=rngs)
        self.saliency_dec3 = _conv(third, 1, rngs=rngs)
        self.saliency_dec2 = _conv(second, 1, rngs=rngs)
        self.saliency_dec1 = _conv(outer, 1, rngs=rngs)

    def __call__(
        self, gray: Float[Array, "b h w c"], features: Float[Array, "n p q f"]
    ) -> Prediction:
        """Predicts with `features` enlarged bilinearly (half-pixel centers) to the full size.

        Raises:
          ShapeError: not one channel, or other features, or not those of each picture.
        """
        require_picture(gray, 1)
        require_shape(features, (len(gray), None, None, self.features), what="features")
        features = resize_bilinear(features, gray.shape[1:3])
        enc1 = self.enc1(gray)
        enc2 = self.enc2(enc1)
        enc3 = _join(self.enc3[1](self.enc3[0](enc2)), features)
        dec3 = self.dec3(_join(self.middle(enc3), enc3))
        dec2 = self.dec2(_join(dec3, enc2))
        dec1 = self.dec1(_join(dec2, enc1))
        levels = _join(self.layer1b(self.layer1a(dec1)), self.layer2(dec2), self.layer3(dec3))
        return Prediction(self.final_color(dec1), self.final_layer(self.layer4(levels)))


class SelfGuided(nnx.Module):
    """The generator with its encoder inside: it colors any picture, not only those in an archive.

    Args:
      widths: of the generator.
      feature_widths: of the encoder.
      frozen: the encoder stays as it is, also while the generator learns.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int] = GENERATOR_WIDTHS,
        feature_widths: tuple[int, ...] = ENCODER_WIDTHS,
        *,
        frozen: bool = False,
        rngs,
    ):
        self.frozen = frozen
        self.encoder = FeatureEncoder(feature_widths, rngs=rngs)
        self.generator = HueShiftGenerator(widths, feature_widths[-1], rngs=rngs)

    def train(self, **attributes):
        """As every module does it, but for the norms of a frozen encoder."""
        super().train(**attributes)
        if self.frozen:
            self.encoder.eval()

    def __call__(self, gray: Float[Array, "b h w c"]) -> Prediction:
        features = self.encoder(gray)
        return self.generator(gray, jax.lax.stop_gradient(features) if self.frozen else features)
