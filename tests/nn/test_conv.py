"""Layers are their functions with parameters, and frozen filters stay."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.nn import conv
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.ops import convolution


@pytest.fixture
def x():
    return jnp.asarray(np.random.default_rng(0).standard_normal((2, 6, 5, 4)), jnp.float32)


@pytest.mark.parametrize(("stride", "bias"), [(1, True), (2, False)])
def test_conv(x, stride, bias):
    layer = conv.Conv(4, 3, 3, stride=stride, bias=bias, rngs=nnx.Rngs(0))
    expected = convolution.conv(x, layer.kernel[...], stride)
    if bias:
        layer.bias[...] = jnp.array([1.0, 2.0, 3.0])
        expected = expected + jnp.array([1.0, 2.0, 3.0])[None, None, None]
    np.testing.assert_allclose(layer(x), expected, atol=1e-6)
    assert (layer.bias is not None) == bias


@pytest.mark.parametrize("bias", [True, False])
def test_pointwise(x, bias):
    layer = conv.Pointwise(4, 3, bias=bias, rngs=nnx.Rngs(0))
    expected = np.einsum("bhwc,cd->bhwd", x, layer.kernel[...])
    if bias:
        layer.bias[...] = jnp.array([1.0, 2.0, 3.0])
        expected = expected + np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize("frozen", [False, True])
def test_depthwise(x, frozen):
    layer = conv.Depthwise(4, 3, stride=2, frozen=frozen, rngs=nnx.Rngs(0))
    layer.bias[...] = jnp.arange(4.0)
    expected = convolution.depthwise(x, layer.kernel[...], 2) + jnp.arange(4.0)[None, None, None]
    np.testing.assert_allclose(layer(x), expected, atol=1e-6)
    gradients = nnx.grad(lambda layer: jnp.sum(layer(x) ** 2))(layer)
    assert bool(jnp.any(gradients["kernel"][...] != 0)) != frozen
    assert jnp.any(gradients["bias"][...] != 0)


def test_conv_block(x):
    block = conv.ConvBlock(4, 3, rngs=nnx.Rngs(0))
    block.train()
    y = block(x)
    normed = convolution.conv(x, block.conv.kernel[...])
    mean, spread = normed.mean((0, 1, 2)), normed.std((0, 1, 2))
    expected = np.maximum((normed - mean[None, None, None]) / spread[None, None, None], 0)
    np.testing.assert_allclose(y, expected, atol=1e-3)
    np.testing.assert_allclose(block.norm.mean[...], 0.01 * mean, atol=1e-5)
    block.eval()
    before = np.asarray(block.norm.mean[...])
    np.testing.assert_array_equal(block(x), block(x))
    np.testing.assert_array_equal(block.norm.mean[...], before)


@pytest.mark.parametrize("size", [(6, 8), (5, 7)])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_pad_every_side(size, stride):
    layer = conv.Conv(2, 3, 3, stride=stride, padding=1, initial=PYTORCH, rngs=nnx.Rngs(0))
    x = np.random.default_rng(0).standard_normal((1, *size, 2)).astype(np.float32)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    found = np.asarray(layer(jnp.asarray(x)))
    for i, j in np.ndindex(found.shape[1:3]):
        window = padded[0, i * stride : i * stride + 3, j * stride : j * stride + 3]
        expected = np.einsum("ijc,ijcd->d", window, layer.kernel[...]) + layer.bias[...]
        np.testing.assert_allclose(found[0, i, j], expected, atol=1e-5)
    assert found.shape[1:3] == tuple(-(-n // stride) for n in size)


def test_convolutions_begin_within_the_bound():
    layer = conv.Conv(4, 64, 3, initial=PYTORCH, rngs=nnx.Rngs(0))
    bound = 1 / 6
    for values in (np.asarray(layer.kernel[...]), np.asarray(layer.bias[...])):
        assert 0.9 * bound < np.abs(values).max() <= bound
