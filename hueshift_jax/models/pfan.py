"""PFAN: what in a picture catches the eye.

VGG-16 gives five levels. The three deep ones, each seen through filters of four reaches and
weighted channel by channel, say where something is; the two shallow ones, weighted place by place,
say where it ends.

Ranges: ImageNet-normalized RGB in; saliency 0..1 out.

Source: Zhao and Wu 2019; sairajk/PyTorch-Pyramid-Feature-Attention-Network-for-Saliency-Detection,
commit 074722e, src/model.py (`SODModel`) and src/attention.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.models.vgg import VGG16, WIDTHS, Vgg
from hueshift_jax.nn.conv import Conv, Linear, Pointwise
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.nn.norm import BatchNorm
from hueshift_jax.ops.resample import resize_bilinear
from hueshift_jax.ops.shapes import require_picture

_TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
DILATIONS = (3, 5, 7)
"""Of the filters through which deep levels are seen."""
_REACH = 9


def _enlarged(x: Float[Array, "b h w c"], factor: int) -> Float[Array, "b p q c"]:
    size = (x.shape[1] * factor, x.shape[2] * factor)
    return resize_bilinear(x, size, align_corners=True)


class Reaches(nnx.Module):
    """Features seen through a 1x1 and three dilated 3x3 filters, side by side."""

    def __init__(self, inputs: int, width: int, dilations: tuple[int, ...] = DILATIONS, *, rngs):
        self.near = Pointwise(inputs, width, bias=False, initial=PYTORCH, rngs=rngs)
        self.far = nnx.List(
            [
                Conv(
                    inputs, width, 3, padding=n, dilation=n, bias=False, initial=PYTORCH, rngs=rngs
                )
                for n in dilations
            ]
        )
        self.norm = BatchNorm((1 + len(dilations)) * width)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        seen = [self.near(x), *(conv(x) for conv in self.far)]
        return jax.nn.relu(self.norm(jnp.concatenate(seen, -1)))


class ChannelAttention(nnx.Module):
    """A weight 0..1 for every channel, from the means of all channels."""

    def __init__(self, channels: int, *, rngs):
        self.reduce = Linear(channels, channels // 4, initial=PYTORCH, rngs=rngs)
        self.restore = Linear(channels // 4, channels, initial=PYTORCH, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b c"]:
        reduced = jax.nn.relu(self.reduce(jnp.mean(x, (1, 2))))
        return jax.nn.sigmoid(self.restore(reduced))


class NormedConv(nnx.Module):
    """Convolution that keeps the size, norm, rectifier."""

    def __init__(self, inputs: int, outputs: int, size: int | tuple[int, int] = 3, *, rngs):
        height, width = (size, size) if isinstance(size, int) else size
        sides = (height // 2, width // 2)
        self.conv = Conv(
            inputs, outputs, (height, width), padding=sides, initial=PYTORCH, rngs=rngs
        )
        self.norm = BatchNorm(outputs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        return jax.nn.relu(self.norm(self.conv(x)))


class SpatialAttention(nnx.Module):
    """A weight 0.5..1 for every place, from long rows and columns in both orders."""

    def __init__(self, channels: int, *, rngs):
        row, column, half = (1, _REACH), (_REACH, 1), channels // 2
        self.row_first = nnx.List(
            [NormedConv(channels, half, row, rngs=rngs), NormedConv(half, 1, column, rngs=rngs)]
        )
        self.column_first = nnx.List(
            [NormedConv(channels, half, column, rngs=rngs), NormedConv(half, 1, row, rngs=rngs)]
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w 1"]:
        one = self.row_first[1](self.row_first[0](x))
        other = self.column_first[1](self.column_first[0](x))
        return jax.nn.sigmoid(one + other)


class Prediction(NamedTuple):
    """What the network says of a batch.

    saliency: (b, h, w, 1), 0..1.
    regularizer: the mean weight of its channels, which training keeps small.
    """

    saliency: Array
    regularizer: Array


class Pyramid(nnx.Module):
    """What follows an encoder: two shallow and some deep levels in, saliency out.

    shallow: channels of the two finest levels, one of which is twice as large as the other.
    deep: channels of the next levels, each half as large as the one before.
    reach_width: channels of each filter of each deep level.
    width: channels of what the deep and what the shallow levels become.
    dilations: of those filters.
    """

    def __init__(
        self,
        shallow: tuple[int, ...],
        deep: tuple[int, ...],
        reach_width: int,
        width: int,
        *,
        dilations: tuple[int, ...] = DILATIONS,
        rngs,
    ):
        self.reaches = nnx.List([Reaches(n, reach_width, dilations, rngs=rngs) for n in deep])
        joined = len(deep) * (1 + len(dilations)) * reach_width
        self.channels = ChannelAttention(joined, rngs=rngs)
        self.deep = NormedConv(joined, width, rngs=rngs)
        self.shallow = nnx.List([NormedConv(n, width, rngs=rngs) for n in shallow])
        self.outlines = NormedConv(2 * width, width, rngs=rngs)
        self.places = SpatialAttention(width, rngs=rngs)
        self.final = Conv(2 * width, 1, 3, padding=1, initial=PYTORCH, rngs=rngs)

    def predict(self, levels: Sequence[Float[Array, "b _ _ _"]]) -> Prediction:
        """Saliency at the size of the finest level; `levels` come from fine to coarse."""
        count = len(self.shallow)
        seen = [reach(x) for reach, x in zip(self.reaches, levels[count:], strict=True)]
        deep = jnp.concatenate([_enlarged(x, 2**n) if n else x for n, x in enumerate(seen)], -1)
        weights = self.channels(deep)
        deep = _enlarged(self.deep(deep * weights[:, None, None]), 4)
        first, second = (conv(x) for conv, x in zip(self.shallow, levels[:count], strict=True))
        outlines = self.outlines(jnp.concatenate([first, _enlarged(second, 2)], -1))
        joined = jnp.concatenate([outlines * self.places(deep), deep], -1)
        return Prediction(jax.nn.sigmoid(self.final(joined)), jnp.mean(weights))


class Pfan(Pyramid):
    """Color in, saliency out; sides are multiples of 16.

    widths: of the five blocks of VGG-16.
    reach_width, width: see `Pyramid`.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = WIDTHS,
        reach_width: int = 32,
        width: int = 64,
        *,
        rngs,
    ):
        self.vgg = Vgg(VGG16, widths, rngs=rngs)
        super().__init__(widths[:2], widths[2:], reach_width, width, rngs=rngs)

    def __call__(self, color: Float[Array, "b h w _"]) -> Prediction:
        require_picture(color, 3, multiple=16)
        return self.predict(self.vgg(color, _TAPS))
