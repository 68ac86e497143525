"""Inception-v3: pooled features of a picture, and what an ImageNet classifier says of it.

Two variants of one set of names: torchvision's, and the one that Fréchet inception distances are
measured with (`fid=True`), whose pools differ and which has 1008 classes and no auxiliary head.

Input: RGB in -1..1, 299x299 as trained; any sides of at least 75.

Source: Szegedy et al. 2015 (1512.00567); pytorch/vision, torchvision/models/inception.py
(`Inception3`); mseitzer/pytorch-fid, commit 1232cd6, src/pytorch_fid/inception.py
(`fid_inception_v3`). Departures: no dropout before the classes; the auxiliary head, which only
training reads, is a method of its own.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.branches import (
    Chain,
    ConvNorm,
    Layer,
    Pool,
    halved,
    inner_mean,
    join,
    maximum,
    padded_mean,
)
from hueshift_jax.nn.conv import Linear
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.ops.shapes import require_picture

LEAST = 75
FID_CLASSES = 1008
_STEM = (Layer(32, 3, 2, 0), Layer(32, 3, 1, 0), Layer(64, 3), Layer(80, 1), Layer(192, 3, 1, 0))
_IMAGENET = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


class Maker(NamedTuple):
    """Makes layers of one network.

    divisor: all channels are divided by it.
    """

    divisor: int
    rngs: nnx.Rngs

    def layer(self, inputs: int, layer: Layer) -> ConvNorm:
        """One layer."""
        return ConvNorm(inputs, self._narrow(layer), rngs=self.rngs)

    def chain(self, inputs: int, *layers: Layer) -> Chain:
        """Layers one after another."""
        narrow = [self._narrow(layer) for layer in layers]
        return Chain(inputs, narrow, rngs=self.rngs)

    def _narrow(self, layer: Layer) -> Layer:
        return layer._replace(outputs=layer.outputs // self.divisor)


def _width(*branches: Chain | ConvNorm) -> int:
    return sum(branch.outputs for branch in branches)


class SmallBlock(nnx.Module):
    """1x1, 5x5 and 3x3 twice beside a pool, at 35x35.

    Args:
      pooled: channels of the pool's branch.
    """

    def __init__(self, make: Maker, inputs: int, pooled: int, pool: Pool):
        self.branch1x1 = make.layer(inputs, Layer(64))
        self.branch5x5 = make.chain(inputs, Layer(48), Layer(64, 5))
        self.branch3x3dbl = make.chain(inputs, Layer(64), Layer(96, 3), Layer(96, 3))
        self.branch_pool = make.layer(inputs, Layer(pooled))
        self.pool = pool
        self.outputs = _width(self.branch1x1, self.branch5x5, self.branch3x3dbl, self.branch_pool)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        return join(
            self.branch1x1(x),
            self.branch5x5(x),
            self.branch3x3dbl(x),
            self.branch_pool(self.pool(x)),
        )


class FirstReduction(nnx.Module):
    """From 35x35 to 17x17."""

    def __init__(self, make: Maker, inputs: int):
        self.branch3x3 = make.layer(inputs, Layer(384, 3, 2, 0))
        self.branch3x3dbl = make.chain(inputs, Layer(64), Layer(96, 3), Layer(96, 3, 2, 0))
        self.outputs = _width(self.branch3x3, self.branch3x3dbl) + inputs

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        return join(self.branch3x3(x), self.branch3x3dbl(x), halved(x))


class LongBlock(nnx.Module):
    """1x1, 7x7 and 7x7 twice, as rows and columns, beside a pool, at 17x17.

    Args:
      between: channels inside the 7x7 branches.
    """

    def __init__(self, make: Maker, inputs: int, between: int, pool: Pool):
        row, column = Layer(between, (1, 7)), Layer(between, (7, 1))
        last_row, last_column = (layer._replace(outputs=192) for layer in (row, column))
        self.branch1x1 = make.layer(inputs, Layer(192))
        self.branch7x7 = make.chain(inputs, Layer(between), row, last_column)
        self.branch7x7dbl = make.chain(inputs, Layer(between), column, row, column, last_row)
        self.branch_pool = make.layer(inputs, Layer(192))
        self.pool = pool
        self.outputs = _width(self.branch1x1, self.branch7x7, self.branch7x7dbl, self.branch_pool)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        return join(
            self.branch1x1(x),
            self.branch7x7(x),
            self.branch7x7dbl(x),
            self.branch_pool(self.pool(x)),
        )


class SecondReduction(nnx.Module):
    """From 17x17 to 8x8."""

    def __init__(self, make: Maker, inputs: int):
        last = Layer(192, 3, 2, 0)
        row, column = Layer(192, (1, 7)), Layer(192, (7, 1))
        self.branch3x3 = make.chain(inputs, Layer(192), Layer(320, 3, 2, 0))
        self.branch7x7x3 = make.chain(inputs, Layer(192), row, column, last)
        self.outputs = _width(self.branch3x3, self.branch7x7x3) + inputs

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        return join(self.branch3x3(x), self.branch7x7x3(x), halved(x))


class WideBlock(nnx.Module):
    """1x1 and two branches that end in a row and a column side by side, beside a pool, at 8x8."""

    def __init__(self, make: Maker, inputs: int, pool: Pool):
        row, column = Layer(384, (1, 3)), Layer(384, (3, 1))
        self.branch1x1 = make.layer(inputs, Layer(320))
        self.branch3x3 = make.layer(inputs, Layer(384))
        self.branch3x3_row = make.layer(self.branch3x3.outputs, row)
        self.branch3x3_column = make.layer(self.branch3x3.outputs, column)
        self.branch3x3dbl = make.chain(inputs, Layer(448), Layer(384, 3))
        self.branch3x3dbl_row = make.layer(self.branch3x3dbl.outputs, row)
        self.branch3x3dbl_column = make.layer(self.branch3x3dbl.outputs, column)
        self.branch_pool = make.layer(inputs, Layer(192))
        self.pool = pool
        self.outputs = _width(
            self.branch1x1,
            self.branch3x3_row,
            self.branch3x3_column,
            self.branch3x3dbl_row,
            self.branch3x3dbl_column,
            self.branch_pool,
        )

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        once, twice = self.branch3x3(x), self.branch3x3dbl(x)
        return join(
            self.branch1x1(x),
            self.branch3x3_row(once),
            self.branch3x3_column(once),
            self.branch3x3dbl_row(twice),
            self.branch3x3dbl_column(twice),
            self.branch_pool(self.pool(x)),
        )


class AuxiliaryHead(nnx.Module):
    """Classes from the features at 17x17, for training."""

    def __init__(self, make: Maker, inputs: int, classes: int):
        self.conv0 = make.layer(inputs, Layer(128))
        self.conv1 = make.layer(self.conv0.outputs, Layer(768, 5, 1, 0))
        self.fc = Linear(self.conv1.outputs, classes, initial=PYTORCH, rngs=make.rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b n"]:
        x = self.conv1(self.conv0(average_pool(x, 5, 3)))
        return self.fc(jnp.mean(x, (1, 2)))


class Classification(NamedTuple):
    """What the network says of a picture.

    features: (b, 2048), the mean over the last maps.
    logits: (b, classes).
    """

    features: Array
    logits: Array


class InceptionV3(nnx.Module):
    """Features and classes of a picture.

    Args:
      classes: how many; None stands for the variant's own number, 1000 or 1008.
      fid: the variant for Fréchet inception distances: means see the picture only, and the last
        block takes the largest values instead, by mistake but so are all published distances.
      auxiliary: whether there is an auxiliary head; None stands for the variant's own choice.
      from_imagenet: the input is normalized with ImageNet's statistics instead of -1..1.
      divisor: all other channels are divided by it.
    """

    def __init__(
        self,
        classes: int | None = None,
        *,
        fid: bool = False,
        auxiliary: bool | None = None,
        from_imagenet: bool = False,
        divisor: int = 1,
        rngs,
    ):
        classes = classes or (FID_CLASSES if fid else 1000)
        make, mean = Maker(divisor, rngs), inner_mean if fid else padded_mean
        self.before = make.chain(3, *_STEM[:3])
        self.after = make.chain(self.before.outputs, *_STEM[3:])
        self.small, inputs = nnx.List([]), self.after.outputs
        for pooled in (32, 64, 64):
            self.small.append(SmallBlock(make, inputs, pooled, mean))
            inputs = self.small[-1].outputs
        self.first_reduction = FirstReduction(make, inputs)
        self.long, inputs = nnx.List([]), self.first_reduction.outputs
        for between in (128, 160, 160, 192):
            self.long.append(LongBlock(make, inputs, between, mean))
            inputs = self.long[-1].outputs
        auxiliary = not fid if auxiliary is None else auxiliary
        self.auxiliary = AuxiliaryHead(make, inputs, classes) if auxiliary else None
        self.second_reduction = SecondReduction(make, inputs)
        self.wide, inputs = nnx.List([]), self.second_reduction.outputs
        for pool in (mean, maximum if fid else mean):
            self.wide.append(WideBlock(make, inputs, pool))
            inputs = self.wide[-1].outputs
        self.fc = Linear(inputs, classes, initial=PYTORCH, rngs=rngs)
        self.from_imagenet = from_imagenet

    def __call__(self, rgb: Float[Array, "b h w c"]) -> Classification:
        """Features and classes.

        Raises:
          ShapeError: no RGB picture, or a side below 75.
        """
        x = self.second_reduction(self.middle(rgb))
        for block in self.wide:
            x = block(x)
        features = jnp.mean(x, (1, 2))
        return Classification(features, self.fc(features))

    def middle(self, rgb: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        """The maps that the auxiliary head sees, 17x17 for a picture of 299x299."""
        require_picture(rgb, 3, least=LEAST)
        x = self._normalized(rgb) if self.from_imagenet else rgb
        x = halved(self.after(halved(self.before(x))))
        for block in self.small:
            x = block(x)
        x = self.first_reduction(x)
        for block in self.long:
            x = block(x)
        return x

    def _normalized(self, x: Float[Array, "b h w 3"]) -> Float[Array, "b h w 3"]:
        mean, deviation = (part[None, None, None] for part in _IMAGENET)
        return 2.0 * (x * deviation + mean) - 1.0


def fid_features(
    network: InceptionV3, rgb: Float[Array, "b h w c"], side: int = 299
) -> Float[Array, "b n"]:
    """Pooled features of RGB in 0..1 of any size, resized as pytorch-fid resizes.

    side: of the square that pictures become, bilinearly, without a filter against aliases.
    """
    require_picture(rgb, 3)
    shape = (rgb.shape[0], side, side, 3)
    resized = jax.image.resize(rgb, shape, "bilinear", antialias=False)
    return network(2.0 * resized - 1.0).features
