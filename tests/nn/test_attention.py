"""Attention layers are linear layers around the arithmetic."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.nn.attention import SelfAttention, UnpackedSelfAttention
from hueshift_jax.ops.attention import attention


@pytest.fixture
def x():
    return jnp.asarray(np.random.default_rng(0).standard_normal((2, 5, 8)), jnp.float32)


def test_packed_rows_are_queries_keys_and_values(x):
    layer = SelfAttention(8, 2, rngs=nnx.Rngs(0))
    layer.in_proj.bias[...] = jnp.arange(24.0) / 24
    parts = [x @ layer.in_proj.kernel[...][:, n : n + 8] for n in (0, 8, 16)]
    parts = [y + layer.in_proj.bias[...][None, None, n : n + 8] for y, n in zip(parts, (0, 8, 16))]
    expected = attention(*parts, 2) @ layer.out_proj.kernel[...]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_it_begins_as_published():
    layer = SelfAttention(64, 2, rngs=nnx.Rngs(0))
    packed, mixed = (np.abs(part.kernel[...]).max() for part in (layer.in_proj, layer.out_proj))
    assert 0.95 * (6 / 256) ** 0.5 < packed <= (6 / 256) ** 0.5
    assert 0.95 / 8 < mixed <= 1 / 8
    assert not np.any(layer.in_proj.bias[...])
    assert not np.any(layer.out_proj.bias[...])


def test_unpacked_is_packed_with_one_head(x):
    packed, unpacked = (
        SelfAttention(8, 1, rngs=nnx.Rngs(0)),
        UnpackedSelfAttention(8, rngs=nnx.Rngs(1)),
    )
    layers = (unpacked.queries, unpacked.keys, unpacked.values)
    packed.in_proj.kernel[...] = jnp.concatenate([layer.kernel[...] for layer in layers], 1)
    packed.in_proj.bias[...] = jnp.concatenate([layer.bias[...] for layer in layers])
    packed.out_proj.kernel[...] = unpacked.mixed.kernel[...]
    packed.out_proj.bias[...] = unpacked.mixed.bias[...]
    np.testing.assert_allclose(unpacked(x), packed(x), atol=1e-6)
