"""The convolutional part of VGG-16 and VGG-19, whose features can be tapped at any depth.

Ranges: RGB in whatever form the weights were trained for. Those of torchvision expect
ImageNet-normalized RGB; the published colorizers that use them as a yardstick hand them plain 0..1.

Source: Simonyan and Zisserman 2014, configurations D and E; names and layout of torchvision's
`vgg16().features` and `vgg19().features`. Departure: an untrained network begins as He et al. say
it, by fan-in.
"""

import jax
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv
from hueshift_jax.ops.pooling import max_pool
from hueshift_jax.ops.shapes import require_picture

VGG16 = (2, 2, 3, 3, 3)
"""Convolutions of each block."""
VGG19 = (2, 2, 4, 4, 4)
WIDTHS = (64, 128, 256, 512, 512)

CONTENT_TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""What published content losses compare, in VGG-19."""
STYLE_TAPS = ("relu2_2", "relu3_4", "relu4_4", "relu5_2")
"""What published style losses compare, in VGG-19."""
SCGAN_TAPS = ("conv3_3",)
"""What SCGAN's perceptual loss compares, in VGG-16."""


class Vgg(nnx.Module):
    """Features by name: "conv3_2" before and "relu3_2" after the rectifier, block and layer from 1.

    layers: convolutions of each block; fewer blocks than five make a part of the network.
    widths: channels of each block.
    """

    def __init__(
        self,
        layers: tuple[int, ...] = VGG16,
        widths: tuple[int, ...] = WIDTHS,
        *,
        inputs: int = 3,
        rngs,
    ):
        blocks = []
        for count, width in zip(layers, widths):
            sources = (inputs, *(width,) * (count - 1))
            blocks.append(nnx.List([Conv(n, width, 3, padding=1, rngs=rngs) for n in sources]))
            inputs = width
        self.blocks = nnx.List(blocks)

    def __call__(
        self, x: Float[Array, "b h w c"], taps: tuple[str, ...]
    ) -> tuple[Float[Array, "b _ _ _"], ...]:
        """The features called `taps`, in that order; nothing deeper is computed.

        A picture of odd size loses its last row or column at a pool.

        Raises:
          ShapeError: another number of channels, or a picture that the pools leave nothing of.
          ValueError: no such tap.
        """
        if unknown := set(taps) - set(self.taps()):
            raise ValueError(f"VGG has no {sorted(unknown)}; it has {', '.join(self.taps())}")
        blocks = max(int(tap[4]) for tap in taps)
        require_picture(x, self.blocks[0][0].kernel.shape[2], least=2 ** (blocks - 1))
        found: dict[str, jax.Array] = {}
        for place, block in enumerate(self.blocks[:blocks], 1):
            x = x if place == 1 else max_pool(x, 2)
            for layer, conv in enumerate(block, 1):
                found[f"conv{place}_{layer}"] = x = conv(x)
                found[f"relu{place}_{layer}"] = x = jax.nn.relu(x)
                if found.keys() >= set(taps):
                    return tuple(found[tap] for tap in taps)
        return ()

    def taps(self) -> list[str]:
        """The names of all features, from the input on."""
        places = [(n, m) for n, b in enumerate(self.blocks, 1) for m in range(1, len(b) + 1)]
        return [f"{kind}{n}_{m}" for n, m in places for kind in ("conv", "relu")]
