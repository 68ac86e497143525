"""PFAN for gray pictures: sizes, counts, which levels it sees."""

import math

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.errors import ShapeError
from hueshift_jax.models import efficientnet_lite
from hueshift_jax.models.efficientnet_lite import LITE0
from hueshift_jax.models.gray_pfan import GrayPfan
from tests.models.weights import filled, quick_compilation
from tests.systems.tiny import STAGES


def test_parameters_and_levels():
    network = nnx.eval_shape(lambda: GrayPfan(rngs=nnx.Rngs(0)))
    params = checkpoint.flatten(nnx.split(network, nnx.Param, ...)[1])
    assert sum(math.prod(value.shape) for value in params.values()) == 2_764_687
    assert network.encoder.tap_widths == (16, 24, 48, 120, 208)


def test_a_map_of_half_the_size(monkeypatch):
    monkeypatch.setattr(efficientnet_lite, "STAGES", STAGES)
    with quick_compilation():
        network = filled(lambda: GrayPfan(LITE0, None, reach_width=2, width=4, rngs=nnx.Rngs(0)))
        luma = jax.random.uniform(jax.random.key(0), (2, 32, 64))
        found = nnx.jit(lambda net, x: net(x))(network, luma)
    assert found.saliency.shape == (2, 16, 32, 1)
    assert 0.0 < float(found.saliency.min()) <= float(found.saliency.max()) < 1.0


def test_sides_are_multiples_of_32():
    network = nnx.eval_shape(lambda: GrayPfan(rngs=nnx.Rngs(0)))
    with pytest.raises(ShapeError):
        nnx.eval_shape(lambda net: net(jnp.ones((1, 32, 48))), network)
