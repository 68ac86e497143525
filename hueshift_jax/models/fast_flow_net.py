"""FastFlowNet: small and quick optical flow, coarse to fine.

A pyramid of features, at every level from stride 64 to 4 a warp by the flow so far, a correlation
thinned at its rim, and a decoder that adds to the flow.

Ranges: pictures are sRGB in blue, green, red order, 0..1, less the mean of each channel over both
pictures (`paired`). The flow is backward from the first picture to the second, in twentieths of a
pixel of the full size, at every level alike.

Source: ltkong218/FastFlowNet, commit 4841088, models/FastFlowNet_v2.py (`FastFlowNet`). The
correlation's mean is over the channels and warps sample at plain pixel coordinates, as there;
other files of that repository depend on the version of PyTorch or divide by 81. Departure: the
flows of all levels are returned after `eval()` too, because they cost nothing.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv, ConvTranspose
from hueshift_jax.nn.initial import Initial, kaiming_normal, zeros
from hueshift_jax.ops import warp
from hueshift_jax.ops.resample import average_pool
from hueshift_jax.ops.shapes import require_picture

FLOW_UNIT = 20.0
"""Pixels of the full size per unit of the network's flow."""
MULTIPLE = 64
"""Sides of the pictures are multiples of this."""
PYRAMID_WIDTHS = (16, 32, 64)
"""As published: the levels at strides 2, 4 and 8; further ones are pooled from the last."""
REDUCED_WIDTH = 32
DECODER_WIDTHS = (96, 64, 32)
"""As published: the first four layers, the fifth, the sixth."""
LEVELS = (2, 3, 4, 5, 6)
"""Level l has stride 2^l."""
_LAYERS = (2, 3, 3)
_SLOPE = 0.1
_RADIUS = 4
_INITIAL = Initial(kaiming_normal, zeros)


def _kept_channels() -> tuple[int, ...]:
    """Displacements up to 2 pixels, and beyond them every other one, as on a chessboard."""
    steps = range(-_RADIUS, _RADIUS + 1)
    return tuple(
        n
        for n, (dy, dx) in enumerate((dy, dx) for dy in steps for dx in steps)
        if max(abs(dx), abs(dy)) <= 2 or (dx + dy) % 2 == 0
    )


KEPT_CHANNELS = _kept_channels()
"""The 53 of 81 channels of the correlation that the decoders see."""


def _conv(inputs: int, outputs: int, *, stride: int = 1, groups: int = 1, rngs) -> Conv:
    """3x3, one row and column of zeros on every side, at stride 2 as well."""
    return Conv(
        inputs, outputs, 3, stride=stride, padding=1, groups=groups, initial=_INITIAL, rngs=rngs
    )


def _activated(conv: Conv, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
    return jax.nn.leaky_relu(conv(x), _SLOPE)


def shuffled(x: Float[Array, "b h w c"], groups: int) -> Float[Array, "b h w c"]:
    """The channels dealt out so that each next group of a grouped convolution sees all groups."""
    return x.reshape(*x.shape[:3], groups, -1).swapaxes(3, 4).reshape(x.shape)


class Decoder(nnx.Module):
    """Flow, or a correction of it, from cost volume, features and the flow so far."""

    def __init__(self, inputs: int, widths: tuple[int, int, int], groups: int, *, rngs):
        wide, fifth, sixth = widths
        steps = ((inputs, wide, 1), *((wide, wide, groups),) * 3, (wide, fifth, 1))
        self.layers = nnx.List(
            _conv(a, b, groups=g, rngs=rngs) for a, b, g in (*steps, (fifth, sixth, 1))
        )
        self.predict = _conv(sixth, 2, rngs=rngs)
        self.groups = groups

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w 2"]:
        for place, layer in enumerate(self.layers):
            x = _activated(layer, x)
            if place in (1, 2, 3):
                x = shuffled(x, self.groups)
        return self.predict(x)


class FastFlowNet(nnx.Module):
    """Two pictures in, flows at five levels out; sides are multiples of 64.

    `pyramid` goes from fine to coarse, as do `reduce` and `decoders` (levels 2 to 6) and `up`
    (from levels 3 to 6 to the next finer one).

    Args:
      groups: of the grouped convolutions; the published number is 3.
      widths: of the pyramid.
      reduced: features of the first picture that a decoder sees.
      decoder_widths: of the decoders.
    """

    def __init__(
        self,
        groups: int = 3,
        *,
        widths: tuple[int, int, int] = PYRAMID_WIDTHS,
        reduced: int = REDUCED_WIDTH,
        decoder_widths: tuple[int, int, int] = DECODER_WIDTHS,
        rngs,
    ):
        levels, inputs = [], 3
        for width, count in zip(widths, _LAYERS, strict=True):
            sizes = [(inputs, width, 2), *[(width, width, 1)] * (count - 1)]
            levels.append(nnx.List(_conv(a, b, stride=s, rngs=rngs) for a, b, s in sizes))
            inputs = width
        features = (widths[1], *(widths[2],) * 4)
        seen = len(KEPT_CHANNELS) + reduced + 2
        self.pyramid = nnx.List(levels)
        self.reduce = nnx.List(_conv(n, reduced, rngs=rngs) for n in features)
        self.up = nnx.List(
            ConvTranspose(2, 2, 4, stride=2, padding=1, initial=_INITIAL, rngs=rngs)
            for _ in LEVELS[1:]
        )
        self.decoders = nnx.List(Decoder(seen, decoder_widths, groups, rngs=rngs) for _ in LEVELS)

    def __call__(
        self,
        pair: Float[Array, "b h w c"],
        *,
        finest: int = LEVELS[0],
        begin: Callable[[int, jax.Array], jax.Array] | None = None,
    ) -> tuple[Float[Array, "b _ _ 2"], ...]:
        """The flows from stride 4 to stride 64, as `paired` pictures have them.

        finest: the level to stop at; 3 leaves out stride 4, which is most of the work.
        begin: (place in `LEVELS`, flow of the coarser level, enlarged) -> what the level begins
          with in its place.

        Raises:
          ShapeError: not six channels, or sides that are no multiples of 64.
        """
        require_picture(pair, 6, multiple=MULTIPLE, what="pair of pictures")
        both = self.features(jnp.concatenate([pair[..., :3], pair[..., 3:]]))
        flows, flow = [], None
        for place in reversed(range(LEVELS.index(finest), len(LEVELS))):
            first, second = jnp.split(both[place], 2)
            if flow is None:
                up = jnp.zeros((*first.shape[:3], 2))
                flow = self.decoders[place](self.seen(place, first, second, up))
            else:
                up = self.up[place](flow)
                up = up if begin is None else begin(place, up)
                moved = warp.warp(second, up * pixels_per_unit(LEVELS[place]))
                flow = self.decoders[place](self.seen(place, first, moved, up)) + up
            flows.insert(0, flow)
        return tuple(flows)

    def flow(
        self, target: Float[Array, "b h w c"], source: Float[Array, "b p q c"]
    ) -> Float[Array, "b h w 2"]:
        """Backward flow in pixels from `target` to `source`, sRGB 0..1 of any size, red first.

        Other sizes than multiples of 64 are resized to the next ones; the flow of stride 4 is
        resized once, to the size of the pictures, where the original takes two steps.

        Raises:
          ShapeError: the pictures are no two of one size.
        """

        def run(first, second):
            return self(paired(first, second))[0] * pixels_per_unit(LEVELS[0])

        return warp.flow_of_resized(run, target, source, MULTIPLE)

    def features(self, x: Float[Array, "b h w 3"]) -> list[Float[Array, "b _ _ _"]]:
        """The pyramid of one picture, levels 2 to 6."""
        found = []
        for level in self.pyramid:
            for layer in level:
                x = _activated(layer, x)
            found.append(x)
        for _ in LEVELS[2:]:
            found.append(average_pool(found[-1], 2))
        return found[1:]

    def seen(
        self,
        place: int,
        first: Float[Array, "b h w c"],
        moved: Float[Array, "b h w c"],
        up: Float[Array, "b h w 2"],
    ) -> Float[Array, "b h w d"]:
        """What the decoder at `place` sees."""
        volume = warp.correlation(first, moved, _RADIUS, kept=KEPT_CHANNELS)
        return jnp.concatenate([volume, _activated(self.reduce[place], first), up], -1)


def pixels_per_unit(level: int) -> float:
    """Pixels of level `level` per unit of the network's flow."""
    return FLOW_UNIT / 2**level


def paired(
    first: Float[Array, "b h w 3"], second: Float[Array, "b h w 3"]
) -> Float[Array, "b h w 6"]:
    """The network's input from two sRGB pictures, 0..1, red first."""
    mean = (jnp.mean(first, (1, 2), keepdims=True) + jnp.mean(second, (1, 2), keepdims=True)) / 2.0
    return jnp.concatenate([(first - mean)[..., ::-1], (second - mean)[..., ::-1]], -1)
