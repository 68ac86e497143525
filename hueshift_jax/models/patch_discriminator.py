"""The 70x70 PatchGAN critic: is this patch of chroma one that a camera saw in this gray?

Five 4x4 convolutions, three of stride 2: every score sees 70x70 pixels. Each is spectrally
normalized, and there is no other norm, so that a picture's scores do not depend on its batch.

Ranges: luma 0..1; chroma about -1..1 (CIELAB units divided by a common scale); scores are not
bounded.

Source: Isola et al. 2017, section 6.1.2 (the shape); Miyato et al. 2018 (spectral norm in place of
batch norm).
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.nn.spectral import SpectralConv
from hueshift_jax.ops.shapes import require_equal_size, require_picture

FIELD = 70
"""Rows and columns that one score sees."""
LEAST = 24
"""Least side of a picture."""
_SLOPE = 0.2


class PatchDiscriminator(nnx.Module):
    """Luma and chroma in, a score for every patch out: 96x96 pixels give 10x10 scores.

    width: channels after the first convolution; 64 as published.
    """

    def __init__(self, width: int = 64, *, inputs: int = 3, rngs):
        widths = (inputs, width, 2 * width, 4 * width, 8 * width, 1)
        strides = (2, 2, 2, 1, 1)
        self.convs = nnx.List(
            [
                SpectralConv(n, m, 4, stride=stride, padding=1, initial=PYTORCH, rngs=rngs)
                for n, m, stride in zip(widths[:-1], widths[1:], strides, strict=True)
            ]
        )

    def __call__(
        self, luma: Float[Array, "_ _ _ _"], ab: Float[Array, "_ _ _ _"]
    ) -> Float[Array, "b p q 1"]:
        require_equal_size(luma, ab, what="luma and chroma")
        x = jnp.concatenate([luma, ab], -1)
        require_picture(x, self.convs[0].kernel.shape[2], least=LEAST, what="luma with chroma")
        for conv in self.convs[:-1]:
            x = jax.nn.leaky_relu(conv(x), _SLOPE)
        return self.convs[-1](x)
