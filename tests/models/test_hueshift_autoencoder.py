"""The HueShift autoencoder: its sizes, and the encoder inside it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.hueshift_autoencoder import HueShiftAutoencoder

WIDTHS = (2, 3, 4, 5, 6)


@pytest.fixture(scope="module")
def network():
    network = HueShiftAutoencoder(WIDTHS, rngs=nnx.Rngs(0))
    network.eval()
    return network


run = nnx.jit(lambda network, x: (network(x), network.encoder(x), network.encoder.levels(x)))


def test_gray_in_gray_out_and_levels_that_end_in_the_features(network):
    x = jax.random.normal(jax.random.key(0), (2, 32, 64, 1))
    gray, features, levels = run(network, x)
    assert gray.shape == x.shape
    assert [level.shape[-1] for level in levels] == list(WIDTHS)
    assert [level.shape[1:3] for level in levels] == [(32 >> n, 64 >> n) for n in range(1, 6)]
    np.testing.assert_array_equal(levels[-1], features)


@pytest.mark.parametrize("shape", [(1, 32, 32, 3), (1, 32, 48, 1)])
def test_wrong_pictures(network, shape):
    with pytest.raises(ShapeError):
        network(jnp.ones(shape))
