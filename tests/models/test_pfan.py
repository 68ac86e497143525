"""PFAN: sizes, attention, what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models import pfan
from tests.models.weights import filled, quick_compilation

NARROW = {"widths": (2, 3, 4, 5, 6), "reach_width": 2, "width": 4}


@pytest.fixture(scope="module")
def shapes():
    return nnx.eval_shape(lambda: pfan.Pfan(**NARROW, rngs=nnx.Rngs(0)))


def test_a_map_of_the_pictures_size():
    network = filled(lambda: pfan.Pfan(**NARROW, rngs=nnx.Rngs(0)))
    with quick_compilation():
        x = jax.random.normal(jax.random.key(0), (2, 16, 48, 3))
        prediction = nnx.jit(lambda net, x: net(x))(network, x)
    assert prediction.saliency.shape == (2, 16, 48, 1)
    assert float(prediction.saliency.min()) > 0
    assert float(prediction.saliency.max()) < 1
    assert 0 < float(prediction.regularizer) < 1


@pytest.mark.parametrize("shape", [(1, 16, 16, 1), (1, 24, 16, 3)])
def test_wrong_pictures(shapes, shape):
    with pytest.raises(ShapeError):
        nnx.eval_shape(lambda net: net(jnp.ones(shape)), shapes)


def test_places_weigh_at_least_a_half():
    attention = filled(lambda: pfan.SpatialAttention(4, rngs=nnx.Rngs(0)))
    x = jax.random.normal(jax.random.key(0), (1, 9, 12, 4))
    weights = nnx.jit(lambda net, x: net(x))(attention, x)
    assert weights.shape == (1, 9, 12, 1)
    assert float(weights.min()) >= 0.5


def test_channels_weigh_by_their_means():
    attention = filled(lambda: pfan.ChannelAttention(8, rngs=nnx.Rngs(0)))
    x = np.random.default_rng(0).standard_normal((2, 4, 5, 8)).astype(np.float32)
    flat = np.broadcast_to(x.mean((1, 2), keepdims=True), x.shape)
    run = nnx.jit(lambda net, x: net(x))
    assert run(attention, x).shape == (2, 8)
    np.testing.assert_allclose(run(attention, x), run(attention, flat), atol=1e-6)
