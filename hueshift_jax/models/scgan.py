"""SCGAN: gray to color with a saliency map beside it, and the critic of patches it plays against.

The generator halves the picture nine times, joins features of a second, VGG-like network at a
32nd of the size, and comes back with the encoder's maps at every level. A small network looks at
three levels of the way back and says what in the picture is salient. Every convolution, also of
the generator, is spectrally normalized and has no bias; every border is a reflection.

Ranges: gray 0..1; color 0..1; saliency as logits, of which the sigmoid is the map. The critic takes
gray and color of the same range, or gray and color times saliency; its scores are not bounded.

Source: zhaoyuzhi/Semantic-Colorization-GAN, commit e7e012b, train/network.py (`SCGAN`,
`SCGAN_val`, `PatchDiscriminator70`). Departures, undone by `as_published`: the tanh of the color
is moved from -1..1 to 0..1, the range of its targets, and the singular vectors stand still in
evaluation, where the original moves them with every call, so that its results depend on the
number of calls.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.initial import PYTORCH, normal
from hueshift_jax.nn.norm import BatchNorm
from hueshift_jax.nn.spectral import SpectralConv
from hueshift_jax.ops.convolution import conv_of_doubled
from hueshift_jax.ops.shapes import require_equal_size, require_picture

FEATURE_WIDTHS = (64, 128, 256, 512, 512)
"""Of the network for the features of the whole picture."""
_FEATURE_LAYERS = (2, 2, 3, 3, 4)
_SLOPE = 0.2


class Layer(nnx.Module):
    """Enlargement, convolution, norm, leaky rectifier; the first and the last two are optional.

    sides: rows and columns added on every side.
    enlarges: repeats every pixel 2x2 times first.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int = 3,
        *,
        stride: int = 1,
        sides: int = 1,
        enlarges: bool = False,
        normed: bool = True,
        rectified: bool = True,
        edge: str = "reflect",
        iterates_in_eval: bool = False,
        rngs,
    ):
        self.conv = SpectralConv(
            inputs,
            outputs,
            size,
            stride=stride,
            padding=sides,
            edge=edge,
            bias=False,
            initial=PYTORCH,
            iterates_in_eval=iterates_in_eval,
            rngs=rngs,
        )
        self.norm = BatchNorm(outputs) if normed else None
        if self.norm is not None:
            self.norm.scale[...] = 1.0 + normal(0.02)(rngs.params(), (outputs,), outputs)
        self.enlarges = enlarges
        self.rectified = rectified

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        if self.enlarges:
            y = conv_of_doubled(x, self.conv.normalized(), edge=self.conv.edge)
        else:
            y = self.conv(x)
        y = y if self.norm is None else self.norm(y)
        return jax.nn.leaky_relu(y, _SLOPE) if self.rectified else y


class GlobalFeatures(nnx.Module):
    """Features of the whole picture at a 32nd of its size: VGG-16 with strides for pools."""

    def __init__(self, inputs: int, widths: tuple[int, ...] = FEATURE_WIDTHS, *, layer=Layer, rngs):
        self.layers = nnx.List([])
        for width, count in zip(widths, _FEATURE_LAYERS, strict=True):
            for n in range(count):
                stride, first = (2 if n == count - 1 else 1), not self.layers
                self.layers.append(layer(inputs, width, stride=stride, normed=not first, rngs=rngs))
                inputs = width

    def __call__(self, gray: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        for layer in self.layers:
            gray = layer(gray)
        return gray


class SaliencyNetwork(nnx.Module):
    """Logits at full size from the maps at an eighth, a quarter and a half of it."""

    def __init__(self, inputs: tuple[int, int, int], width: int, *, layer=Layer, rngs):
        eighth, quarter, half = inputs
        self.from_eighth = nnx.List(
            [layer(n, width, enlarges=True, rngs=rngs) for n in (eighth, width)]
        )
        self.from_quarter = layer(quarter, width, enlarges=True, rngs=rngs)
        self.from_half = layer(half, width, rngs=rngs)
        self.joined = layer(3 * width, width, enlarges=True, rngs=rngs)
        self.final = layer(width, 1, normed=False, rectified=False, rngs=rngs)

    def __call__(
        self,
        eighth: Float[Array, "b _ _ _"],
        quarter: Float[Array, "b _ _ _"],
        half: Float[Array, "b h w _"],
    ) -> Float[Array, "b p q 1"]:
        first, second = self.from_eighth
        maps = second(first(eighth)), self.from_quarter(quarter), self.from_half(half)
        return self.final(self.joined(jnp.concatenate(maps, -1)))


class Prediction(NamedTuple):
    """What the generator says of a picture, at its full size.

    color: (b, h, w, 3), 0..1 (as published -1..1).
    saliency_logits: (b, h, w, 1), or None without a saliency network.
    """

    color: Array
    saliency_logits: Array | None

    @property
    def saliency(self) -> Array:
        """The map, 0..1."""
        return jax.nn.sigmoid(self.saliency_logits)


class ScganGenerator(nnx.Module):
    """Gray in, color and saliency out; sides are multiples of 256.

    inputs, outputs: channels of gray and color.
    width: channels at full size; eight times as many from an eighth of it on.
    saliency_width: channels of the saliency network.
    with_saliency: the published validation network has none.
    edge: what is added around a map, as `Conv` has it.
    as_published: see above.
    """

    def __init__(
        self,
        inputs: int = 1,
        outputs: int = 3,
        width: int = 64,
        *,
        saliency_width: int = 128,
        feature_widths: tuple[int, ...] = FEATURE_WIDTHS,
        with_saliency: bool = True,
        edge: str = "reflect",
        as_published: bool = False,
        rngs,
    ):
        layer = functools.partial(Layer, edge=edge, iterates_in_eval=as_published)
        w1, w2, w4, w8 = (width * n for n in (1, 2, 4, 8))
        self.features = GlobalFeatures(inputs, feature_widths, layer=layer, rngs=rngs)
        first = layer(inputs, w1, 7, sides=3, normed=False, rngs=rngs)
        pairs = ((w1, w2), (w2, w4), (w4, w8), (w8, w8), (w8, w8))
        pairs = (*pairs, (w8 + feature_widths[-1], w8), (w8, w8))
        halves = [layer(n, m, stride=2, rngs=rngs) for n, m in pairs]
        last = layer(w8, w8, stride=2, normed=False, rngs=rngs)
        self.down = nnx.List([first, *halves, last])
        outer = ((w8, w8), *((2 * w8, w8),) * 4, (2 * w8, w4), (2 * w4, w2), (2 * w2, w1))
        doubles = [layer(n, m, enlarges=True, rngs=rngs) for n, m in outer]
        final = layer(2 * w1, outputs, normed=False, rectified=False, rngs=rngs)
        self.up = nnx.List([*doubles, final])
        self.saliency = (
            SaliencyNetwork((w8, w4, w2), saliency_width, layer=layer, rngs=rngs)
            if with_saliency
            else None
        )
        self.as_published = as_published

    def __call__(self, gray: Float[Array, "b h w _"]) -> Prediction:
        require_picture(gray, self.down[0].conv.kernel.shape[2], multiple=256)
        features = self.features(gray)
        skips, x = [], gray
        for place, down in enumerate(self.down):
            if place == 6:
                x = jnp.concatenate([x, features], -1)
            x = down(x)
            skips.append(x)
        skips.pop()
        rising = []
        for up in self.up[:-1]:
            x = up(x)
            rising.append(x)
            x = jnp.concatenate([skips.pop(), x], -1)
        color = jnp.tanh(self.up[-1](x))
        logits = None if self.saliency is None else self.saliency(*rising[4:7])
        return Prediction(color if self.as_published else 0.5 * (color + 1.0), logits)


class ScganDiscriminator(nnx.Module):
    """Gray and color in, a score for every patch of 69x69 pixels (called 70x70) out.

    Any size from 17x17 on; 256x256 gives 30x30 scores.
    """

    def __init__(
        self,
        gray: int = 1,
        color: int = 3,
        width: int = 64,
        *,
        edge: str = "reflect",
        as_published: bool = False,
        rngs,
    ):
        layer = functools.partial(Layer, edge=edge, iterates_in_eval=as_published, rngs=rngs)
        pairs = ((width, 2 * width), (2 * width, 4 * width), (4 * width, 8 * width))
        self.blocks = nnx.List(
            [
                layer(gray + color, width, 7, sides=3, normed=False),
                *(layer(n, m, stride=2) for n, m in pairs),
            ]
        )
        self.final = nnx.List(
            [
                layer(8 * width, 8 * width, 4),
                layer(8 * width, 1, 4, normed=False, rectified=False),
            ]
        )

    def __call__(
        self, gray: Float[Array, "_ _ _ _"], color: Float[Array, "_ _ _ _"]
    ) -> Float[Array, "b p q 1"]:
        require_equal_size(gray, color, what="gray and color")
        x = jnp.concatenate([gray, color], -1)
        require_picture(x, self.blocks[0].conv.kernel.shape[2], least=17, what="gray with color")
        for layer in (*self.blocks, *self.final):
            x = layer(x)
        return x
