"""Meshes of the eight fake devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax import sharding
from hueshift_jax.contracts import Batch
from hueshift_jax.errors import ConfigError, UsageError
from hueshift_jax.sharding import MeshConfig


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


@pytest.mark.parametrize(
    ("config", "batch", "shape"),
    [
        (MeshConfig(), 32, (8, 1)),
        (MeshConfig(), 2, (2, 1)),
        (MeshConfig(), 9, (3, 1)),
        (MeshConfig(), 11, (1, 1)),
        (MeshConfig(fsdp=2), 12, (3, 2)),
        (MeshConfig(data=2, fsdp=4), 8, (2, 4)),
    ],
)
def test_the_mesh_divides_the_batch(config, batch, shape):
    assert tuple(config.build(batch).shape.values()) == shape


@pytest.mark.parametrize(
    ("config", "batch", "message"),
    [
        (MeshConfig(data=4), 6, "batch of 6 cannot be split over 4 devices"),
        (MeshConfig(fsdp=2), 3, "batch of 3 cannot be split over 8 devices"),
        (MeshConfig(fsdp=9), 9, "there are 8"),
        (MeshConfig(data=16), 32, "there are 8"),
        (MeshConfig(fsdp=0), 32, "expected positive numbers"),
    ],
)
def test_meshes_that_do_not_fit(config, batch, message):
    with pytest.raises(ConfigError, match=message):
        config.build(batch)


def test_large_arrays_are_split_where_they_can_be():
    mesh = sharding.make_mesh(2, 4)
    shapes = {
        "kernel": (3, 3, 64, 128),
        "wide": (512, 64),
        "equal": (256, 256),
        "odd": (129, 255),
        "small": (64, 64),
        "count": (),
    }
    state = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in shapes.items()}
    found = {k: tuple(v.spec) for k, v in sharding.state_sharding(mesh, state).items()}
    assert found == {
        "kernel": (None, None, None, "fsdp"),
        "wide": ("fsdp",),
        "equal": (None, "fsdp"),
        "odd": (),
        "small": (),
        "count": (),
    }
    alone = sharding.state_sharding(sharding.make_mesh(8, 1), state)
    assert all(not tuple(lies.spec) for lies in alone.values())


def test_a_batch_is_placed_and_a_state_comes_back():
    mesh = sharding.make_mesh(2, 2)
    batch = Batch(np.arange(32.0).reshape(8, 2, 2), np.zeros((8, 1, 1, 3), np.uint8))
    placed = sharding.place_batch(batch, mesh)
    assert {shard.data.shape for shard in placed.luma.addressable_shards} == {(2, 2, 2)}
    np.testing.assert_array_equal(placed.luma, batch.luma)
    local = sharding.to_local({"x": placed.luma, "key": jax.random.key(1)}, mesh)
    assert len(local["x"].devices()) == 1
    np.testing.assert_array_equal(local["x"], batch.luma)
    assert jax.random.key_data(local["key"]).tolist() == [0, 1]


def test_without_a_mesh_constraints_change_nothing():
    x = jnp.arange(8.0).reshape(8, 1)
    assert sharding.gathered(x) is x
    assert sharding.scattered(x) is x
    np.testing.assert_array_equal(sharding.interleaved(x, 2)[:, :, 0], [[0, 2, 4, 6], [1, 3, 5, 7]])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("localhost:1", None, None), "belong together"),
        ((None, 0, 2), "belong together"),
        (("localhost:1", 2, 2), "process 2 of 2 does not exist"),
    ],
)
def test_incomplete_processes(given, message):
    with pytest.raises(UsageError, match=message):
        sharding.connect(*given)


SLURM = {
    "SLURM_JOB_ID": "7",
    "SLURM_STEP_NODELIST": "n[1-2]",
    "SLURM_PROCID": "1",
    "SLURM_LOCALID": "0",
}


@pytest.mark.parametrize(
    ("environment", "joined"),
    [
        ({}, False),
        ({"SLURM_NTASKS": "2"}, False),
        (SLURM | {"SLURM_NTASKS": "1"}, False),
        (SLURM | {"SLURM_NTASKS": "2"}, True),
    ],
)
def test_slurm_joins_by_itself(monkeypatch, environment, joined):
    calls = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *given: calls.append(given))
    for name in (*SLURM, "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    sharding.connect()
    assert calls == [(None, None, None)] * joined


def test_a_coordinator_that_does_not_answer(monkeypatch):
    def fail(*_):
        raise RuntimeError("DEADLINE_EXCEEDED: no answer\nmore")

    monkeypatch.setattr(jax.distributed, "initialize", fail)
    with pytest.raises(UsageError, match=r"far:1 cannot be joined: DEADLINE_EXCEEDED: no answer$"):
        sharding.connect("far:1", 1, 2)
