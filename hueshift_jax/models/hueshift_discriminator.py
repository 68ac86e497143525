"""The published HueShift discriminator: is this picture, as a whole, one of a camera's?

Two of them play against the generator: one sees colors, the other colors times saliency. Neither
sees the gray picture.

Ranges: `color` is ImageNet-normalized RGB; the result is a logit.

Source: SreeDakshinya/HueShift-Video-Coloring, commit 636eae0, "GAN model/
final-training-code-of-video-coloring-gan.ipynb" (`Discriminator`).
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv, Pointwise
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.nn.norm import BatchNorm
from hueshift_jax.ops.shapes import require_picture

WIDTHS = (64, 128, 256, 512)
DROPOUT = 0.3


class HueShiftDiscriminator(nnx.Module):
    """Four convolutions of stride 2, a mean over the picture, one logit; any size."""

    def __init__(self, inputs: int = 3, widths: tuple[int, ...] = WIDTHS, *, rngs):
        pairs = zip((inputs, *widths[:-1]), widths, strict=True)
        self.convs = nnx.List(
            [Conv(n, m, 3, stride=2, padding=1, initial=PYTORCH, rngs=rngs) for n, m in pairs]
        )
        self.norms = nnx.List([BatchNorm(width) for width in widths[1:]])
        self.fc = Pointwise(widths[-1], 1, initial=PYTORCH, rngs=rngs)
        self.dropout = nnx.Dropout(DROPOUT)

    def __call__(
        self, color: Float[Array, "b h w c"], key: jax.Array | None = None
    ) -> Float[Array, "b 1 1 1"]:
        """The logit of each picture.

        key: draws what is dropped in training; without one nothing is.
        """
        require_picture(color, self.convs[0].kernel.shape[2])
        rngs = None if key is None else nnx.Rngs(dropout=key)
        x = color
        for place, conv in enumerate(self.convs):
            x = conv(x)
            if place > 0:
                x = self.norms[place - 1](x)
            x = jax.nn.leaky_relu(x, 0.2)
            x = x if rngs is None else self.dropout(x, rngs=rngs)
        return self.fc(jnp.mean(x, (1, 2), keepdims=True))
