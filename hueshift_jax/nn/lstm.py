"""Long short-term memory over a sequence of vectors."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Linear
from hueshift_jax.nn.initial import GLOROT, Initial, orthogonal, zeros

Gate = Callable[[jax.Array], jax.Array]
"""What opens and closes the gates: from any number to 0..1."""


def hard_sigmoid(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """0.2 x + 0.5 cut to 0..1: the gates of Keras before TensorFlow 2.

    `jax.nn.hard_sigmoid`, like that of Keras 3 and PyTorch, is another function: it has the slope
    1/6.
    """
    return jnp.clip(0.2 * x + 0.5, 0.0, 1.0)


class Memory(NamedTuple):
    """What a step hands to the next: the output and the cell, each (b, units)."""

    output: Array
    cell: Array


class LSTM(nnx.Module):
    """One layer; the gates stand in the order input, forget, cell, output, as Keras has them.

    gate: `hard_sigmoid`, or `jax.nn.sigmoid` as PyTorch and Keras since TensorFlow 2 have it.
    """

    def __init__(self, inputs: int, units: int, *, gate: Gate = jax.nn.sigmoid, rngs):
        self.input = Linear(inputs, 4 * units, initial=GLOROT, rngs=rngs)
        self.recurrent = Linear(
            units, 4 * units, bias=False, initial=Initial(orthogonal, zeros), rngs=rngs
        )
        # A forget gate that begins open: Keras' `unit_forget_bias`.
        self.input.bias[...] = self.input.bias[...].at[units : 2 * units].set(1.0)
        self.units = units
        self.gate = gate

    def start(self, batch: int) -> Memory:
        """The memory before the first step: zeros."""
        nothing = jnp.zeros((batch, self.units))
        return Memory(nothing, nothing)

    def step(self, memory: Memory, x: Float[Array, "b c"]) -> Memory:
        """The memory after `x`."""
        return self._advance(memory, self.input(x))

    def __call__(self, x: Float[Array, "b t c"]) -> Float[Array, "b t u"]:
        """The outputs of all steps, from an empty memory."""
        memory, outputs = self.start(x.shape[0]), []
        for driven in jnp.moveaxis(self.input(x), 1, 0):
            memory = self._advance(memory, driven)
            outputs.append(memory.output)
        return jnp.stack(outputs, 1)

    def _advance(self, memory: Memory, driven: Float[Array, "b d"]) -> Memory:
        """One step, given the input's share of the gates."""
        enter, keep, candidate, leave = jnp.split(driven + self.recurrent(memory.output), 4, -1)
        cell = self.gate(keep) * memory.cell + self.gate(enter) * jnp.tanh(candidate)
        return Memory(self.gate(leave) * jnp.tanh(cell), cell)
