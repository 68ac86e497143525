"""The chroma U-Net of `hueshift_gan`: a pretrained encoder, a light decoder, three heads.

The idea of the HueShift generator (a U-Net whose channels shrink towards full size, fed with
global features of the whole picture, that says beside the colors what is salient) on an ImageNet
encoder, predicting chroma only. Fully convolutional: any size that is a multiple of 32.

Heads, all at a quarter of the input size except the bins:
  regression: ab directly, plus a global color function, ab as a quadratic polynomial of
    (luma, x, y) whose 20 coefficients come from the pooled features;
  bins: logits over a grid of ab cells at an eighth of the input size, a second opinion that keeps
    several answers apart; its annealed mean is the more vivid the lower the temperature;
  saliency: what catches the eye.

Source: SreeDakshinya/HueShift-Video-Coloring, "GAN model" (the generator's shape);
zhaoyuzhi/Semantic-Colorization-GAN (global features); Zhang et al., "Colorful Image Colorization",
2016 (bins and annealed mean). Departures: pretrained EfficientNet-Lite encoder, chroma instead of
RGB.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.models.efficientnet_lite import LITE2, EfficientNetLite, Variant
from hueshift_jax.nn.conv import Conv, ConvBlock, Pointwise
from hueshift_jax.ops import color
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.ops.resample import upsample_twice

AB_SCALE = 32.0
"""CIELAB units per unit of the regression head."""
BIN_SPACING = 10.0


def ab_bins() -> np.ndarray:
    """Centers of the ab cells that hold a displayable color at some lightness; (n, 2)."""
    axis = np.arange(-100.0, 101.0, BIN_SPACING)
    cells = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    levels = np.arange(5.0, 100.0, 5.0)
    lab = np.concatenate(
        [
            np.broadcast_to(levels[:, None, None], (len(levels), len(cells), 1)),
            np.broadcast_to(cells, (len(levels), len(cells), 2)),
        ],
        axis=-1,
    )
    with jax.ensure_compile_time_eval():
        shown = np.asarray(color.in_gamut(jnp.asarray(lab, jnp.float32), 0.01))
    return cells[shown.any(0)].astype(np.float32)


class Prediction(NamedTuple):
    """What the network says of a picture of size (h, w).

    ab: (b, h/4, w/4, 2), the regression's chroma in CIELAB units.
    logits: (b, h/8, w/8, n) over the cells of `ab_bins`.
    saliency_logits: (b, h/4, w/4), of which the sigmoid is the map.
    """

    ab: Array
    logits: Array
    saliency_logits: Array


class DecoderStage(nnx.Module):
    """Upsample, add the encoder's features, refine."""

    def __init__(self, inputs: int, skip: int, width: int, *, blocks: int, rngs):
        self.from_below = Pointwise(inputs, width, bias=False, rngs=rngs)
        self.from_skip = Pointwise(skip, width, bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(width, momentum=0.99, rngs=rngs)
        self.blocks = nnx.List([ConvBlock(width, width, rngs=rngs) for _ in range(blocks)])

    def __call__(
        self, below: Float[Array, "b h w c"], skip: Float[Array, "b p q d"]
    ) -> Float[Array, "b p q e"]:
        # The 1x1 product commutes with interpolation and is four times cheaper before it.
        x = upsample_twice(self.from_below(below)) + self.from_skip(skip)
        x = jax.nn.relu(self.norm(x))
        for block in self.blocks:
            x = x + block(x)
        return x


class GlobalContext(nnx.Module):
    """Scales and shifts the deepest features by what the whole picture shows."""

    def __init__(self, inputs: int, width: int, *, rngs):
        self.narrow = Pointwise(inputs, width, rngs=rngs)
        self.hidden = nnx.Linear(inputs, width, rngs=rngs)
        self.modulate = nnx.Linear(
            width, 2 * width, kernel_init=jax.nn.initializers.zeros, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "b h w c"]
    ) -> tuple[Float[Array, "b h w d"], Float[Array, "b d"]]:
        """The modulated features and the picture's vector."""
        vector = jax.nn.relu(self.hidden(x.mean((1, 2))))
        scale, shift = jnp.split(self.modulate(vector)[:, None, None], 2, axis=-1)
        return jax.nn.relu(self.narrow(x) * (1.0 + scale) + shift), vector


def _polynomial(luma: Float[Array, "b h w"]) -> Float[Array, "b h w t"]:
    """The ten monomials up to degree 2 of luma and position, each about -1..1."""
    y, x = (jnp.linspace(-1.0, 1.0, n) for n in luma.shape[1:])
    y = jnp.broadcast_to(y[None, :, None], luma.shape)
    x = jnp.broadcast_to(x[None, None, :], luma.shape)
    v = 2.0 * luma - 1.0
    one = jnp.ones_like(v)
    return jnp.stack([one, v, y, x, v * v, v * y, v * x, y * y, y * x, x * x], axis=-1)


class ChromaUNet(nnx.Module):
    """Luma in, chroma out.

    Args:
      variant: the encoder.
      widths: channels of the decoder at strides 32, 16, 8 and 4.
      frozen_blocks, frozen_depthwise: see `EfficientNetLite`.
    """

    def __init__(
        self,
        variant: Variant = LITE2,
        widths: tuple[int, int, int, int] = (256, 160, 96, 48),
        *,
        frozen_blocks: int = -1,
        frozen_depthwise: bool = False,
        rngs,
    ):
        self.encoder = EfficientNetLite(
            variant, frozen_blocks=frozen_blocks, frozen_depthwise=frozen_depthwise, rngs=rngs
        )
        skip4, skip8, skip16, deep = self.encoder.tap_widths
        self.context = GlobalContext(deep, widths[0], rngs=rngs)
        self.stage16 = DecoderStage(widths[0], skip16, widths[1], blocks=2, rngs=rngs)
        self.stage8 = DecoderStage(widths[1], skip8, widths[2], blocks=2, rngs=rngs)
        self.stage4 = DecoderStage(widths[2], skip4, widths[3], blocks=1, rngs=rngs)
        self.regression = Conv(widths[3], 2, 3, rngs=rngs)
        self.function = nnx.Linear(widths[0], 20, kernel_init=jax.nn.initializers.zeros, rngs=rngs)
        self.bins = Pointwise(widths[2], len(ab_bins()), rngs=rngs)
        self.saliency = Conv(widths[3], 1, 3, rngs=rngs)

    def __call__(self, luma: Float[Array, "b h w"]) -> Prediction:
        """Predicts from gamma-encoded gray, 0..1."""
        skip4, skip8, skip16, deep = self.encoder(luma[..., None])
        x, vector = self.context(deep)
        x8 = self.stage8(self.stage16(x, skip16), skip8)
        x4 = self.stage4(x8, skip4)
        local = self.regression(x4)
        small = average_pool(luma[..., None], 4)[..., 0]
        coefficients = self.function(vector).reshape(-1, 10, 2)
        smooth = jnp.einsum("bhwt,btc->bhwc", _polynomial(small), coefficients)
        ab = AB_SCALE * (0.25 * local + smooth)
        return Prediction(ab, self.bins(x8), self.saliency(x4)[..., 0])

    def seen(self, luma: Float[Array, "b h w"]) -> list[Float[Array, "b p q d"]]:
        """Features of gamma-encoded gray, 0..1: the encoder's at strides 8 and 16, ours at 8."""
        _, skip8, skip16, deep = self.encoder(luma[..., None])
        x, _ = self.context(deep)
        return [skip8, skip16, self.stage8(self.stage16(x, skip16), skip8)]
