"""The compiled step of a system on a mesh."""

import threading
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from hueshift_jax import checkpoint, sharding
from hueshift_jax.contracts import Batch, Logs, Phased, State, System

_POLL_S = 0.1
_THREAD = "hueshift-compilation"


class Program:
    """A system's `init` and `step` as programs for a whole mesh.

    States lie as `sharding.state_sharding` says, before a step and after; logs and randomness are
    on every device.

    Args:
      system: what is trained.
      mesh: where.
      key: of the initial state, and folded with the number of a step, of the step.
    """

    def __init__(self, system: System, mesh: Mesh, key: jax.Array):
        self._mesh = mesh
        # As host values these are the same for every process of a run.
        self._impl, self._key = str(jax.random.key_impl(key)), np.asarray(jax.random.key_data(key))
        self._system = system
        shapes = jax.eval_shape(system.init, key)
        self._lies = sharding.state_sharding(mesh, shapes)
        self.template = jax.tree.map(_placed_shape, shapes, self._lies)
        self._compiled: dict[tuple, Callable[..., tuple[State, Logs]]] = {}
        self._gflop: dict[tuple, float] = {}

    def init(self, stopped: Callable[[], bool] = bool) -> State | None:
        """The state before the first step, made where it lies; None if `stopped` said so."""

        def initial(key_data: jax.Array) -> State:
            return self._system.init(jax.random.wrap_key_data(key_data, impl=self._impl))

        def make() -> State:
            with jax.set_mesh(self._mesh):
                return jax.jit(initial, out_shardings=self._lies)(self._key)

        return _unless(stopped, make)

    def place(self, batch: Batch) -> Batch:
        """The batch of all processes on the mesh, from the part of this one."""
        return sharding.place_batch(batch, self._mesh)

    def prepare(
        self, state: State, batch: Batch, stopped: Callable[[], bool] = bool, *, number: int = 1
    ) -> bool:
        """Compiles the step of this number, from 1, for batches of this form, if it is not.

        Returns:
          False if `stopped` said so before all was done; the state is then untouched.
        """
        form = self._form(batch, number)
        if form not in self._compiled:
            compiled = _unless(stopped, lambda: self._compile(state, batch, number))
            if compiled is None:
                return False
            self._compiled[form] = compiled
            self._gflop[form] = _gflop(compiled)
        return True

    def _form(self, batch: Batch, number: int) -> tuple:
        """What a compiled step is for."""
        phase = self._system.phase(number - 1) if isinstance(self._system, Phased) else 0
        return (phase, *((leaf.shape, str(leaf.dtype)) for leaf in jax.tree.leaves(batch)))

    def _compile(
        self, state: State, batch: Batch, number: int
    ) -> Callable[..., tuple[State, Logs]]:
        phase, *_ = self._form(batch, number)
        kind = {"phase": phase} if isinstance(self._system, Phased) else {}

        def step(state: State, batch: Batch, key_data: jax.Array, number: jax.Array):
            key = jax.random.wrap_key_data(key_data, impl=self._impl)
            return self._system.step(state, batch, jax.random.fold_in(key, number), **kind)

        with jax.set_mesh(self._mesh):
            jitted = jax.jit(
                step,
                donate_argnums=0,
                out_shardings=(self._lies, sharding.replicated(self._mesh)),
            )
            return jitted.lower(state, batch, self._key, np.int32(0)).compile()

    def step(self, state: State, batch: Batch, number: int) -> tuple[State, Logs]:
        """One step; `state` is used up."""
        form = self._form(batch, number)
        return self._compiled[form](state, batch, self._key, np.int32(number))

    def gflop(self, batch: Batch, *, number: int = 1) -> float:
        """What one device computes in a step with such a batch, in 10^9 operations.

        As XLA counts it, in the compiled program; 0 where it does not tell. A loop counts once.
        """
        return self._gflop[self._form(batch, number)]


def not_finite(state: State) -> list[str]:
    """The names of the arrays that hold a value that is not finite, in what this process holds.

    Looked at on the host, which a save brings them to anyway: a program would have to be compiled
    first, and SIGTERM leaves little time.
    """
    return [name for name, leaf in checkpoint.flatten(state).items() if not _is_finite(leaf)]


def _is_finite(leaf: Any) -> bool:
    if not jax.numpy.issubdtype(leaf.dtype, jax.numpy.inexact):
        return True
    if not isinstance(leaf, jax.Array):
        return bool(np.isfinite(leaf).all())
    different = {str(shard.index): shard.data for shard in leaf.addressable_shards}
    return all(np.isfinite(np.asarray(values)).all() for values in different.values())


def is_compiling() -> bool:
    """Whether a compilation that nobody waits for any more is still going on.

    It cannot be ended, and Python cannot end in good order before it.
    """
    return any(thread.name == _THREAD for thread in threading.enumerate())


def _unless(stopped: Callable[[], bool], make: Callable[[], Any]) -> Any:
    """What `make` returns, or None as soon as `stopped` says so.

    It has a thread of its own, because signals are not served while XLA compiles.
    """
    result: list[Any] = []

    def work() -> None:
        try:
            result.append(make())
        except BaseException as exc:  # handed to the thread that waits
            result.append(exc)

    thread = threading.Thread(target=work, daemon=True, name=_THREAD)
    thread.start()
    while thread.is_alive():
        if stopped():
            return None
        thread.join(_POLL_S)
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


def _gflop(compiled: Any) -> float:
    costs = compiled.cost_analysis()
    return max(float((costs or {}).get("flops", 0.0)), 0.0) / 1e9


def _placed_shape(shape: jax.ShapeDtypeStruct, lies: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=lies)
