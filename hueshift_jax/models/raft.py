"""RAFT: optical flow by all-pairs correlation and a recurrent update.

Features at an eighth of the size, the products of every pixel of the first picture with every
pixel of the second, and a recurrent cell that looks around its present guess and corrects it.

Ranges: pictures are sRGB, red first, 0..1. Flows are backward from the first picture to the
second, in pixels of their own grid: an eighth of the size, or the full one.

Source: princeton-vl/RAFT, commit 2888e15, core/{raft,corr,extractor,update}.py (`RAFT`, basic and
small). Departures: pictures are 0..1 where the original takes 0..255; levels of correlation that
are one pixel wide are read as any other, where the original divides by zero below 128 pixels;
features are pooled before the products are taken, not the products, which is the same.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv
from hueshift_jax.nn.initial import PYTORCH, Initial, fan_out_normal
from hueshift_jax.nn.norm import BatchNorm, InstanceNorm
from hueshift_jax.ops import warp
from hueshift_jax.ops.resample import resize_bilinear
from hueshift_jax.ops.shapes import require_equal_size, require_picture, require_shape

STRIDE = 8
"""Sides of the pictures are multiples of this."""
LEAST = 64
"""Smallest side: the coarsest level of the correlation keeps one pixel."""
ITERATIONS = 12
"""As published."""
_LEVELS = 4
_NEIGHBORS = 9
_MASK_SCALE = 0.25


class Sizes(NamedTuple):
    """What tells RAFT's variants apart.

    stages: widths of the encoders at strides 2, 4 and 8.
    bottleneck: whether the encoders' blocks have three convolutions.
    features: channels that are correlated.
    hidden, context: channels of the recurrent state and of what it always sees.
    radius: of the lookup, in pixels of each level.
    correlation, flow, motion: widths of the motion encoder.
    head: width of the heads.
    full: separable recurrent cell, normed context and learned upsampling (the small one: none).
    """

    stages: tuple[int, int, int] = (64, 96, 128)
    bottleneck: bool = False
    features: int = 256
    hidden: int = 128
    context: int = 128
    radius: int = 4
    correlation: tuple[int, ...] = (256, 192)
    flow: tuple[int, int] = (128, 64)
    motion: int = 126
    head: int = 256
    full: bool = True


BASIC = Sizes()
SMALL = Sizes(
    stages=(32, 64, 96),
    bottleneck=True,
    features=128,
    hidden=96,
    context=64,
    radius=3,
    correlation=(96,),
    flow=(64, 32),
    motion=80,
    head=128,
    full=False,
)


_ENCODER = Initial(fan_out_normal, PYTORCH.bias)


def _norm(kind: str, channels: int) -> nnx.Module | None:
    """kind: "instance", "batch" or "none"."""
    return {"instance": InstanceNorm, "batch": BatchNorm, "none": lambda n: None}[kind](channels)


def _normed(norm: nnx.Module | None, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    return x if norm is None else norm(x)


# -- Encoders ---------------------------------------------------------------------------------


class Block(nnx.Module):
    """Convolutions beside a shortcut, which is one too where the size changes."""

    def __init__(self, sizes: tuple[int, int], *, stride: int, bottleneck: bool, norm: str, rngs):
        inputs, outputs = sizes
        narrow = outputs // 4
        steps = (
            [(inputs, narrow, 1, 1), (narrow, narrow, 3, stride), (narrow, outputs, 1, 1)]
            if bottleneck
            else [(inputs, outputs, 3, stride), (outputs, outputs, 3, 1)]
        )
        self.convs = nnx.List(
            Conv(a, b, k, stride=s, padding=k // 2, initial=_ENCODER, rngs=rngs)
            for a, b, k, s in steps
        )
        self.norms = nnx.List(_norm(norm, b) for _, b, _, _ in steps)
        moves = stride > 1
        self.shortcut = (
            Conv(inputs, outputs, 1, stride=stride, padding=0, initial=_ENCODER, rngs=rngs)
            if moves
            else None
        )
        self.shortcut_norm = _norm(norm, outputs) if moves else None

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        y = x
        for conv, norm in zip(self.convs, self.norms, strict=True):
            y = jax.nn.relu(_normed(norm, conv(y)))
        if self.shortcut is not None:
            x = _normed(self.shortcut_norm, self.shortcut(x))
        return jax.nn.relu(x + y)


class Encoder(nnx.Module):
    """Features at an eighth of the size; two blocks per stage."""

    def __init__(self, sizes: Sizes, outputs: int, *, norm: str, rngs):
        stages = sizes.stages
        self.stem = Conv(3, stages[0], 7, stride=2, padding=3, initial=_ENCODER, rngs=rngs)
        self.norm = _norm(norm, stages[0])
        before, blocks = stages[0], []
        for place, width in enumerate(stages):
            for stride in (1 if place == 0 else 2, 1):
                blocks.append(
                    Block(
                        (before, width),
                        stride=stride,
                        bottleneck=sizes.bottleneck,
                        norm=norm,
                        rngs=rngs,
                    )
                )
                before = width
        self.blocks = nnx.List(blocks)
        self.project = Conv(before, outputs, 1, padding=0, initial=_ENCODER, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w 3"]) -> Float[Array, "b p q d"]:
        x = jax.nn.relu(_normed(self.norm, self.stem(x)))
        for block in self.blocks:
            x = block(x)
        return self.project(x)


# -- The recurrent update ---------------------------------------------------------------------


def _conv(inputs: int, outputs: int, size: int | tuple[int, int], *, rngs) -> Conv:
    """Zeros on every side, so that the size stays."""
    rows, columns = (size, size) if isinstance(size, int) else size
    return Conv(
        inputs, outputs, size, padding=(rows // 2, columns // 2), initial=PYTORCH, rngs=rngs
    )


class MotionEncoder(nnx.Module):
    """What is seen around the present flow, and the flow itself as the last two channels."""

    def __init__(self, sizes: Sizes, *, rngs):
        seen = _LEVELS * (2 * sizes.radius + 1) ** 2
        widths = (seen, *sizes.correlation)
        self.correlation = nnx.List(
            _conv(a, b, size, rngs=rngs) for a, b, size in zip(widths, widths[1:], (1, 3))
        )
        first, second = sizes.flow
        self.flow = nnx.List([_conv(2, first, 7, rngs=rngs), _conv(first, second, 3, rngs=rngs)])
        self.joined = _conv(widths[-1] + second, sizes.motion, 3, rngs=rngs)

    def __call__(
        self, seen: Float[Array, "b h w c"], flow: Float[Array, "b h w 2"]
    ) -> Float[Array, "b h w d"]:
        x, y = seen, flow
        for layer in self.correlation:
            x = jax.nn.relu(layer(x))
        for layer in self.flow:
            y = jax.nn.relu(layer(y))
        joined = jax.nn.relu(self.joined(jnp.concatenate([x, y], -1)))
        return jnp.concatenate([joined, flow], -1)


class GatedCell(nnx.Module):
    """A convolutional gated recurrent unit; `size` is that of its kernels."""

    def __init__(self, hidden: int, inputs: int, size: int | tuple[int, int], *, rngs):
        self.update = _conv(hidden + inputs, hidden, size, rngs=rngs)
        self.reset = _conv(hidden + inputs, hidden, size, rngs=rngs)
        self.candidate = _conv(hidden + inputs, hidden, size, rngs=rngs)

    def __call__(
        self, hidden: Float[Array, "b h w c"], x: Float[Array, "b h w d"]
    ) -> Float[Array, "b h w c"]:
        both = jnp.concatenate([hidden, x], -1)
        update, reset = jax.nn.sigmoid(self.update(both)), jax.nn.sigmoid(self.reset(both))
        candidate = jnp.tanh(self.candidate(jnp.concatenate([reset * hidden, x], -1)))
        return (1.0 - update) * hidden + update * candidate


class Head(nnx.Module):
    """Two convolutions; `size` is that of the second's kernel."""

    def __init__(self, inputs: int, width: int, outputs: int, size: int, *, rngs):
        self.layers = nnx.List(
            [_conv(inputs, width, 3, rngs=rngs), _conv(width, outputs, size, rngs=rngs)]
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        return self.layers[1](jax.nn.relu(self.layers[0](x)))


class Update(nnx.Module):
    """One correction of the flow.

    mask: weights of the learned upsampling, None in the small variant.
    """

    def __init__(self, sizes: Sizes, *, rngs):
        self.motion = MotionEncoder(sizes, rngs=rngs)
        kernels = ((1, 5), (5, 1)) if sizes.full else (3,)
        inputs = sizes.context + sizes.motion + 2
        self.cells = nnx.List(GatedCell(sizes.hidden, inputs, k, rngs=rngs) for k in kernels)
        self.flow_head = Head(sizes.hidden, sizes.head, 2, 3, rngs=rngs)
        weights = _NEIGHBORS * STRIDE**2
        self.mask = Head(sizes.hidden, sizes.head, weights, 1, rngs=rngs) if sizes.full else None

    def __call__(
        self,
        hidden: Float[Array, "b h w c"],
        context: Float[Array, "b h w d"],
        seen: Float[Array, "b h w e"],
        flow: Float[Array, "b h w 2"],
    ) -> tuple[Float[Array, "b h w c"], Float[Array, "b h w 2"]]:
        """The next hidden state, and the correction in pixels of an eighth of the size."""
        x = jnp.concatenate([context, self.motion(seen, flow)], -1)
        for cell in self.cells:
            hidden = cell(hidden, x)
        return hidden, self.flow_head(hidden)


# -- The network ------------------------------------------------------------------------------


class Motion(NamedTuple):
    """What RAFT says of two pictures.

    coarse: the last flow at an eighth of the size, (b, h/8, w/8, 2), in its pixels.
    flows: at the full size, (n, b, h, w, 2), one per iteration or the last alone.
    """

    coarse: Array
    flows: Array


class RAFT(nnx.Module):
    """Two pictures in, flows out; sides are multiples of 8 and at least 64.

    sizes: `BASIC` or `SMALL` as published.
    """

    def __init__(self, sizes: Sizes = BASIC, *, rngs):
        self.features = Encoder(sizes, sizes.features, norm="instance", rngs=rngs)
        self.context = Encoder(
            sizes, sizes.hidden + sizes.context, norm="batch" if sizes.full else "none", rngs=rngs
        )
        self.update = Update(sizes, rngs=rngs)
        self.sizes = sizes

    def __call__(
        self,
        first: Float[Array, "b h w c"],
        second: Float[Array, "n p q d"],
        iterations: int = ITERATIONS,
        *,
        start: Float[Array, "b _ _ 2"] | None = None,
        every: bool = False,
    ) -> Motion:
        """Estimates from `start`, a flow at an eighth of the size, or from no motion.

        every: gives the full flow after each iteration, as training needs it.

        Raises:
          ShapeError: other channels, sides too small or no multiples of 8, unequal sizes, a start
            of another size.
        """
        for x in (first, second):
            require_picture(x, 3, multiple=STRIDE, least=LEAST, what="picture")
        require_equal_size(first, second, what="the two pictures")
        first, second = 2.0 * first - 1.0, 2.0 * second - 1.0
        pyramid = self.correlations(first, second)
        known = self.context(first)
        hidden = jnp.tanh(known[..., : self.sizes.hidden])
        context = jax.nn.relu(known[..., self.sizes.hidden :])
        flow = jnp.zeros((*hidden.shape[:3], 2)) if start is None else start
        require_shape(flow, (*hidden.shape[:3], 2), what="start")

        def step(carry, _):
            hidden, flow = carry
            flow = jax.lax.stop_gradient(flow)
            seen = warp.look_up(pyramid, warp.positions(flow), self.sizes.radius)
            hidden, correction = self.update(hidden, context, seen, flow)
            flow = flow + correction
            return (hidden, flow), self.enlarged(flow, hidden) if every else None

        (hidden, flow), flows = jax.lax.scan(step, (hidden, flow), length=iterations)
        return Motion(flow, flows if every else self.enlarged(flow, hidden)[None])

    def correlations(
        self, first: Float[Array, "b h w 3"], second: Float[Array, "b h w 3"]
    ) -> list[Float[Array, "b _ _ _ _"]]:
        """The correlation pyramid of two pictures in -1..1."""
        both = self.features(jnp.concatenate([first, second]))
        return warp.correlation_pyramid(*jnp.split(both, 2), _LEVELS)

    def enlarged(
        self, flow: Float[Array, "b h w 2"], hidden: Float[Array, "b h w c"]
    ) -> Float[Array, "b p q 2"]:
        """The flow at the full size: by learned weights, or bilinear with fixed corners."""
        if self.update.mask is None:
            size = (STRIDE * flow.shape[1], STRIDE * flow.shape[2])
            return STRIDE * resize_bilinear(flow, size, align_corners=True)
        return convex_upsampled(flow, _MASK_SCALE * self.update.mask(hidden))

    def flow(
        self,
        target: Float[Array, "b h w c"],
        source: Float[Array, "b p q c"],
        iterations: int = ITERATIONS,
    ) -> Float[Array, "b h w 2"]:
        """Backward flow in pixels from `target` to `source`, sRGB 0..1 of any size.

        Borders are repeated on both sides up to the next sizes that the network takes.

        Raises:
          ShapeError: the pictures are no two of one size.
        """
        require_equal_size(target, source, what="the target and the source")
        size = target.shape[1:3]
        lacking = [max(-(-side // STRIDE) * STRIDE, LEAST) - side for side in size]
        pads = [(n // 2, n - n // 2) for n in lacking]
        first, second = (jnp.pad(x, ((0, 0), *pads, (0, 0)), mode="edge") for x in (target, source))
        flow = self(first, second, iterations).flows[-1]
        rows, columns = (slice(n, n + side) for (n, _), side in zip(pads, size))
        return flow[:, rows, columns]


def convex_upsampled(
    flow: Float[Array, "b h w 2"], weights: Float[Array, "b h w c"]
) -> Float[Array, "b p q 2"]:
    """The flow at eight times the size, each pixel a mixture of nine coarse neighbors.

    weights: logits; the channel is the neighbor (row by row), then the row and the column inside
      the cell.
    """
    b, h, w, _ = flow.shape
    shares = jax.nn.softmax(weights.reshape(b, h, w, _NEIGHBORS, STRIDE, STRIDE), 3)
    around = jnp.pad(STRIDE * flow, ((0, 0), (1, 1), (1, 1), (0, 0)))
    mixed = sum(
        shares[:, :, :, 3 * i + j, ..., None] * around[:, i : i + h, j : j + w, None, None]
        for i in range(3)
        for j in range(3)
    )
    return mixed.transpose(0, 1, 3, 2, 4, 5).reshape(b, STRIDE * h, STRIDE * w, 2)
