"""Device meshes, and how batches and parameters lie on them.

A mesh has two axes: `data`, over which batches are split, and `fsdp`, over which batches and
parameters are.
"""

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from hueshift_jax.errors import ConfigError

AXES = ("data", "fsdp")


def make_mesh(data: int = -1, fsdp: int = 1) -> Mesh:
    """A mesh of `data` x `fsdp` devices, the first ones of those present.

    Args:
      data: How many; -1 takes as many as there are.
      fsdp: How many.

    Raises:
      ConfigError: There are not so many devices.
    """
    devices = jax.devices()
    if fsdp < 1 or data == 0 or data < -1:
        raise ConfigError(f"found a mesh of {data} x {fsdp} devices, expected positive numbers")
    data = max(len(devices) // fsdp, 1) if data == -1 else data
    if data * fsdp > len(devices):
        raise ConfigError(
            f"a mesh of {data} x {fsdp} needs {data * fsdp} devices, there are {len(devices)}"
        )
    return jax.make_mesh(
        (data, fsdp),
        AXES,
        axis_types=(jax.sharding.AxisType.Auto,) * 2,
        devices=devices[: data * fsdp],
    )


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Leading axis split over all devices."""
    return NamedSharding(mesh, PartitionSpec(AXES))


def replicated(mesh: Mesh) -> NamedSharding:
    """A full copy on every device."""
    return NamedSharding(mesh, PartitionSpec())
