"""PWC-Net: optical flow by pyramid, warping and cost volume, coarse to fine.

At every level from stride 64 to 4 the second picture's features are warped by the flow so far,
correlated with the first's, and a densely connected estimator predicts the flow anew; a context
network of dilated convolutions refines the last one.

Ranges: pictures are sRGB in blue, green, red order, 0..1. The flow is backward from the first
picture to the second, in twentieths of a pixel of the full size, at every level alike.

Source: NVlabs/PWC-Net, commit 07df6eb, PyTorch/models/PWCNet.py (`PWCDCNet`, and `PWCDCNet_old`
with two layers per pyramid level and another order of concatenation); sniklaus/pytorch-pwc,
commit fc21888, run.py (`Network`), the same network with other names. Departures: the mask of
warped pixels has one channel and one threshold by default, 0.999, where the sources have 0.9999,
0.999 and "above 0.999"; the flows of all levels are returned after `eval()` too.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv, ConvTranspose
from hueshift_jax.nn.initial import Initial, kaiming_normal, zeros
from hueshift_jax.ops import warp
from hueshift_jax.ops.shapes import require_picture

FLOW_UNIT = 20.0
"""Pixels of the full size per unit of the network's flow."""
MULTIPLE = 64
"""Sides of the pictures are multiples of this."""
PYRAMID_WIDTHS = (16, 32, 64, 96, 128, 196)
"""As published: strides 2 to 64."""
DENSE_WIDTHS = (128, 128, 96, 64, 32)
"""As published: the layers of an estimator."""
CONTEXT_WIDTHS = (128, 128, 128, 96, 64, 32)
LEVELS = (2, 3, 4, 5, 6)
"""Level l has stride 2^l."""
NEW_FIRST = (True, True, True, True, True)
"""Whether a layer's output stands before (or behind) what the next layer saw so far."""
OLD_NEW_FIRST = (False, True, False, False, False)
"""That of `PWCDCNet_old`."""
_DILATIONS = (1, 2, 4, 8, 16, 1)
_SLOPE = 0.1
_INITIAL = Initial(kaiming_normal, zeros)


def _activated(conv: Conv, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
    return jax.nn.leaky_relu(conv(x), _SLOPE)


def _conv(inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1, rngs) -> Conv:
    """3x3; zeros on every side, so that the stride alone changes the size."""
    return Conv(
        inputs,
        outputs,
        3,
        stride=stride,
        padding=dilation,
        dilation=dilation,
        initial=_INITIAL,
        rngs=rngs,
    )


def _doubling(inputs: int, *, rngs) -> ConvTranspose:
    """Two channels of twice the size."""
    return ConvTranspose(inputs, 2, 4, stride=2, padding=1, initial=_INITIAL, rngs=rngs)


class Estimator(nnx.Module):
    """Flow from what is known at one level, every layer seeing all before it.

    upflow: enlarges the flow for the next finer level, or belongs to published weights only.
    upfeat: enlarges the features for it; None at the finest level.
    """

    def __init__(
        self,
        inputs: int,
        widths: tuple[int, ...],
        new_first: tuple[bool, ...],
        *,
        upflow: bool,
        upfeat: bool,
        rngs,
    ):
        layers, seen = [], inputs
        for width in widths:
            layers.append(_conv(seen, width, rngs=rngs))
            seen += width
        self.layers = nnx.List(layers)
        self.predict = _conv(seen, 2, rngs=rngs)
        self.upflow = _doubling(2, rngs=rngs) if upflow else None
        self.upfeat = _doubling(seen, rngs=rngs) if upfeat else None
        self.new_first = new_first

    def __call__(
        self, x: Float[Array, "b h w c"]
    ) -> tuple[Float[Array, "b h w 2"], Float[Array, "b h w d"]]:
        """The flow and all features."""
        for layer, before in zip(self.layers, self.new_first, strict=True):
            new = _activated(layer, x)
            x = jnp.concatenate([new, x] if before else [x, new], -1)
        return self.predict(x), x


class PWCNet(nnx.Module):
    """Two pictures in, flows at five levels out; sides are multiples of 64.

    `pyramid` and `estimators` go from fine to coarse; the estimators begin with level 2.

    Args:
      radius: of the correlation, in pixels of each level.
      pyramid_layers: convolutions per level of the pyramid.
      new_first: see `NEW_FIRST`.
      threshold: how much of a warped pixel must come from inside the picture; else it is 0.
      spare_upflow: whether the finest estimator has an `upflow`, which nothing uses.
      widths: of the pyramid.
      dense_widths: of the estimators.
      context_widths: of the context network.
    """

    def __init__(
        self,
        radius: int = 4,
        *,
        pyramid_layers: int = 3,
        new_first: tuple[bool, ...] = NEW_FIRST,
        threshold: float = 0.999,
        spare_upflow: bool = True,
        widths: tuple[int, ...] = PYRAMID_WIDTHS,
        dense_widths: tuple[int, ...] = DENSE_WIDTHS,
        context_widths: tuple[int, ...] = CONTEXT_WIDTHS,
        rngs,
    ):
        levels, inputs = [], 3
        for width in widths:
            sizes = [(inputs, width, 2), *[(width, width, 1)] * (pyramid_layers - 1)]
            levels.append(nnx.List(_conv(a, b, stride=s, rngs=rngs) for a, b, s in sizes))
            inputs = width
        self.pyramid = nnx.List(levels)
        cost = (2 * radius + 1) ** 2
        finer = [cost + width + 4 for width in widths[1:-1]]
        self.estimators = nnx.List(
            Estimator(
                seen,
                dense_widths,
                new_first,
                upflow=place > 0 or spare_upflow,
                upfeat=place > 0,
                rngs=rngs,
            )
            for place, seen in enumerate([*finer, cost])
        )
        ends = [finer[0] + sum(dense_widths), *context_widths]
        self.context = nnx.List(
            _conv(a, b, dilation=d, rngs=rngs)
            for a, b, d in zip(ends, context_widths, _DILATIONS, strict=False)
        )
        self.refine = _conv(ends[-1], 2, rngs=rngs)
        self.radius = radius
        self.threshold = threshold

    def __call__(
        self,
        pair: Float[Array, "b h w c"],
        *,
        begin: Callable[[int, jax.Array], jax.Array] | None = None,
    ) -> tuple[Float[Array, "b _ _ 2"], ...]:
        """The flows from stride 4 to stride 64.

        begin: (place in `LEVELS`, flow of the coarser level, enlarged) -> what the level begins
          with in its place.

        Raises:
          ShapeError: not six channels, or sides that are no multiples of 64.
        """
        require_picture(pair, 6, multiple=MULTIPLE, what="pair of pictures")
        both = self.features(jnp.concatenate([pair[..., :3], pair[..., 3:]]))
        flows, flow, known = [], None, None
        for place in reversed(range(len(LEVELS))):
            first, second = jnp.split(both[place], 2)
            if flow is None:
                seen = self._cost(first, second)
            else:
                coarser = self.estimators[place + 1]
                up, feature = coarser.upflow(flow), coarser.upfeat(known)
                up = up if begin is None else begin(place, up)
                moved = self._moved(second, up * pixels_per_unit(LEVELS[place]))
                seen = jnp.concatenate([self._cost(first, moved), first, up, feature], -1)
            flow, known = self.estimators[place](seen)
            flows.insert(0, flow)
        return (flows[0] + self._correction(known), *flows[1:])

    def flow(
        self, target: Float[Array, "b h w c"], source: Float[Array, "b p q c"]
    ) -> Float[Array, "b h w 2"]:
        """Backward flow in pixels from `target` to `source`, sRGB 0..1 of any size, red first.

        Other sizes than multiples of 64 are resized to the next ones.

        Raises:
          ShapeError: the pictures are no two of one size.
        """

        def run(first, second):
            pair = jnp.concatenate([first[..., ::-1], second[..., ::-1]], -1)
            return self(pair)[0] * pixels_per_unit(LEVELS[0])

        return warp.flow_of_resized(run, target, source, MULTIPLE)

    def features(self, x: Float[Array, "b h w 3"]) -> list[Float[Array, "b _ _ _"]]:
        """The pyramid of one picture, levels 2 to 6."""
        found = []
        for level in self.pyramid:
            for layer in level:
                x = _activated(layer, x)
            found.append(x)
        return found[1:]

    def _cost(
        self, first: Float[Array, "b h w c"], second: Float[Array, "b h w c"]
    ) -> Float[Array, "b h w d"]:
        return jax.nn.leaky_relu(warp.correlation(first, second, self.radius), _SLOPE)

    def _moved(
        self, x: Float[Array, "b h w c"], flow: Float[Array, "b h w 2"]
    ) -> Float[Array, "b h w c"]:
        """Warped features, 0 where they came from outside."""
        return jnp.where(warp.is_inside(flow, self.threshold), warp.warp(x, flow), 0.0)

    def _correction(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w 2"]:
        for layer in self.context:
            x = _activated(layer, x)
        return self.refine(x)


def pixels_per_unit(level: int) -> float:
    """Pixels of level `level` per unit of the network's flow."""
    return FLOW_UNIT / 2**level
