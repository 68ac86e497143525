"""Meshes of the eight fake devices."""

import jax
import jax.numpy as jnp
import pytest

from hueshift_jax import sharding
from hueshift_jax.errors import ConfigError


@pytest.mark.parametrize(
    ("asked", "shape"),
    [((), (8, 1)), ((-1, 2), (4, 2)), ((2, 2), (2, 2)), ((1, 1), (1, 1)), ((-1, 8), (1, 8))],
)
def test_mesh_shapes(asked, shape):
    mesh = sharding.make_mesh(*asked)
    assert (mesh.shape["data"], mesh.shape["fsdp"]) == shape


@pytest.mark.parametrize("asked", [(9, 1), (-1, 9), (3, 3)])
def test_too_many_devices(asked):
    with pytest.raises(ConfigError, match="there are 8"):
        sharding.make_mesh(*asked)


@pytest.mark.parametrize("asked", [(0, 1), (-2, 1), (1, 0), (-1, -1)])
def test_senseless_meshes(asked):
    with pytest.raises(ConfigError, match="expected positive numbers"):
        sharding.make_mesh(*asked)


def test_batches_are_split_and_parameters_copied():
    mesh = sharding.make_mesh(fsdp=2)
    batch = jax.device_put(jnp.arange(16.0).reshape(16, 1), sharding.batch_sharding(mesh))
    weights = jax.device_put(jnp.ones((1, 3)), sharding.replicated(mesh))
    assert {shard.data.shape for shard in batch.addressable_shards} == {(2, 1)}
    assert {shard.data.shape for shard in weights.addressable_shards} == {(1, 3)}
    assert float((batch * weights).sum()) == 360.0
