"""The neural filter of blind deflickering: a frame in the colors of its reconstruction.

A U-Net without norms. The frame has the detail and flickers; the reconstruction from the atlas of
the whole shot is steady and may be warped.

Ranges: both are RGB 0..1; the result is RGB and not bounded.

Source: ChenyangLEI/All-In-One-Deflicker: src/models/network_filter.py, UNet, commit 1f39994.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv, Pointwise
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.ops.pooling import max_pool
from hueshift_jax.ops.resample import resize_bilinear
from hueshift_jax.ops.shapes import require_picture

LEVELS = 4
"""How often the size is halved."""


class TwoConvs(nnx.Module):
    """Two 3x3 convolutions without bias, a rectifier after each."""

    def __init__(self, inputs: int, outputs: int, *, rngs):
        self.first = Conv(inputs, outputs, 3, padding=1, bias=False, initial=PYTORCH, rngs=rngs)
        self.second = Conv(outputs, outputs, 3, padding=1, bias=False, initial=PYTORCH, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        return jax.nn.relu(self.second(jax.nn.relu(self.first(x))))


class FilterUNet(nnx.Module):
    """Frame and reconstruction side by side in, the frame's new colors out.

    Levels count from the full size down.

    Args:
      inputs: channels of both together.
      outputs: channels of the result.
      width: channels at full size, doubled with every level.
    """

    def __init__(self, inputs: int = 6, outputs: int = 3, width: int = 32, *, rngs):
        widths = [width << level for level in range(LEVELS + 1)]
        self.encoder = nnx.List(
            TwoConvs(before, after, rngs=rngs)
            for before, after in zip([inputs, *widths[:-2]], widths[:-1])
        )
        self.bottleneck = TwoConvs(widths[-2], widths[-1], rngs=rngs)
        self.rise = nnx.List(
            Conv(2 * after, after, 3, padding=1, initial=PYTORCH, rngs=rngs)
            for after in widths[:-1]
        )
        self.decoder = nnx.List(TwoConvs(2 * after, after, rngs=rngs) for after in widths[:-1])
        self.color = Pointwise(width, outputs, initial=PYTORCH, rngs=rngs)
        self.inputs = inputs

    def __call__(self, pair: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """The filtered frame.

        Raises:
          ShapeError: other channels, or sides that are no multiples of 16.
        """
        require_picture(pair, self.inputs, multiple=1 << LEVELS)
        skips = []
        x = pair
        for level in self.encoder:
            x = level(x)
            skips.append(x)
            x = max_pool(x, 2)
        x = self.bottleneck(x)
        for rise, decoder, skip in list(zip(self.rise, self.decoder, skips))[::-1]:
            x = rise(resize_bilinear(x, skip.shape[1:3], align_corners=True))
            x = decoder(jnp.concatenate([x, skip], -1))
        return self.color(x)
