"""PFAN in a compact form for gray films: its attention on a pretrained EfficientNet-Lite2.

VGG-16 is nine tenths of the published network. Here a truncated encoder that was pretrained on gray
ImageNet gives five levels at strides 2 to 32, half the size of VGG's, and a map at half the
size of the picture. Deep levels are small, so their filters reach less far.

Ranges: gamma-encoded gray 0..1 in; saliency 0..1 out. Parameters: 2,764,687 at the defaults.

Source: `models.pfan`, whose attention this is. Departures: encoder, levels, widths, dilations.
"""

from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.models.efficientnet_lite import LITE2, EfficientNetLite, Variant
from hueshift_jax.models.pfan import Prediction, Pyramid
from hueshift_jax.ops.shapes import require_picture

MULTIPLE = 32
"""Sides of the picture are multiples of this."""
STRIDE = 2
"""The map is so many times smaller than the picture."""


class GrayPfan(nnx.Module):
    """Luma in, saliency at half its size out; sides are multiples of 32.

    variant: the encoder.
    blocks: how many first blocks of it.
    reach_width, width, dilations: see `models.pfan.Pyramid`.
    frozen_blocks: see `EfficientNetLite`, whose depthwise filters are frozen too.
    """

    def __init__(
        self,
        variant: Variant = LITE2,
        blocks: int | None = 18,
        *,
        reach_width: int = 16,
        width: int = 24,
        dilations: tuple[int, ...] = (1, 2, 3),
        frozen_blocks: int = -1,
        rngs,
    ):
        self.encoder = EfficientNetLite(
            variant,
            blocks=blocks,
            finest=STRIDE,
            frozen_blocks=frozen_blocks,
            frozen_depthwise=True,
            rngs=rngs,
        )
        widths = self.encoder.tap_widths
        self.pyramid = Pyramid(
            widths[:2], widths[2:], reach_width, width, dilations=dilations, rngs=rngs
        )

    def __call__(self, luma: Float[Array, "b h w"]) -> Prediction:
        """Predicts from gamma-encoded gray, 0..1."""
        picture = luma[..., None]
        require_picture(picture, 1, multiple=MULTIPLE)
        return self.pyramid.predict(self.encoder(picture))
