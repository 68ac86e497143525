"""ResNet-18, whole and as the encoder of other networks.

Ranges: `picture` is ImageNet-normalized RGB for torchvision's weights; networks with one channel
in say theirs.

Source: He et al. 2016; pytorch/vision, torchvision/models/resnet.py (`resnet18`).
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv, Linear
from hueshift_jax.nn.initial import PYTORCH, Initial, fan_out_normal, zeros
from hueshift_jax.nn.norm import BatchNorm
from hueshift_jax.ops.pooling import max_pool
from hueshift_jax.ops.shapes import require_picture

WIDTHS = (64, 128, 256, 512)
"""As published: the four stages."""
CLASSES = 1000
_BLOCKS = 2
_INITIAL = Initial(fan_out_normal, zeros)


class Shortcut(nnx.Module):
    """1x1 convolution with a stride, norm: what a block adds to where its shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, rngs):
        self.conv = Conv(
            inputs, outputs, 1, stride=stride, padding=0, bias=False, initial=_INITIAL, rngs=rngs
        )
        self.norm = BatchNorm(outputs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        return self.norm(self.conv(x))


class Block(nnx.Module):
    """x, or its shortcut, plus two normed 3x3 convolutions; rectified."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, rngs):
        options = {"padding": 1, "bias": False, "initial": _INITIAL, "rngs": rngs}
        self.conv1 = Conv(inputs, outputs, 3, stride=stride, **options)
        self.norm1 = BatchNorm(outputs)
        self.conv2 = Conv(outputs, outputs, 3, **options)
        self.norm2 = BatchNorm(outputs)
        same = stride == 1 and inputs == outputs
        self.shortcut = None if same else Shortcut(inputs, outputs, stride, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        y = self.norm2(self.conv2(jax.nn.relu(self.norm1(self.conv1(x)))))
        return jax.nn.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Encoder(nnx.Module):
    """The stem at a half of the size and four stages from a quarter to a 32nd, rounded up.

    channels: of the picture.
    widths: of the stages; the stem has the first one's.
    """

    def __init__(self, channels: int = 3, widths: tuple[int, ...] = WIDTHS, *, rngs):
        self.conv = Conv(
            channels, widths[0], 7, stride=2, padding=3, bias=False, initial=_INITIAL, rngs=rngs
        )
        self.norm = BatchNorm(widths[0])
        stages, inputs = [], widths[0]
        for place, width in enumerate(widths):
            blocks = [Block(inputs, width, 1 if place == 0 else 2, rngs=rngs)]
            blocks += [Block(width, width, 1, rngs=rngs) for _ in range(_BLOCKS - 1)]
            stages.append(nnx.List(blocks))
            inputs = width
        self.stages = nnx.List(stages)
        self.channels = channels

    def levels(
        self, picture: Float[Array, "b h w c"], count: int | None = None
    ) -> tuple[Float[Array, "b _ _ _"], ...]:
        """The stem's features and those of the first `count` stages (None: all).

        Raises:
          ShapeError: other channels.
        """
        require_picture(picture, self.channels, what="picture")
        found = [jax.nn.relu(self.norm(self.conv(picture)))]
        x = max_pool(found[0], 3, 2, 1)
        for stage in self.stages[:count]:
            for block in stage:
                x = block(x)
            found.append(x)
        return tuple(found)


class ResNet18(nnx.Module):
    """Logits of the classes of a picture of any size; torchvision's are at home at 224x224."""

    def __init__(
        self,
        classes: int = CLASSES,
        channels: int = 3,
        widths: tuple[int, ...] = WIDTHS,
        *,
        rngs,
    ):
        self.encoder = Encoder(channels, widths, rngs=rngs)
        self.classes = Linear(widths[-1], classes, initial=PYTORCH, rngs=rngs)

    def __call__(self, picture: Float[Array, "b h w c"]) -> Float[Array, "b n"]:
        """Logits.

        Raises:
          ShapeError: other channels.
        """
        deepest = self.encoder.levels(picture)[-1]
        return self.classes(jnp.mean(deepest, (1, 2)))
