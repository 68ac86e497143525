"""Spectral convolutions against the singular value decomposition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.nn.spectral import SpectralConv

call = nnx.jit(lambda layer, x: layer(x))


@pytest.fixture
def x():
    return jax.random.normal(jax.random.key(0), (1, 6, 5, 3))


@pytest.fixture
def layer():
    return SpectralConv(3, 4, 3, padding=1, rngs=nnx.Rngs(0))


def matrix(layer):
    return np.asarray(layer.kernel[...]).transpose(3, 2, 0, 1).reshape(4, -1)


def test_converges_to_the_largest_singular_value(layer, x):
    left, values, right = np.linalg.svd(matrix(layer))
    for _ in range(60):
        y = call(layer, x)
    expected = layer.convolve(x, layer.kernel[...] / values[0]) + layer.bias[None, None, None]
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-4)
    assert abs(left[:, 0] @ layer.u[...]) > 0.999
    assert abs(right[0] @ layer.v[...]) > 0.999


def test_one_call_is_one_step(layer, x):
    w, u = matrix(layer), np.asarray(layer.u[...])
    y = call(layer, x)
    v = w.T @ u / np.linalg.norm(w.T @ u)
    u = w @ v / np.linalg.norm(w @ v)
    np.testing.assert_allclose(layer.v[...], v, atol=1e-6)
    np.testing.assert_allclose(layer.u[...], u, atol=1e-6)
    np.testing.assert_allclose(y, layer.convolve(x, layer.kernel[...] / (u @ w @ v)), atol=1e-5)


@pytest.mark.parametrize("iterates", [False, True])
def test_evaluation(x, iterates):
    layer = SpectralConv(3, 4, 3, iterates_in_eval=iterates, rngs=nnx.Rngs(0))
    layer.eval()
    before = np.asarray(layer.u[...])
    call(layer, x)
    assert np.any(before != layer.u[...]) == iterates


def test_gradients_pass_through_the_singular_value_with_fixed_vectors(layer, x):
    w = jnp.asarray(matrix(layer))
    call(layer, x)
    u, v = layer.u[...], layer.v[...]
    layer.eval()

    def normalized(matrix):
        return matrix / (u @ matrix @ v)

    def through(layer):
        return jnp.sum(jnp.sin(layer.kernel[...] / layer.sigma()))

    found = nnx.grad(through)(layer)["kernel"][...]
    expected = jax.grad(lambda w: jnp.sum(jnp.sin(normalized(w))))(w)
    expected = expected.reshape(4, 3, 3, 3).transpose(2, 3, 1, 0)
    np.testing.assert_allclose(found, expected, atol=1e-5)
