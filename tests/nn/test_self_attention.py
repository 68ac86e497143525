"""Self-attention equals its definition, in blocks as well as whole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.nn import self_attention


@pytest.fixture
def layer():
    layer = self_attention.SelfAttention(8, rngs=nnx.Rngs(0))
    layer.gamma[...] = jnp.array([0.7])
    return layer


@pytest.fixture
def x():
    return jnp.asarray(np.random.default_rng(0).standard_normal((2, 3, 5, 8)), jnp.float32)


def defined(layer, x):
    """Softmax over all pixels, pixel by pixel."""
    flat = x.reshape(x.shape[0], -1, x.shape[-1])
    query, keys, values = (
        flat @ part.kernel[...] + part.bias[...][None, None]
        for part in (layer.query, layer.keys, layer.values)
    )
    weights = jax.nn.softmax(jnp.einsum("bid,bjd->bij", query, keys), -1)
    return x + 0.7 * jnp.einsum("bij,bjc->bic", weights, values).reshape(x.shape)


@pytest.mark.parametrize("at_once", [2048, 4])
def test_self_attention(layer, x, at_once, monkeypatch):
    monkeypatch.setattr(self_attention, "_QUERIES_AT_ONCE", at_once)

    @jax.jit
    def both(x):
        results = []
        for form in (layer, lambda x: defined(layer, x)):
            y, backward = jax.vjp(form, x)
            results.append((y, *backward(jnp.cos(y))))
        return results

    for found, expected in zip(*both(x), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_self_attention_begins_as_nothing(x):
    layer = self_attention.SelfAttention(8, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(layer(x), x)


def test_large_scores_do_not_overflow(layer, x):
    assert jnp.all(jnp.isfinite(layer(1000 * x)))
