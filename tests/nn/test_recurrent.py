"""The convolutional memory against the equations."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.nn.recurrent import ConvLSTM


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_two_steps_by_hand():
    layer = ConvLSTM(2, 3, 1, rngs=nnx.Rngs(0))
    kernel = np.asarray(layer.gates.kernel[...])[0, 0]
    bias = np.asarray(layer.gates.bias[...])
    rng = np.random.default_rng(0)
    memory, output, cell = None, np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 3))
    for _ in range(2):
        x = rng.standard_normal((1, 2, 2, 2)).astype(np.float32)
        memory = layer(jnp.asarray(x), memory)
        gates = np.concatenate([x, output], -1) @ kernel + bias
        i, f, o, g = np.split(gates, 4, -1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        output = sigmoid(o) * np.tanh(cell)
        np.testing.assert_allclose(memory.cell, cell, atol=1e-6)
        np.testing.assert_allclose(memory.output, output, atol=1e-6)


def test_no_memory_is_an_empty_one():
    layer = ConvLSTM(2, 3, rngs=nnx.Rngs(0))
    x = jnp.ones((1, 4, 5, 2))
    np.testing.assert_array_equal(layer(x).output, layer(x, layer.start(1, 4, 5)).output)


def test_shapes():
    layer = ConvLSTM(2, 3, rngs=nnx.Rngs(0))
    with pytest.raises(ShapeError, match="expected"):
        layer(jnp.ones((1, 4, 5, 3)))
    with pytest.raises(ShapeError, match="memory"):
        layer(jnp.ones((1, 4, 5, 2)), layer.start(1, 5, 4))
    with pytest.raises(ShapeError, match="memory"):
        layer(jnp.ones((1, 4, 5, 2)), ConvLSTM(2, 4, rngs=nnx.Rngs(0)).start(1, 4, 5))
