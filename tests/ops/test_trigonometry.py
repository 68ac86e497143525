"""Waves against double precision, and their slopes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.ops.trigonometry import waves

OCTAVES = tuple(np.pi * 2.0 ** np.arange(10))


def slow(x, frequencies):
    """From the rounded angles, so that only the sines are judged."""
    blocks = []
    for frequency in np.float32(frequencies):
        angle = (x * frequency).astype(np.float64)
        blocks += [np.sin(angle), np.cos(angle)]
    return np.concatenate(blocks, 1)


def points(count, dimensions=2):
    return np.random.default_rng(0).uniform(-1.2, 1.2, (count, dimensions)).astype(np.float32)


def test_every_wave_is_right():
    x = points(2000)
    found = jax.jit(waves, static_argnums=1)(x, OCTAVES)
    assert found.shape == (2000, 40)
    np.testing.assert_allclose(found, slow(x, OCTAVES), atol=2.5e-7)


def test_quarter_turns_and_large_angles():
    x = np.float32(np.pi) * np.arange(-4, 4.5, 0.5, np.float32)[:, None]
    np.testing.assert_allclose(waves(jnp.asarray(x), (1.0,)), slow(x, (1.0,)), atol=2.5e-7)
    x = np.random.default_rng(1).uniform(-1e4, 1e4, (5000, 1)).astype(np.float32)
    np.testing.assert_allclose(waves(jnp.asarray(x), (1.0,)), slow(x, (1.0,)), atol=3e-7)


@pytest.mark.parametrize("order", [1, 2])
def test_slopes(order):
    frequencies = (0.5, 2.0, 7.0)
    line = lambda x: jnp.sum(waves(x[None, None], frequencies))  # noqa: E731
    slope = line
    for _ in range(order):
        slope = jax.grad(slope)
    f = np.array(frequencies)
    for x in (0.3, -1.7):
        quarter = order * np.pi / 2
        expected = np.sum(f**order * (np.sin(f * x + quarter) + np.cos(f * x + quarter)))
        np.testing.assert_allclose(slope(jnp.float32(x)), expected, rtol=1e-4)


def test_forward_and_backward_slopes_agree():
    x, v = jnp.asarray(points(5, 3)), jnp.asarray(points(5, 3)[::-1].copy())
    w = jnp.asarray(points(5, 12))
    found = lambda x: waves(x, (1.0, 3.0))  # noqa: E731
    forward = jnp.vdot(jax.jvp(found, (x,), (v,))[1], w)
    backward = jnp.vdot(jax.vjp(found, x)[1](w)[0], v)
    np.testing.assert_allclose(forward, backward, rtol=1e-5)


def test_accelerators_have_the_same_waves(monkeypatch):
    x = jnp.asarray(points(7))
    here = waves(x, (1.0, 5.0))
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    np.testing.assert_allclose(waves(x, (1.0, 5.0)), here, atol=3e-7)
