"""EfficientNet-Lite (0 to 4): an ImageNet classifier and the features of its stages.

No squeeze-and-excite, ReLU6 everywhere, TensorFlow's "same" padding. Batch norms are folded into
the convolutions (eps 1e-3): every convolution has a bias instead, which is exact for inference and
keeps the pretrained statistics fixed in training.

Input: gamma-encoded values 0..1, one channel (gray; the stem's three kernels are summed) or three
(RGB). Parameters: 6,092,072 for Lite2 as published with its classifier and norms.

Source: Tan and Le, "EfficientNet" (2019), lite variants of tensorflow/tpu; block list in
`STAGES`. Departure: folded norms.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv, Depthwise, Pointwise
from hueshift_jax.ops.shapes import require_picture

STAGES = (
    # kernel, stride, expansion, width, depth
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM_WIDTH = 32
HEAD_WIDTH = 1280


@dataclass(frozen=True)
class Variant:
    """Scaling of the base network and the picture size it was trained at."""

    width: float
    depth: float
    size: int


LITE0 = Variant(1.0, 1.0, 224)
LITE1 = Variant(1.0, 1.1, 240)
LITE2 = Variant(1.1, 1.2, 260)


@dataclass(frozen=True)
class BlockSpec:
    """One inverted residual block."""

    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int


def _round_width(width: float) -> int:
    """Multiples of 8, never more than a tenth below."""
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * width else rounded


def block_specs(variant: Variant) -> list[BlockSpec]:
    """The blocks in order; the first and the last stage are never deepened."""
    specs, inputs = [], STEM_WIDTH
    for n, (kernel, stride, expansion, width, depth) in enumerate(STAGES):
        outputs = _round_width(width * variant.width)
        fixed = n in (0, len(STAGES) - 1)
        for k in range(depth if fixed else math.ceil(depth * variant.depth)):
            specs.append(BlockSpec(kernel, stride if k == 0 else 1, expansion, inputs, outputs))
            inputs = outputs
    return specs


def relu6(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """min(max(x, 0), 6)."""
    return jnp.clip(x, 0.0, 6.0)


class InvertedResidual(nnx.Module):
    """1x1 expansion, depthwise filter, 1x1 projection; the input is added where shapes agree."""

    def __init__(self, spec: BlockSpec, *, frozen_depthwise: bool = False, rngs):
        width = spec.inputs * spec.expansion
        expands = spec.expansion > 1
        self.expand = Pointwise(spec.inputs, width, rngs=rngs) if expands else None
        self.filter = Depthwise(
            width, spec.kernel, stride=spec.stride, frozen=frozen_depthwise, rngs=rngs
        )
        self.project = Pointwise(width, spec.outputs, rngs=rngs)
        self.residual = spec.stride == 1 and spec.inputs == spec.outputs

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        y = x if self.expand is None else relu6(self.expand(x))
        y = self.project(relu6(self.filter(y)))
        return x + y if self.residual else y


class EfficientNetLite(nnx.Module):
    """The feature extractor.

    Args:
      variant: which scaling.
      channels: 1 for gray input, 3 for RGB.
      frozen_blocks: this many first blocks (and the stem) receive no gradient; -1 freezes nothing.
      frozen_depthwise: the depthwise filters receive no gradient.
      blocks: only so many first blocks; None takes all.
      finest: stride of the finest features, 2 or 4.
    """

    def __init__(
        self,
        variant: Variant = LITE2,
        channels: int = 1,
        *,
        blocks: int | None = None,
        finest: int = 4,
        frozen_blocks: int = -1,
        frozen_depthwise: bool = False,
        rngs,
    ):
        specs = block_specs(variant)[:blocks]
        self.channels = channels
        self.stem = Conv(channels, STEM_WIDTH, 3, stride=2, rngs=rngs)
        self.blocks = nnx.List(
            [InvertedResidual(s, frozen_depthwise=frozen_depthwise, rngs=rngs) for s in specs]
        )
        self.frozen_blocks = frozen_blocks
        before_stride = tuple(n for n, s in enumerate(specs[1:]) if s.stride == 2)
        self.taps = before_stride[finest // 4 :]
        self.tap_widths = (*(specs[n].outputs for n in self.taps), specs[-1].outputs)

    def __call__(self, x: Float[Array, "b h w c"]) -> list[Float[Array, "b p q d"]]:
        """Features at strides 4, 8, 16 and 32 (24, 48, 120 and 352 channels in Lite2).

        At stride 2 (16 channels) before them, if `finest` is 2.

        Raises:
          ShapeError: another number of channels.
        """
        require_picture(x, self.channels)
        x = relu6(self.stem((x * 255.0 - 127.0) / 128.0))
        features = []
        for n, block in enumerate(self.blocks):
            x = block(x)
            if n + 1 == self.frozen_blocks:
                x = jax.lax.stop_gradient(x)
            if n in self.taps:
                early = n + 1 < self.frozen_blocks
                features.append(jax.lax.stop_gradient(x) if early else x)
        return [*features, x]


class Classifier(nnx.Module):
    """EfficientNet-Lite with its ImageNet head: used to check converted weights."""

    def __init__(self, variant: Variant = LITE2, channels: int = 3, classes: int = 1000, *, rngs):
        self.features = EfficientNetLite(variant, channels, rngs=rngs)
        self.head = Pointwise(self.features.tap_widths[-1], HEAD_WIDTH, rngs=rngs)
        self.classes = nnx.Linear(HEAD_WIDTH, classes, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b n"]:
        """Class logits."""
        return self.classes(relu6(self.head(self.features(x)[-1])).mean((1, 2)))
