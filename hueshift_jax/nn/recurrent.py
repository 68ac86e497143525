"""Convolutional long short-term memory, NHWC float32."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.ops.shapes import require_equal_size, require_picture, require_shape


class PictureMemory(NamedTuple):
    """What a step hands to the next: the output and the cell, each (b, h, w, c)."""

    output: Array
    cell: Array


class ConvLSTM(nnx.Module):
    """One convolution makes all gates, in the order input, forget, output, cell.

    inputs: channels of the input.
    hidden: channels of the output and of the cell.
    size: of the kernel, odd.

    Source: Shi et al. 2015 without the peepholes; phoenix104104/fast_blind_video_consistency:
    networks/ConvLSTM.py, commit bce0c7e.
    """

    def __init__(self, inputs: int, hidden: int, size: int = 3, *, rngs):
        self.gates = Conv(
            inputs + hidden, 4 * hidden, size, padding=size // 2, initial=PYTORCH, rngs=rngs
        )
        self.inputs = inputs
        self.hidden = hidden

    def start(self, batch: int, height: int, width: int) -> PictureMemory:
        """The memory before the first step: zeros."""
        nothing = jnp.zeros((batch, height, width, self.hidden))
        return PictureMemory(nothing, nothing)

    def __call__(
        self, x: Float[Array, "b h w c"], memory: PictureMemory | None = None
    ) -> PictureMemory:
        """The memory after `x`; without one, after `x` alone.

        Raises:
          ShapeError: the channels are others, or the memory is of another size.
        """
        require_picture(x, self.inputs)
        if memory is None:
            memory = self.start(*x.shape[:3])
        require_shape(memory.cell, (None, None, None, self.hidden), what="memory")
        require_equal_size(x, memory.cell, what="the input and the memory")
        gates = self.gates(jnp.concatenate([x, memory.output], -1))
        taken, kept, shown, proposed = jnp.split(gates, 4, -1)
        cell = jax.nn.sigmoid(kept) * memory.cell + jax.nn.sigmoid(taken) * jnp.tanh(proposed)
        return PictureMemory(jax.nn.sigmoid(shown) * jnp.tanh(cell), cell)
