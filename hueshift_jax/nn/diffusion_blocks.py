"""Residual units with attention between them: what the HueShift diffusion networks are built of.

Source: Kazedaa/Hueshift-Video-Coloring, commit 4a32b61, models/blocks.py.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.attention import SelfAttention
from hueshift_jax.nn.conv import Conv, ConvTranspose, Linear, Pointwise
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.nn.norm import GroupNorm


class BlockKind(NamedTuple):
    """What all blocks of a network have in common.

    layers: units of a block.
    heads: of its attention, None for none.
    groups: of its norms.
    time_features: of the embedded time, None for a network without time.
    """

    layers: int
    heads: int | None
    groups: int
    time_features: int | None = None


class ResidualUnit(nnx.Module):
    """Two convolutions, the embedded time added in between, beside a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, kind: BlockKind, *, rngs):
        options = {"padding": 1, "initial": PYTORCH, "rngs": rngs}
        self.first_norm = GroupNorm(kind.groups, inputs)
        self.first_conv = Conv(inputs, outputs, 3, **options)
        features = kind.time_features
        self.time = Linear(features, outputs, initial=PYTORCH, rngs=rngs) if features else None
        self.second_norm = GroupNorm(kind.groups, outputs)
        self.second_conv = Conv(outputs, outputs, 3, **options)
        self.shortcut = Pointwise(inputs, outputs, initial=PYTORCH, rngs=rngs)

    def __call__(
        self, x: Float[Array, "b h w c"], time: Float[Array, "b t"] | None = None
    ) -> Float[Array, "b h w d"]:
        y = self.first_conv(jax.nn.silu(self.first_norm(x)))
        if self.time is not None:
            y = y + self.time(jax.nn.silu(time))[:, None, None]
        y = self.second_conv(jax.nn.silu(self.second_norm(y)))
        return y + self.shortcut(x)


class AttentionUnit(nnx.Module):
    """Every pixel attends to every pixel of its picture; the result is added."""

    def __init__(self, channels: int, kind: BlockKind, *, rngs):
        self.norm = GroupNorm(kind.groups, channels)
        self.attention = SelfAttention(channels, kind.heads, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        tokens = self.norm(x).reshape(x.shape[0], -1, x.shape[-1])
        return x + self.attention(tokens).reshape(x.shape)


class Stack(nnx.Module):
    """Residual units, each followed by an attention unit if the kind has heads."""

    def __init__(self, inputs: int, outputs: int, kind: BlockKind, *, rngs):
        widths = [inputs] + [outputs] * kind.layers
        self.units = nnx.List(
            [ResidualUnit(i, o, kind, rngs=rngs) for i, o in itertools.pairwise(widths)]
        )
        count = kind.layers if kind.heads else 0
        self.attentions = nnx.List([AttentionUnit(outputs, kind, rngs=rngs) for _ in range(count)])

    def run(
        self, x: Float[Array, "b h w c"], time: Float[Array, "b t"] | None
    ) -> Float[Array, "b h w d"]:
        """The units and attentions, in turn."""
        for place, unit in enumerate(self.units):
            x = unit(x, time)
            if self.attentions:
                x = self.attentions[place](x)
        return x


class DownBlock(Stack):
    """A stack, then half the size if `halved`."""

    def __init__(self, inputs: int, outputs: int, kind: BlockKind, *, halved: bool = True, rngs):
        super().__init__(inputs, outputs, kind, rngs=rngs)
        options = {"stride": 2, "padding": 1, "initial": PYTORCH, "rngs": rngs}
        self.halve = Conv(outputs, outputs, 4, **options) if halved else None

    def __call__(
        self, x: Float[Array, "b h w c"], time: Float[Array, "b t"] | None = None
    ) -> Float[Array, "b p q d"]:
        y = self.run(x, time)
        return y if self.halve is None else self.halve(y)


class MidBlock(nnx.Module):
    """A residual unit, then attention and residual units in turn."""

    def __init__(self, inputs: int, outputs: int, kind: BlockKind, *, rngs):
        widths = [inputs] + [outputs] * (kind.layers + 1)
        self.units = nnx.List(
            [ResidualUnit(i, o, kind, rngs=rngs) for i, o in itertools.pairwise(widths)]
        )
        self.attentions = nnx.List(
            [AttentionUnit(outputs, kind, rngs=rngs) for _ in range(kind.layers)]
        )

    def __call__(
        self, x: Float[Array, "b h w c"], time: Float[Array, "b t"] | None = None
    ) -> Float[Array, "b h w d"]:
        x = self.units[0](x, time)
        for place, attention in enumerate(self.attentions):
            x = self.units[place + 1](attention(x), time)
        return x


class UpBlock(Stack):
    """Twice the size if `doubled`, joined to what was skipped, then a stack.

    skipped: channels of what was skipped, 0 for none.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kind: BlockKind,
        *,
        skipped: int = 0,
        doubled: bool = True,
        rngs,
    ):
        super().__init__(inputs + skipped, outputs, kind, rngs=rngs)
        options = {"stride": 2, "padding": 1, "initial": PYTORCH, "rngs": rngs}
        self.double = ConvTranspose(inputs, inputs, 4, **options) if doubled else None

    def __call__(
        self,
        x: Float[Array, "b h w c"],
        time: Float[Array, "b t"] | None = None,
        skipped: Float[Array, "b p q s"] | None = None,
    ) -> Float[Array, "b p q d"]:
        if self.double is not None:
            x = self.double(x)
        if skipped is not None:
            x = jnp.concatenate([x, skipped], -1)
        return self.run(x, time)
