"""The HueShift autoencoder at small widths."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.hueshift_vae import HueShiftVAE


@pytest.fixture(scope="module")
def network():
    options = {"widths": (4, 6, 8, 8), "middle": (8, 8), "layers": (1, 1, 1)}
    return nnx.eval_shape(lambda: HueShiftVAE(3, 2, **options, heads=2, groups=2, rngs=nnx.Rngs(0)))


def test_the_published_size():
    made = nnx.eval_shape(lambda: HueShiftVAE(rngs=nnx.Rngs(0)))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(made))) == 21_964_031


def test_a_latent_is_an_eighth(network):
    x, noise = jnp.ones((2, 16, 24, 3)), jnp.ones((2, 2, 3, 2))
    found = nnx.eval_shape(lambda net: (net.encode(x).mean, net(x, noise)), network)
    assert [y.shape for y in found] == [noise.shape, x.shape]


@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (1, 12, 8, 3)])
def test_what_does_not_fit_is_refused(network, shape):
    with pytest.raises(ShapeError):
        network.encode(jnp.ones(shape))
    with pytest.raises(ShapeError):
        network.decode(jnp.ones((1, 1, 1, 3)))
