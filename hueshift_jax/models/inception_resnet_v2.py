"""Inception-ResNet-v2: what an ImageNet classifier says of a picture.

Input: RGB in -1..1, 299x299 as trained; any sides of at least 75. Output: the values before the
softmax.

Source: Szegedy et al. 2016 (1602.07261); keras.applications/inception_resnet_v2.py, Keras 3.15.1
(`InceptionResNetV2`). Published: 55,873,736 numbers, of which 60,544 are running statistics.
Departure: the residual blocks of one kind can be compiled once and run many times (`steps`).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.branches import Chain, ConvNorm, Layer, halved, inner_mean, join
from hueshift_jax.nn.conv import Linear, Pointwise
from hueshift_jax.nn.initial import GLOROT
from hueshift_jax.ops.shapes import require_picture

REPEATS = (10, 20, 10)
"""As published: residual blocks at 35x35, 17x17 and 8x8."""
LEAST = 75

_STEM = (Layer(32, 3, 2, 0), Layer(32, 3, 1, 0), Layer(64, 3), Layer(80, 1), Layer(192, 3, 1, 0))
_MIXED_5B = ((Layer(96),), (Layer(48), Layer(64, 5)), (Layer(64), Layer(96, 3), Layer(96, 3)))
_MIXED_5B_POOLED = Layer(64)
_MIXED_6A = ((Layer(384, 3, 2, 0),), (Layer(256), Layer(256, 3), Layer(384, 3, 2, 0)))
_MIXED_7A = (
    (Layer(256), Layer(384, 3, 2, 0)),
    (Layer(256), Layer(288, 3, 2, 0)),
    (Layer(256), Layer(288, 3), Layer(320, 3, 2, 0)),
)
_CONV_7B = Layer(1536)


_KERAS = {"scaled": False, "initial": GLOROT}
"""Of every layer with a norm."""


class _Kind(NamedTuple):
    """One kind of residual block."""

    scale: float
    branches: tuple[tuple[Layer, ...], ...]


_BLOCK35 = _Kind(
    0.17, ((Layer(32),), (Layer(32), Layer(32, 3)), (Layer(32), Layer(48, 3), Layer(64, 3)))
)
_BLOCK17 = _Kind(0.1, ((Layer(192),), (Layer(128), Layer(160, (1, 7)), Layer(192, (7, 1)))))
_BLOCK8 = _Kind(0.2, ((Layer(192),), (Layer(192), Layer(224, (1, 3)), Layer(256, (3, 1)))))


def _scaled(layers: Sequence[Layer], width: float) -> list[Layer]:
    return [layer._replace(outputs=math.ceil(layer.outputs * width)) for layer in layers]


class Branches(nnx.Module):
    """Chains that see the same input, their outputs joined."""

    def __init__(self, inputs: int, branches: Sequence[Sequence[Layer]], *, width: float, rngs):
        self.chains = nnx.List(
            [Chain(inputs, _scaled(b, width), **_KERAS, rngs=rngs) for b in branches]
        )
        self.outputs = sum(_scaled(b, width)[-1].outputs for b in branches)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        return join(*(chain(x) for chain in self.chains))


class Residual(nnx.Module):
    """x + scale * (a 1x1 layer on the branches), rectified unless it is the last block.

    Args:
      channels: of the input and the output.
      kind: branches and scale.
      last: the scale is 1 and nothing is rectified.
      width: all channels are multiplied by it.
    """

    def __init__(self, channels: int, kind: _Kind, *, last: bool = False, width: float, rngs):
        self.branches = Branches(channels, kind.branches, width=width, rngs=rngs)
        self.up = Pointwise(self.branches.outputs, channels, initial=GLOROT, rngs=rngs)
        self.scale = 1.0 if last else kind.scale
        self.last = last

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        y = x + self.scale * self.up(self.branches(x))
        return y if self.last else jax.nn.relu(y)


class Stem(nnx.Module):
    """Five layers and two pools, then the first mixed block: 299x299 becomes 35x35."""

    def __init__(self, *, width: float, rngs):
        stem = _scaled(_STEM, width)
        inputs = stem[-1].outputs
        self.before = Chain(3, stem[:3], **_KERAS, rngs=rngs)
        self.after = Chain(stem[2].outputs, stem[3:], **_KERAS, rngs=rngs)
        self.mixed = Branches(inputs, _MIXED_5B, width=width, rngs=rngs)
        pooled = _scaled([_MIXED_5B_POOLED], width)[0]
        self.pooled = ConvNorm(inputs, pooled, **_KERAS, rngs=rngs)
        self.outputs = self.mixed.outputs + pooled.outputs

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        x = halved(self.after(halved(self.before(x))))
        return join(self.mixed(x), self.pooled(inner_mean(x)))


class Reduction(nnx.Module):
    """Branches of stride 2 beside a pool."""

    def __init__(self, inputs: int, branches: Sequence[Sequence[Layer]], *, width: float, rngs):
        self.branches = Branches(inputs, branches, width=width, rngs=rngs)
        self.outputs = self.branches.outputs + inputs

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        return join(self.branches(x), halved(x))


class Head(nnx.Module):
    """A last 1x1 layer, the mean over the picture, the classes."""

    def __init__(self, inputs: int, classes: int, *, width: float, rngs):
        layer = _scaled([_CONV_7B], width)[0]
        self.conv = ConvNorm(inputs, layer, **_KERAS, rngs=rngs)
        self.predictions = Linear(layer.outputs, classes, initial=GLOROT, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b n"]:
        return self.predictions(jnp.mean(self.conv(x), (1, 2)))


Step = Callable[[nnx.Module, jax.Array], jax.Array]
"""Runs one part of the network on the output of the part before."""


def run_part(part: nnx.Module, x: jax.Array) -> jax.Array:
    """`part(x)`."""
    return part(x)


class InceptionResNetV2(nnx.Module):
    """Class values of a picture.

    Args:
      classes: how many.
      width: all other channels are multiplied by it, rounded up.
      repeats: residual blocks of each kind.
    """

    def __init__(
        self,
        classes: int = 1000,
        *,
        width: float = 1.0,
        repeats: tuple[int, int, int] = REPEATS,
        rngs,
    ):
        def residual(channels, kind, count, final=False):
            return nnx.List(
                [
                    Residual(channels, kind, last=final and n == count - 1, width=width, rngs=rngs)
                    for n in range(count)
                ]
            )

        self.stem = Stem(width=width, rngs=rngs)
        self.block35 = residual(self.stem.outputs, _BLOCK35, repeats[0])
        self.mixed_6a = Reduction(self.stem.outputs, _MIXED_6A, width=width, rngs=rngs)
        self.block17 = residual(self.mixed_6a.outputs, _BLOCK17, repeats[1])
        self.mixed_7a = Reduction(self.mixed_6a.outputs, _MIXED_7A, width=width, rngs=rngs)
        self.block8 = residual(self.mixed_7a.outputs, _BLOCK8, repeats[2], final=True)
        self.head = Head(self.mixed_7a.outputs, classes, width=width, rngs=rngs)

    def __call__(self, rgb: Float[Array, "b h w c"]) -> Float[Array, "b n"]:
        """Values before the softmax.

        Raises:
          ShapeError: no RGB picture, or a side below 75.
        """
        *_, (_, values) = self.steps(rgb)
        return values

    def steps(
        self, rgb: Float[Array, "b h w c"], run: Step = run_part
    ) -> Iterator[tuple[str, Float[Array, "..."]]]:
        """The name and the output of every part in order; the last one's are the values.

        run: with `nnx.jit(run_part)` blocks of one kind share one compiled program, which halves
          the time until the first result.
        """
        require_picture(rgb, 3, least=LEAST)
        x = rgb
        for name, part in self._parts():
            x = run(part, x)
            yield name, x

    def _parts(self) -> Iterator[tuple[str, nnx.Module]]:
        yield "mixed_5b", self.stem
        yield from (("block35", block) for block in self.block35)
        yield "mixed_6a", self.mixed_6a
        yield from (("block17", block) for block in self.block17)
        yield "mixed_7a", self.mixed_7a
        yield from (("block8", block) for block in self.block8)
        yield "predictions", self.head
