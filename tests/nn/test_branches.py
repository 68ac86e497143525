"""Inception's layers: pools at the border, chains, norms without a scale."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.nn import branches
from hueshift_jax.nn.branches import Chain, ConvNorm, Layer

ONES = jnp.ones((1, 4, 5, 2))


def test_means_at_the_border():
    np.testing.assert_allclose(branches.inner_mean(ONES), ONES, atol=1e-6)
    padded = branches.padded_mean(ONES)[0, :, :, 0]
    np.testing.assert_allclose(padded[0], np.array([4, 6, 6, 6, 4]) / 9, atol=1e-6)
    np.testing.assert_allclose(padded[1], np.array([6, 9, 9, 9, 6]) / 9, atol=1e-6)


def test_largest_values_do_not_see_the_border():
    np.testing.assert_array_equal(branches.maximum(-ONES), -ONES)
    assert branches.halved(jnp.ones((1, 17, 18, 1))).shape == (1, 8, 8, 1)


def test_a_layer_is_a_convolution_a_norm_and_a_rectifier(key):
    layer = ConvNorm(2, Layer(3), scaled=False, rngs=nnx.Rngs(0))
    layer.norm.bias[...] = jnp.array([0.5, -0.5, 0.0])
    layer.eval()
    convolved = ONES @ layer.conv.kernel[0, 0] / np.sqrt(1 + 1e-3)
    expected = jnp.maximum(convolved + layer.norm.bias[None, None, None], 0)
    np.testing.assert_allclose(layer(ONES), expected, atol=1e-6)
    assert layer.norm.scale is None


def test_chains():
    chain = Chain(2, [Layer(3), Layer(5, (1, 3)), Layer(4, 3, 2, 0)], rngs=nnx.Rngs(0))
    assert chain.outputs == 4
    assert chain(ONES).shape == (1, 1, 2, 4)
