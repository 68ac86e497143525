"""The HueShift discriminator: one logit whatever the size, dropout by key."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.hueshift_discriminator import HueShiftDiscriminator


@pytest.fixture
def network():
    return HueShiftDiscriminator(widths=(4, 6, 8, 10), rngs=nnx.Rngs(0))


run = nnx.jit(lambda network, x, key=None: network(x, key))


@pytest.mark.parametrize("size", [(13, 7), (1, 1)])
def test_any_size(network, size):
    assert run(network, jnp.ones((3, *size, 3))).shape == (3, 1, 1, 1)


def test_dropout_needs_training_and_a_key(network):
    x = jax.random.normal(jax.random.key(1), (2, 16, 16, 3))
    one, two = jax.random.split(jax.random.key(2))
    assert jnp.any(run(network, x, one) != run(network, x, two))
    np.testing.assert_array_equal(run(network, x), run(network, x))
    network.eval()
    np.testing.assert_array_equal(run(network, x, one), run(network, x, two))


def test_training_moves_the_statistics(network):
    x = jax.random.normal(jax.random.key(1), (2, 16, 16, 3))
    before = np.asarray(network.norms[0].mean[...])
    run(network, x)
    assert np.any(before != network.norms[0].mean[...])


def test_wrong_channels(network):
    with pytest.raises(ShapeError):
        network(jnp.ones((1, 16, 16, 1)))
