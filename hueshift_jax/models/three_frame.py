"""The three-frame GAN: generators, the per-frame baseline and both discriminators.

A U-Net that halves the picture five times sees a frame and its two neighbors through the same
encoder, joins the three at the deepest level and adds the levels of the middle frame on the way up.

Ranges: gray and color -1..1; gray is Rec. 601 luma and not L*, so that color replaces the
brightness of the source too. Scores of `PatchDiscriminator` are unbounded, those of
`WholeDiscriminator` logits.

Source: cs282-video-colorization-team/Video-Colorization-with-GANs, commit 5a7075a,
gan_model_time.py (`ConvGenTime`, `PatchDis`) and gan_model.py (`ConvGen`, the older `ConvGenTime`,
`ConvDis`). Departures: sizes that do not fit are refused, scores keep their axes, and spectral
norms of `PatchDiscriminator` move in training only unless asked otherwise.
"""

import functools
import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.errors import ShapeError
from hueshift_jax.nn.conv import Conv, ConvTranspose, Pointwise
from hueshift_jax.nn.initial import Initial, fan_in_uniform, fan_out_normal, kaiming_normal
from hueshift_jax.nn.norm import BatchNorm, InstanceNorm
from hueshift_jax.nn.self_attention import SelfAttention
from hueshift_jax.nn.spectral import SpectralConv
from hueshift_jax.ops.shapes import require_equal_size, require_picture

WIDTH = 32
"""Channels of the first level; published weights have 32 or 64."""
DEEPEST = 32
"""Sides are multiples of this: five levels, each half as large as the one before."""
_SLOPE = 0.1
_PATCH_SLOPE = 0.01
_INITIAL = Initial(fan_out_normal, fan_in_uniform)
_INITIAL_UP = Initial(kaiming_normal, fan_in_uniform)
"""The same of transposed convolutions: what counts as their fan-in is the fan-out."""

Norm = Callable[[int], nnx.Module]


class Level(nnx.Module):
    """3x3 convolution of stride 2, norm, leaky rectifier."""

    def __init__(self, inputs: int, outputs: int, norm: Norm, *, rngs):
        self.conv = Conv(
            inputs, outputs, 3, stride=2, padding=1, bias=False, initial=_INITIAL, rngs=rngs
        )
        self.norm = norm(outputs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        return jax.nn.leaky_relu(self.norm(self.conv(x)), _SLOPE)


def _enlarging(inputs: int, outputs: int, *, rngs) -> ConvTranspose:
    """3x3, to exactly twice the size."""
    return ConvTranspose(
        inputs,
        outputs,
        3,
        stride=2,
        padding=1,
        extra=1,
        bias=False,
        initial=_INITIAL_UP,
        rngs=rngs,
    )


class Enlarge(nnx.Module):
    """Transposed convolution to twice the size, norm, rectifier."""

    def __init__(self, inputs: int, outputs: int, norm: Norm, *, rngs):
        self.conv = _enlarging(inputs, outputs, rngs=rngs)
        self.norm = norm(outputs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        return jax.nn.relu(self.norm(self.conv(x)))


class _UNet(nnx.Module):
    """What all generators share: five levels down, five up, skips added.

    The norm beside `color` in the older weights is never used.
    """

    def __init__(self, width: int, norm: Norm, *, rngs):
        widths = (width, 2 * width, 4 * width, 8 * width, 8 * width)
        self.down = nnx.List(
            Level(inputs, outputs, norm, rngs=rngs)
            for inputs, outputs in zip((1, *widths[:-1]), widths, strict=True)
        )
        upwards = widths[::-1]
        self.up = nnx.List(
            Enlarge(inputs, outputs, norm, rngs=rngs)
            for inputs, outputs in itertools.pairwise(upwards)
        )
        self.color = _enlarging(width, 3, rngs=rngs)

    def encode(self, gray: Float[Array, "b h w c"]) -> tuple[Float[Array, "b _ _ _"], ...]:
        """All levels of a frame, the shallowest first.

        Keep them: three frames of a film need one new encoding each.

        Raises:
          ShapeError: not one channel, or sides that are no multiples of 32.
        """
        require_picture(gray, 1, multiple=DEEPEST, least=DEEPEST, what="gray picture")
        levels = [gray]
        for level in self.down:
            levels.append(level(levels[-1]))
        return tuple(levels[1:])

    def decode(
        self, deepest: Float[Array, "b h w c"], levels: tuple[Float[Array, "b _ _ _"], ...]
    ) -> Float[Array, "b p q 3"]:
        """Color before its hyperbolic tangent, from the joined features and the frame's levels."""
        x = deepest
        for place, (layer, level) in enumerate(zip(self.up, levels[-2::-1], strict=True)):
            x = self._attended(layer(x) + level, place)
        return self.color(x)

    def _attended(self, x: jax.Array, place: int) -> jax.Array:
        """`x` after the step `place` upwards."""
        del place
        return x


class PerFrameGenerator(_UNet):
    """The baseline: every frame for itself, batch norms.

    width: channels of the first level.
    """

    def __init__(self, width: int = WIDTH, *, rngs):
        super().__init__(width, BatchNorm, rngs=rngs)
        self.color_norm = BatchNorm(3)

    def __call__(self, gray: Float[Array, "b h w c"]) -> Float[Array, "b h w 3"]:
        """RGB -1..1.

        Raises:
          ShapeError: not one channel, or sides that are no multiples of 32.
        """
        return jnp.tanh(self.linear(gray))

    def linear(self, gray: Float[Array, "b h w c"]) -> Float[Array, "b h w 3"]:
        """Color before its hyperbolic tangent."""
        levels = self.encode(gray)
        return self.decode(levels[-1], levels)


class Neighborhood(nnx.Module):
    """Joins the deepest levels of three frames: an eighth, six eighths and an eighth."""

    def __init__(self, width: int, norm: Norm, *, rngs):
        def part(share: int) -> Pointwise:
            return Pointwise(8 * width, share * width, bias=False, initial=_INITIAL, rngs=rngs)

        self.before, self.now, self.after = part(1), part(6), part(1)
        self.norm = norm(8 * width)

    def __call__(
        self,
        now: Float[Array, "b h w c"],
        before: Float[Array, "b h w c"],
        after: Float[Array, "b h w c"],
    ) -> Float[Array, "b h w c"]:
        parts = [self.before(before), self.now(now), self.after(after)]
        return jax.nn.leaky_relu(self.norm(jnp.concatenate(parts, -1)), _SLOPE)


class ThreeFrameGenerator(_UNet):
    """Gray of a frame and of its two neighbors in, color of the frame out.

    `spare_color`, and the attentions without `attention`, belong to the published weights and
    are never used.

    width: channels of the first level.
    attention: whether the two largest levels on the way up attend to themselves; the larger of
      the two has a quarter of the pixels, and the cost grows with their square.
    """

    def __init__(self, width: int = WIDTH, *, attention: bool = False, rngs):
        norm = functools.partial(InstanceNorm, affine=True)
        super().__init__(width, norm, rngs=rngs)
        self.join = Neighborhood(width, norm, rngs=rngs)
        self.spare_color = _enlarging(width, 3, rngs=rngs)
        self.attentions = nnx.List(
            SelfAttention(channels, initial=_INITIAL, rngs=rngs) for channels in (2 * width, width)
        )
        self.attention = attention

    def __call__(
        self,
        now: Float[Array, "b h w c"],
        before: Float[Array, "..."],
        after: Float[Array, "..."],
    ) -> Float[Array, "b h w 3"]:
        """RGB -1..1 of `now`.

        Raises:
          ShapeError: not one channel, three sizes, sides that are no multiples of 32, or 32x32.
        """
        return jnp.tanh(self.linear(now, before, after))

    def linear(
        self,
        now: Float[Array, "b h w c"],
        before: Float[Array, "..."],
        after: Float[Array, "..."],
    ) -> Float[Array, "b h w 3"]:
        """Color before its hyperbolic tangent."""
        require_equal_size(now, before, what="the frame and the one before")
        require_equal_size(now, after, what="the frame and the one after")
        if now.shape[1:3] == (DEEPEST, DEEPEST):
            # An instance norm of one pixel leaves nothing of it.
            raise ShapeError(f"the frames are {DEEPEST}x{DEEPEST}; expected a side of 64 or more")
        return self.colored(self.encode(now), self.encode(before)[-1], self.encode(after)[-1])

    def colored(
        self,
        levels: tuple[Float[Array, "b _ _ _"], ...],
        before: Float[Array, "b p q d"],
        after: Float[Array, "b p q d"],
    ) -> Float[Array, "b h w 3"]:
        """As `linear`, from the frame's levels and the deepest ones of its neighbors."""
        return self.decode(self.join(levels[-1], before, after), levels)

    def _attended(self, x: jax.Array, place: int) -> jax.Array:
        attending = self.attention and place >= 2
        return self.attentions[place - 2](x) if attending else x


class OlderThreeFrameGenerator(_UNet):
    """The three-frame generator's first form: batch norms, no attention.

    width: channels of the first level.
    """

    def __init__(self, width: int = WIDTH, *, rngs):
        super().__init__(width, BatchNorm, rngs=rngs)
        self.join = Neighborhood(width, BatchNorm, rngs=rngs)
        self.color_norm = BatchNorm(3)

    def __call__(
        self,
        now: Float[Array, "b h w c"],
        before: Float[Array, "..."],
        after: Float[Array, "..."],
    ) -> Float[Array, "b h w 3"]:
        """RGB -1..1 of `now`.

        Raises:
          ShapeError: not one channel, three sizes, or sides that are no multiples of 32.
        """
        return jnp.tanh(self.linear(now, before, after))

    def linear(
        self,
        now: Float[Array, "b h w c"],
        before: Float[Array, "..."],
        after: Float[Array, "..."],
    ) -> Float[Array, "b h w 3"]:
        """Color before its hyperbolic tangent."""
        require_equal_size(now, before, what="the frame and the one before")
        require_equal_size(now, after, what="the frame and the one after")
        levels = self.encode(now)
        joined = self.join(levels[-1], self.encode(before)[-1], self.encode(after)[-1])
        return self.decode(joined, levels)


class PatchDiscriminator(nnx.Module):
    """Scores of overlapping patches of 70x70 pixels, with spectral norms.

    The attentions belong to the published weights and are used with `attention` only.

    width: channels of the first layer.
    attention: whether the third and fourth layers attend to themselves.
    as_published: spectral norms move in every call, also after `eval()`; two calls then differ.
    """

    def __init__(
        self,
        width: int = WIDTH,
        *,
        attention: bool = False,
        as_published: bool = False,
        rngs,
    ):
        def layer(inputs: int, outputs: int, stride: int, bias: bool = True) -> SpectralConv:
            return SpectralConv(
                inputs,
                outputs,
                4,
                stride=stride,
                padding=1,
                bias=bias,
                initial=_INITIAL,
                iterates_in_eval=as_published,
                rngs=rngs,
            )

        self.layers = nnx.List(
            [
                layer(3, width, 2),
                layer(width, 2 * width, 2),
                layer(2 * width, 4 * width, 2),
                layer(4 * width, 8 * width, 1),
            ]
        )
        self.scores = layer(8 * width, 1, 1, bias=False)
        self.attentions = nnx.List(
            SelfAttention(channels, initial=_INITIAL, rngs=rngs)
            for channels in (4 * width, 8 * width)
        )
        self.attention = attention

    def __call__(self, color: Float[Array, "b h w c"]) -> Float[Array, "b p q 1"]:
        """A map of unbounded scores at an eighth of the size, less two.

        Raises:
          ShapeError: not three channels, or a side below 24.
        """
        require_picture(color, 3, least=24, what="color picture")
        x = color
        for place, layer in enumerate(self.layers):
            x = jax.nn.leaky_relu(layer(x), _PATCH_SLOPE)
            if self.attention and place >= 2:
                x = self.attentions[place - 2](x)
        return self.scores(x)


class Verdict(NamedTuple):
    """One score per picture, (b, 1, 1, 1): `probability` is the sigmoid of `logit`."""

    probability: Array
    logit: Array


class WholeDiscriminator(nnx.Module):
    """One score of the whole picture, batch norms.

    The attentions belong to the published weights and are used with `attention` only.

    width: channels of the first layer.
    large: for pictures of 480x480 in place of 224x224.
    attention: whether the two deepest maps attend to themselves.
    """

    def __init__(self, width: int = WIDTH, *, large: bool = False, attention: bool = False, rngs):
        widths = (3, width, 2 * width, 4 * width, 8 * width, 8 * width)
        deep = widths[-1]
        self.down = nnx.List(
            Level(inputs, outputs, BatchNorm, rngs=rngs)
            for inputs, outputs in itertools.pairwise(widths)
        )
        self.side = 15 if large else 7
        self.whole = Conv(deep, deep, self.side, padding=0, bias=False, initial=_INITIAL, rngs=rngs)
        self.norm = BatchNorm(deep)
        self.score = Pointwise(deep, 1, bias=False, initial=_INITIAL, rngs=rngs)
        self.attentions = nnx.List(
            SelfAttention(deep, initial=_INITIAL, rngs=rngs) for _ in range(2)
        )
        self.attention = attention

    def __call__(self, color: Float[Array, "b h w c"]) -> Verdict:
        """Whether the picture is a true one.

        Raises:
          ShapeError: not three channels, or another size than the network is for.
        """
        require_picture(color, 3, what="color picture")
        side = DEEPEST * self.side
        if color.shape[1:3] != (side, side):
            height, width = color.shape[1:3]
            raise ShapeError(f"the color picture is {height}x{width}; expected {side}x{side}")
        x = color
        for level in self.down:
            x = level(x)
        x = self.attentions[0](x) if self.attention else x
        x = jax.nn.leaky_relu(self.norm(self.whole(x)), _SLOPE)
        x = self.attentions[1](x) if self.attention else x
        logit = self.score(x)
        return Verdict(jax.nn.sigmoid(logit), logit)
