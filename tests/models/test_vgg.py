"""VGG: what is tapped where, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.vgg import VGG19, Vgg
from hueshift_jax.ops.pooling import max_pool


@pytest.fixture(scope="module")
def network():
    return Vgg(VGG19, (2, 3, 4, 5, 6), rngs=nnx.Rngs(0))


def test_features_are_those_of_the_chain(network):
    x = jax.random.normal(jax.random.key(0), (1, 8, 10, 3))
    first = network.blocks[0][0](x)
    second = jax.nn.relu(network.blocks[0][1](jax.nn.relu(first)))
    third = network.blocks[1][0](max_pool(second, 2))
    found = network(x, ("conv2_1", "conv1_1", "relu1_2"))
    for ours, expected in zip(found, (third, first, second), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)


run = nnx.jit(lambda network, x: network(x, ("relu1_1", "relu3_4", "conv5_4")))


def test_nothing_deeper_is_computed(network):
    network(jnp.zeros((1, 2, 2, 3)), ("relu2_2",))  # A third block would have no pixel left.


def test_sizes(network):
    x = jnp.zeros((2, 40, 37, 3))
    shapes = [y.shape for y in run(network, x)]
    assert shapes == [(2, 40, 37, 2), (2, 10, 9, 4), (2, 2, 2, 6)]


@pytest.mark.parametrize("shape", [(1, 16, 16, 1), (1, 15, 16, 3)])
def test_wrong_pictures(network, shape):
    with pytest.raises(ShapeError):
        network(jnp.zeros(shape), ("relu5_1",))


def test_unknown_taps(network):
    with pytest.raises(ValueError, match="relu3_5"):
        network(jnp.zeros((1, 16, 16, 3)), ("relu1_1", "relu3_5"))
