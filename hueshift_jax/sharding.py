"""Device meshes, and how batches and states lie on them.

A mesh has two axes: `data`, over which batches are split, and `fsdp`, over which batches and the
large arrays of a state (parameters, their averages, the optimizer's moments) are. One device is
the mesh of size one. A step is one program for the whole mesh (`jax.jit` with shardings): sums over
the batch, those of batch norm included, are sums over all devices.
"""

import math
import os
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from hueshift_jax.contracts import Batch
from hueshift_jax.errors import ConfigError, UsageError

AXES = ("data", "fsdp")
SMALLEST_SPLIT = 2**14
"""Arrays of fewer values stay whole: gathering them costs latency and saves little memory."""


@dataclass(frozen=True)
class MeshConfig:
    """How many devices, and what they share."""

    data: int = -1
    """Devices over which batches are split; -1 takes all that there are."""
    fsdp: int = 1
    """Devices over which large parameters and the optimizer's state are split as well."""

    def build(self, batch_size: int) -> Mesh:
        """The mesh for batches of this size.

        With `data` -1 and one host, devices that the batch cannot be divided by stay idle.

        Raises:
          ConfigError: there are not so many devices, or the batch cannot be split over them.
        """
        data, fsdp = self.data, self.fsdp
        if data == -1 and jax.process_count() == 1 and 0 < fsdp <= len(jax.devices()):
            most = len(jax.devices()) // fsdp
            data = max((n for n in range(1, most + 1) if batch_size % (n * fsdp) == 0), default=-1)
        mesh = make_mesh(data, fsdp)
        if batch_size % mesh.size:
            raise ConfigError(
                f"a batch of {batch_size} cannot be split over {mesh.size} devices; "
                "take a multiple of them, or a smaller mesh"
            )
        return mesh


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


# -- Where things lie ------------------------------------------------------------------------


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Leading axis split over all devices."""
    return NamedSharding(mesh, PartitionSpec(AXES))


def replicated(mesh: Mesh) -> NamedSharding:
    """A full copy on every device."""
    return NamedSharding(mesh, PartitionSpec())


def state_sharding(mesh: Mesh, state: Any) -> Any:
    """How a state lies on a mesh: one sharding for each of its arrays, or of its shapes."""
    return jax.tree.map(lambda leaf: NamedSharding(mesh, _split(leaf, mesh.shape["fsdp"])), state)


def _split(leaf: Any, parts: int) -> PartitionSpec:
    """The longest axis that can be divided, for arrays worth it; the last of equals."""
    shape = leaf.shape
    axes = [axis for axis, length in enumerate(shape) if length % parts == 0]
    if parts == 1 or not axes or math.prod(shape) < SMALLEST_SPLIT:
        return PartitionSpec()
    axis = max(axes, key=lambda n: (shape[n], n))
    return PartitionSpec(*(None,) * axis, "fsdp")


def place_batch(batch: Batch, mesh: Mesh) -> Batch:
    """The batch of all hosts on the mesh, from the part that this host has prepared."""
    split = batch_sharding(mesh)
    return jax.tree.map(lambda part: jax.make_array_from_process_local_data(split, part), batch)


def to_local(tree: Any, mesh: Mesh) -> Any:
    """Whole arrays on a device of this host alone; every host has to call it."""
    gather = jax.jit(lambda values: values, out_shardings=replicated(mesh))
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), gather(tree))


# -- Inside a step ---------------------------------------------------------------------------


def gathered(tree: Any) -> Any:
    """Full copies on every device of the mesh that is set; without one, `tree`.

    A step calls it on its parameters, so that devices exchange weights and never activations.
    """
    return _constrained(tree, lambda leaf, mesh: PartitionSpec())


def scattered(tree: Any) -> Any:
    """Each array as `state_sharding` has it on the mesh that is set; without one, `tree`.

    A step calls it on its gradients: each device then sums and keeps only its own part.
    """
    return _constrained(tree, lambda leaf, mesh: _split(leaf, mesh.shape["fsdp"]))


def interleaved(tree: Any, parts: int) -> Any:
    """Batches (b, ...) as `parts` of them (parts, b / parts, ...), each split over all devices.

    Part k holds rows k, k + parts, ...: every device cuts up only what it has.
    """

    def cut(leaf: jax.Array) -> jax.Array:
        return jnp.swapaxes(leaf.reshape(-1, parts, *leaf.shape[1:]), 0, 1)

    return _constrained(jax.tree.map(cut, tree), lambda leaf, mesh: PartitionSpec(None, AXES))


def _constrained(tree: Any, spec: Any) -> Any:
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or mesh.size == 1:
        return tree
    return jax.tree.map(lambda leaf: jax.lax.with_sharding_constraint(leaf, spec(leaf, mesh)), tree)


# -- Several hosts ---------------------------------------------------------------------------


def connect(
    coordinator: str | None = None, process_id: int | None = None, processes: int | None = None
) -> None:
    """Joins the other processes of a run; call it before anything else of JAX.

    With no argument, SLURM's environment decides: inside an `srun` of several tasks they are
    joined, elsewhere nothing happens.

    Args:
      coordinator: host:port of process 0.
      process_id: The number of this process, from 0.
      processes: How many there are.

    Raises:
      UsageError: Only some of the three are given, they do not fit, or nobody answers.
    """
    given = (coordinator, process_id, processes)
    if None in given and any(value is not None for value in given):
        raise UsageError("--coordinator, --process-id and --num-processes belong together")
    if coordinator is not None and not 0 <= process_id < processes:
        raise UsageError(f"process {process_id} of {processes} does not exist; they count from 0")
    if coordinator is None and not _is_slurm_step():
        return
    try:
        jax.distributed.initialize(coordinator, processes, process_id)
    except (RuntimeError, ValueError) as exc:
        where = coordinator or "the coordinator that SLURM names"
        raise UsageError(f"{where} cannot be joined: {str(exc).splitlines()[0]}") from exc


def _is_slurm_step() -> bool:
    """Whether this is one of several tasks that `srun` has started."""
    told = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_PROCID", "SLURM_LOCALID")
    return int(os.environ.get("SLURM_NTASKS", "1")) > 1 and all(n in os.environ for n in told)


def is_first() -> bool:
    """Whether this is the process that writes what all have in common."""
    return jax.process_index() == 0
