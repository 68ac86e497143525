"""The recurrent layer against its equations, with both kinds of gates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.nn.lstm import LSTM, hard_sigmoid


def test_hard_sigmoid():
    x = jnp.array([-3.0, -2.5, -1.0, 0.0, 1.0, 2.5, 3.0])
    np.testing.assert_allclose(hard_sigmoid(x), [0, 0, 0.3, 0.5, 0.7, 1, 1], atol=1e-7)


def slow(layer, x, gate):
    """One sequence, one step and one gate after another."""
    kernel, bias = np.asarray(layer.input.kernel[...]), np.asarray(layer.input.bias[...])
    recurrent, units = np.asarray(layer.recurrent.kernel[...]), layer.units
    output, cell, outputs = np.zeros(units), np.zeros(units), []
    for step in x:
        z = step @ kernel + output @ recurrent + bias
        i, f, g, o = (z[n * units : (n + 1) * units] for n in range(4))
        cell = gate(f) * cell + gate(i) * np.tanh(g)
        output = gate(o) * np.tanh(cell)
        outputs.append(output)
    return np.stack(outputs)


GATES = {
    "hard": (hard_sigmoid, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
    "smooth": (jax.nn.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
}


@pytest.mark.parametrize("kind", GATES)
def test_equals_its_equations(kind, key):
    gate, plain = GATES[kind]
    layer = LSTM(5, 3, gate=gate, rngs=nnx.Rngs(0))
    layer.input.bias[...] = jax.random.normal(key, (12,))
    x = 2 * jax.random.normal(key, (2, 4, 5))
    expected = np.stack([slow(layer, np.asarray(sequence), plain) for sequence in x])
    np.testing.assert_allclose(layer(x), expected, atol=1e-6)


def test_steps_equal_the_sequence(key):
    layer = LSTM(4, 3, rngs=nnx.Rngs(0))
    x = jax.random.normal(key, (2, 5, 4))
    memory, outputs = layer.start(2), []
    for n in range(5):
        memory = layer.step(memory, x[:, n])
        outputs.append(memory.output)
    np.testing.assert_allclose(layer(x), jnp.stack(outputs, 1), atol=1e-6)


def test_begins_with_open_forget_gates_and_an_orthogonal_recurrence():
    layer = LSTM(4, 3, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(layer.input.bias[...], [0] * 3 + [1] * 3 + [0] * 6)
    rows = np.asarray(layer.recurrent.kernel[...])
    np.testing.assert_allclose(rows @ rows.T, np.eye(3), atol=1e-5)
