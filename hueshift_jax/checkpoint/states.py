"""The states of a training run, through orbax."""

import contextlib
import logging
import math
import shutil
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.checkpoint.tree import flatten, match
from hueshift_jax.errors import CheckpointError, MismatchedWeightsError


class Restored(NamedTuple):
    """A training checkpoint.

    state has the structure, dtypes and shardings of the template; config is the JSON text and
    extra the dictionary that were saved with it.
    """

    step: int
    state: Any
    extra: dict[str, Any]
    config: str


def _to_stderr(message: str) -> None:
    print(message, file=sys.stderr)


class Checkpoints:
    """The newest few states of one training run, and the best one, in one folder.

    A save appears under its step's name only when it is whole, and nothing is deleted before.
    Checksums of the values go with it, because the array store does not keep any. Where several
    processes train together, all of them call every method, on a folder that all see.
    """

    def __init__(
        self,
        directory: str | Path,
        keep: int = 3,
        report: Callable[[str], None] = _to_stderr,
        *,
        best: str = "",
        highest: bool = False,
    ):
        """Opens the folder, or makes it.

        Args:
          directory: Belongs to one run alone.
          keep: How many of the newest states stay; older ones are deleted.
          report: Receives the sentence about a damaged checkpoint.
          best: The figure by which one more state stays; none if empty.
          highest: Whether the best is the highest, not the lowest.
        """
        import orbax.checkpoint as orbax

        self._orbax = orbax
        self._directory = Path(directory).absolute()
        self._keep = keep
        self._best = (best, -1.0 if highest else 1.0)
        self._report = report
        self._damaged: set[int] = set()
        self._saving: int | None = None
        self._open()

    def _open(self) -> None:
        # It warns of every wait of a second, such as that for the last state of a run.
        logging.getLogger("absl").setLevel(logging.ERROR)
        options = self._orbax.CheckpointManagerOptions(enable_async_checkpointing=True)
        self._manager = self._orbax.CheckpointManager(self._directory, options=options)

    def steps(self) -> list[int]:
        """The steps that are kept, ascending; without the one that is being saved."""
        return sorted(step for step in self._manager.all_steps() if step != self._saving)

    def best_step(self) -> int | None:
        """The kept step with the best figure, or None where no figure was saved."""
        name, sign = self._best
        figures = {step: self._record(step).get("figures", {}).get(name) for step in self.steps()}
        known = {
            step: sign * value
            for step, value in figures.items()
            if value is not None and math.isfinite(value)
        }
        return min(known, key=known.get, default=None)

    def checksums(self, step: int) -> dict[str, int | None]:
        """CRC-32 of every array of a kept step, by name; None for one that several hosts hold."""
        return {name: leaf["crc32"] for name, leaf in self._record(step)["leaves"].items()}

    # -- Saving ------------------------------------------------------------------------------

    def save(
        self,
        step: int,
        state: Any,
        config_json: str = "",
        extra: Mapping[str, Any] | None = None,
        *,
        figures: Mapping[str, float] | None = None,
        wait: bool = True,
    ) -> None:
        """Keeps `state` (a tree of arrays, random keys included) as that of `step`.

        A step that is already kept is left as it is; those found damaged go now.

        Args:
          step: The number of steps done.
          state: What `restore` returns. It may be donated the moment this returns.
          config_json: The configuration, as `config.to_json` writes it.
          extra: Anything else that JSON can hold, such as the position in the data.
          figures: What the best state is told by.
          wait: Whether to return only when all is on disk. Otherwise the state is written while
            training goes on, and `wait` tells how it went.

        Raises:
          CheckpointError: It cannot be written, or the one before could not; the states before
            stay.
        """
        self.wait()
        self._sweep()
        if step in self.steps():
            return
        record = {
            "config": config_json,
            "extra": dict(extra or {}),
            "figures": {name: float(value) for name, value in (figures or {}).items()},
            "leaves": {name: _identity(leaf) for name, leaf in flatten(state).items()},
        }
        items = self._orbax.args.Composite(
            state=self._orbax.args.StandardSave(state if wait else _kept_apart(state)),
            record=self._orbax.args.JsonSave(record),
        )
        with self._told(step):
            self._manager.save(step, args=items, force=True)
        self._saving = step
        if wait:
            self.wait()

    def wait(self) -> None:
        """Returns when the save under way is on disk; then deletes what need not stay.

        Raises:
          CheckpointError: It could not be written; the states before it stay.
        """
        step, self._saving = self._saving, None
        if step is None:
            return
        with self._told(step):
            self._manager.wait_until_finished()
        for old in self._superfluous():
            self._manager.delete(old)

    def close(self) -> None:
        """Waits, and ends the threads; nothing can be saved any more.

        Raises:
          CheckpointError: The save under way could not be written.
        """
        try:
            self.wait()
        finally:
            self._manager.close()

    def _superfluous(self) -> list[int]:
        steps = self.steps()
        best = self.best_step() if self._best[0] else None
        return [step for step in steps[: -self._keep] if step != best]

    @contextlib.contextmanager
    def _told(self, step: int):
        """Failures of orbax and tensorstore, which have many kinds and none for a full disk."""
        try:
            yield
        except Exception as exc:
            # A manager whose save failed tells it again and again: a new one starts afresh.
            with contextlib.suppress(Exception):
                self._manager.close()
            self._open()
            full = "No space left" in str(exc) or "ENOSPC" in str(exc)
            reason = "there is no space left" if full else _first_line(exc)
            raise CheckpointError(
                f"the state of step {step} cannot be written to {self._directory}: {reason}"
            ) from exc

    def _sweep(self) -> None:
        """Deletes what was found damaged, and what interrupted saves have left.

        Only a save does this: another process may read the folder while a run is saving.
        """
        for step in self._damaged:
            self._manager.delete(step)
        self._damaged.clear()
        if jax.process_index() == 0:
            for leftover in self._directory.glob("*.orbax-checkpoint-tmp*"):
                shutil.rmtree(leftover)

    # -- Restoring ---------------------------------------------------------------------------

    def restore(self, template: Any, step: int | None = None) -> Restored | None:
        """The newest undamaged state, or None where nothing was saved.

        Args:
          template: A state, or its shapes; leaves with a sharding are restored onto it, on
            whatever mesh they were saved.
          step: One of `steps()`, if it is to be none but this.

        Raises:
          MismatchedWeightsError: The newest readable state is of another structure.
          CheckpointError: There are checkpoints, and every one is damaged.
        """
        steps = self.steps() if step is None else [step]
        for kept in reversed(steps):
            try:
                return self._restore(kept, template)
            except MismatchedWeightsError:
                raise
            except Exception as exc:  # orbax, tensorstore and json each have their own
                self._damaged.add(kept)
                self._report(
                    f"the checkpoint of step {kept} is damaged and skipped: {_first_line(exc)}"
                )
        if steps:
            raise CheckpointError(f"every checkpoint in {self._directory} is damaged")
        return None

    def _restore(self, step: int, template: Any) -> Restored:
        record = self._get(step, record=self._orbax.args.JsonRestore())["record"]
        expected = flatten(template)
        match(
            expected,
            {name: leaf["shape"] for name, leaf in record["leaves"].items()},
            f"the states of step {step}",
        )
        abstract = jax.tree.map(_abstract, template)
        state = self._get(step, state=self._orbax.args.StandardRestore(abstract))["state"]
        for name, leaf in flatten(state).items():
            if _differs(_identity(leaf), record["leaves"][name]):
                raise CheckpointError(f"the values of {name} differ from their checksum")
        return Restored(step, state, record["extra"], record["config"])

    def _record(self, step: int) -> dict[str, Any]:
        """What was noted with a step; nothing if it is damaged."""
        try:
            return self._get(step, record=self._orbax.args.JsonRestore())["record"]
        except Exception:  # told by `restore`, when it is wanted
            return {}

    def _get(self, step: int, **items: Any) -> Any:
        return self._manager.restore(step, args=self._orbax.args.Composite(**items))


def _first_line(exc: Exception) -> str:
    return str(exc).partition("\n")[0][:200]


def _kept_apart(state: Any) -> Any:
    """Copies where the processor's own memory would be read while the next step writes there."""
    if jax.default_backend() != "cpu":
        return state
    return jax.tree.map(lambda leaf: jnp.copy(leaf) if isinstance(leaf, jax.Array) else leaf, state)


def _abstract(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray | np.generic):
        return leaf
    sharding = getattr(leaf, "sharding", None)
    sharding = sharding or jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def _identity(leaf: Any) -> dict[str, Any]:
    """Shape, type and checksum; no checksum for an array that is spread over several hosts."""
    known = {"shape": list(np.shape(leaf)), "dtype": str(leaf.dtype), "crc32": None}
    if isinstance(leaf, jax.Array):
        if not leaf.is_fully_addressable:
            if not leaf.is_fully_replicated:
                return known
            leaf = leaf.addressable_data(0)
        if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
    values = np.ascontiguousarray(leaf).reshape(-1)
    return known | {"crc32": zlib.crc32(values.view(np.uint8))}


def _differs(found: dict[str, Any], stored: dict[str, Any]) -> bool:
    """Whether two checksums of the same type of value disagree."""
    if found["dtype"] != stored["dtype"] or None in (found["crc32"], stored["crc32"]):
        return False
    return found["crc32"] != stored["crc32"]
