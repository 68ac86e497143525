"""Attention against its definition, on both kinds of device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.ops.attention import attention


def by_definition(queries, keys, values, heads):
    b, n, c = queries.shape
    d = c // heads
    found = np.zeros((b, n, c))
    for item, head in np.ndindex(b, heads):
        part = slice(head * d, (head + 1) * d)
        q, k, v = (np.float64(x)[item, :, part] for x in (queries, keys, values))
        weights = np.exp(q @ k.T / np.sqrt(d))
        found[item, :, part] = weights / weights.sum(-1, keepdims=True) @ v
    return found


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.standard_normal((2, n, 12)), jnp.float32) for n in (5, 7, 7)]


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
@pytest.mark.parametrize("heads", [1, 3])
def test_attention(parts, heads, backend, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    np.testing.assert_allclose(
        attention(*parts, heads), by_definition(*parts, heads), rtol=1e-4, atol=1e-5
    )


def test_large_scores_do_not_overflow(parts):
    found = attention(100 * parts[0], 100 * parts[1], parts[2])
    assert np.isfinite(found).all()


def test_gradients_agree_on_both_kinds_of_device(parts, monkeypatch):
    def gradients(backend):
        monkeypatch.setattr(jax, "default_backend", lambda: backend)
        loss = jax.jit(jax.grad(lambda x: jnp.sum(attention(*x, 2) ** 2)))
        return loss(parts)

    for ours, theirs in zip(gradients("cpu"), gradients("gpu")):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
