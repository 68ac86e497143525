"""Norms against their definitions, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.nn.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm


def values(*shape, offset=0.0):
    """Normal values around `offset`."""
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32) + np.float32(offset)


def normalized(x, axes, epsilon=1e-5):
    x = x.astype(np.float64)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def with_scale_and_bias(norm):
    """Another scale and bias per channel, and both as arrays."""
    scale, bias = np.linspace(0.5, 2.0, 6), np.linspace(-1.0, 1.0, 6)
    norm.scale[...], norm.bias[...] = jnp.asarray(scale), jnp.asarray(bias)
    return scale, bias


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_instance_norm(offset):
    x = values(2, 9, 8, 6, offset=offset)
    expected = normalized(x, (1, 2))
    np.testing.assert_allclose(InstanceNorm(6)(jnp.asarray(x)), expected, atol=5e-5)
    norm = InstanceNorm(6, affine=True)
    scale, bias = with_scale_and_bias(norm)
    np.testing.assert_allclose(norm(jnp.asarray(x)), expected * scale + bias, atol=1e-4)


@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("shape", [(2, 9, 8, 6), (2, 40, 6)])
@pytest.mark.parametrize("groups", [1, 3, 6])
def test_group_norm(shape, offset, groups):
    x = values(*shape, offset=offset) + np.arange(6, dtype=np.float32)
    norm = GroupNorm(groups, 6)
    scale, bias = with_scale_and_bias(norm)
    grouped = normalized(x.reshape(2, -1, groups, 6 // groups), (1, 3)).reshape(shape)
    np.testing.assert_allclose(norm(jnp.asarray(x)), grouped * scale + bias, atol=1e-4)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_batch_norm_of_the_batch(offset):
    x = values(2, 9, 8, 6, offset=offset)
    norm = BatchNorm(6)
    scale, bias = with_scale_and_bias(norm)
    expected = normalized(x, (0, 1, 2)) * scale + bias
    np.testing.assert_allclose(norm(jnp.asarray(x)), expected, atol=1e-4)


def test_batch_norm_with_running_statistics():
    norm = BatchNorm(6)
    scale, bias = with_scale_and_bias(norm)
    norm.mean[...], norm.var[...] = jnp.arange(6.0), 1 + jnp.arange(6.0)
    norm.eval()
    x = values(2, 3, 4, 6)
    expected = (x - np.arange(6)) / np.sqrt(1 + np.arange(6) + 1e-5) * scale + bias
    np.testing.assert_allclose(norm(jnp.asarray(x)), expected, atol=1e-5)
    np.testing.assert_array_equal(norm.mean[...], jnp.arange(6.0))


def test_layer_norm():
    x = values(2, 3, 6)
    norm = LayerNorm(6)
    scale, bias = with_scale_and_bias(norm)
    np.testing.assert_allclose(norm(jnp.asarray(x)), normalized(x, (2,)) * scale + bias, atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 30.0])
@pytest.mark.parametrize("make", [lambda: InstanceNorm(4), lambda: GroupNorm(2, 4)])
def test_gradients_are_those_of_the_definition(make, offset):
    x, direction = jnp.asarray(values(2, 5, 4, 4, offset=offset)), jnp.asarray(values(2, 5, 4, 4))
    graph, state = nnx.split(make())
    groups = getattr(nnx.merge(graph, state), "groups", 4)

    def plain(x):
        grouped = x.reshape(2, 20, groups, -1)
        centered = grouped - grouped.mean((1, 3), keepdims=True)
        variance = (centered**2).mean((1, 3), keepdims=True)
        return (centered / jnp.sqrt(variance + 1e-5)).reshape(x.shape)

    @jax.jit
    def both(x):
        ours = jax.grad(lambda x: jnp.sum(nnx.merge(graph, state)(x) * direction))(x)
        return ours, jax.grad(lambda x: jnp.sum(plain(x) * direction))(x)

    np.testing.assert_allclose(*both(x), atol=2e-5)


def test_channels_without_variation_become_zero():
    x = jnp.broadcast_to(jnp.array([0.0, 5.0, -1e4]), (1, 4, 4, 3))
    np.testing.assert_array_equal(InstanceNorm(3)(x), 0.0)


def test_on_another_device_values_are_read_twice(monkeypatch):
    x = jnp.asarray(values(2, 9, 8, 6))
    expected = InstanceNorm(6)(x)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    np.testing.assert_allclose(InstanceNorm(6)(x), expected, atol=1e-5)


def test_running_variance_is_unbiased():
    norm = BatchNorm(3)
    x = values(2, 1, 2, 3)
    norm(jnp.asarray(x))
    expected = 0.9 + 0.1 * x.reshape(-1, 3).var(0, ddof=1)
    np.testing.assert_allclose(norm.var[...], expected, rtol=1e-5)
    np.testing.assert_allclose(norm.mean[...], 0.1 * x.reshape(-1, 3).mean(0), rtol=1e-4)


def test_one_value_per_channel_does_not_break_the_variance():
    norm = BatchNorm(3)
    norm(jnp.ones((1, 1, 1, 3)))
    np.testing.assert_allclose(norm.var[...], 0.9, rtol=1e-6)
