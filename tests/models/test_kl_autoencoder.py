"""The latent autoencoder at small widths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.kl_autoencoder import KLAutoencoder
from tests.models.weights import filled, quick_compilation


@pytest.fixture(scope="module")
def network():
    options = {"widths": (2, 4), "layers": 1, "groups": 2}
    return filled(lambda: KLAutoencoder(**options, rngs=nnx.Rngs(0)))


def test_the_published_size():
    made = nnx.eval_shape(lambda: KLAutoencoder(rngs=nnx.Rngs(0)))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(made))) == 83_653_863


def test_every_level_but_the_last_halves(network):
    x = jnp.ones((2, 8, 12, 3))
    found = nnx.eval_shape(lambda net: (net.encode(x).mean, net(x)), network)
    assert [y.shape for y in found] == [(2, 4, 6, 4), x.shape]


def test_zeros_are_added_at_the_bottom_and_right(network):
    layer = network.encoder.levels[0].resize
    x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 4, 6, 2)), jnp.float32)
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
    found = layer(x)
    for i, j in np.ndindex(2, 3):
        window = padded[0, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        expected = np.einsum("ijc,ijcd->d", window, layer.kernel[...]) + layer.bias[...]
        np.testing.assert_allclose(found[0, i, j], expected, atol=1e-5)


def test_logarithms_of_variances_are_bounded(network):
    latent = network.latents
    network.quant.bias[...] = jnp.repeat(jnp.array([0.0, 100.0]), latent)
    x = jnp.zeros((1, 4, 4, 3))
    with quick_compilation():
        encoded, moments = nnx.jit(lambda net, x: (net.encode(x), net.moments(x)))(network, x)
    assert np.all(encoded.logvar == 20.0)
    assert np.all(moments[..., latent:] > 20.0)


@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (1, 7, 8, 3)])
def test_what_does_not_fit_is_refused(network, shape):
    with pytest.raises(ShapeError):
        network.encode(jnp.ones(shape))
    with pytest.raises(ShapeError):
        network.decode(jnp.ones((1, 2, 2, 3)))
