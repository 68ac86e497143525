"""Blocks keep and change sizes, and an idle unit is its shortcut."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.nn.diffusion_blocks import (
    AttentionUnit,
    BlockKind,
    DownBlock,
    MidBlock,
    ResidualUnit,
    UpBlock,
)
from tests.models.weights import filled

KIND = BlockKind(layers=2, heads=2, groups=2, time_features=6)
PLAIN = BlockKind(layers=1, heads=None, groups=2)


@pytest.fixture
def x():
    return jnp.asarray(np.random.default_rng(0).standard_normal((2, 4, 6, 4)), jnp.float32)


@pytest.fixture
def time():
    return jnp.asarray(np.random.default_rng(1).standard_normal((2, 6)), jnp.float32)


def still(layer):
    layer.kernel[...] = jnp.zeros_like(layer.kernel[...])
    layer.bias[...] = jnp.zeros_like(layer.bias[...])


def test_an_idle_unit_is_its_shortcut(x, time):
    unit = filled(lambda: ResidualUnit(4, 8, KIND, rngs=nnx.Rngs(0)))
    still(unit.second_conv)
    found, expected = nnx.jit(lambda unit: (unit(x, time), unit.shortcut(x)))(unit)
    np.testing.assert_array_equal(found, expected)


def test_time_reaches_every_unit(x, time):
    unit = filled(lambda: ResidualUnit(4, 8, KIND, rngs=nnx.Rngs(0)))
    run = nnx.jit(lambda unit, time: unit(x, time))
    assert np.abs(run(unit, time) - run(unit, -time)).max() > 1e-3
    assert ResidualUnit(4, 8, PLAIN, rngs=nnx.Rngs(0)).time is None


def test_idle_attention_changes_nothing(x):
    unit = filled(lambda: AttentionUnit(4, KIND, rngs=nnx.Rngs(0)))
    still(unit.attention.out_proj)
    np.testing.assert_array_equal(nnx.jit(lambda unit: unit(x))(unit), x)


def test_sizes(x, time):

    def shape(make, *inputs):
        return nnx.eval_shape(lambda: make(rngs=nnx.Rngs(0))(*inputs)).shape

    assert shape(partial(DownBlock, 4, 8, KIND), x, time) == (2, 2, 3, 8)
    assert shape(partial(DownBlock, 4, 8, PLAIN, halved=False), x) == (2, 4, 6, 8)
    assert shape(partial(MidBlock, 4, 8, KIND), x, time) == (2, 4, 6, 8)
    assert shape(partial(UpBlock, 4, 8, PLAIN), x) == (2, 8, 12, 8)
    skipped = jnp.ones((2, 4, 6, 2))
    same = partial(UpBlock, 4, 8, PLAIN, skipped=2, doubled=False)
    assert shape(same, x, None, skipped) == (2, 4, 6, 8)
