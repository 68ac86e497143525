"""What training and inference keep on disk.

Training state goes through orbax (`Checkpoints`), finished weights through safetensors
(`save_weights`, `load_weights`). Weights have flat names: `flatten` joins the keys on the way to
a leaf with dots, so that `encoder.blocks.0.kernel` is a dictionary's or an nnx state's entry.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from hueshift_jax.errors import CheckpointError, MismatchedWeightsError, MissingWeightsError

# -- Trees and names -------------------------------------------------------------------------


def flatten(tree: Any) -> dict[str, Any]:
    """The leaves of `tree` (dictionaries, tuples, nnx states) by dotted name."""
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_dotted(path): leaf for path, leaf in paths}


def unflatten(flat: Mapping[str, Any]) -> dict[str | int, Any]:
    """Nested dictionaries from dotted names; a part of digits becomes an integer key."""
    tree: dict[str | int, Any] = {}
    for name, leaf in flat.items():
        *sections, last = (int(part) if part.isdigit() else part for part in name.split("."))
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
        node[last] = leaf
    return tree


def fill(template: Any, flat: Mapping[str, Any]) -> Any:
    """`template` with its leaves replaced by those of the same names in `flat`.

    Raises:
      MismatchedWeightsError: A name or a shape differs.
    """
    names = flatten(template)
    match(names, flat)
    return jax.tree.unflatten(jax.tree.structure(template), [flat[name] for name in names])


def match(expected: Mapping[str, Any], found: Mapping[str, Any], what: str = "the weights") -> None:
    """Checks that two collections have the same names and shapes.

    Args:
      expected: Shapes, or things with a shape, by name.
      found: Likewise.
      what: The subject of the message.

    Raises:
      MismatchedWeightsError: They have not; names the first three differences.
    """
    differences = [f"{name} is missing" for name in expected if name not in found]
    differences += [f"{name} is not known" for name in found if name not in expected]
    for name in expected:
        if name in found and _shape(expected[name]) != _shape(found[name]):
            shapes = f"{_shape(found[name])}, not {_shape(expected[name])}"
            differences.append(f"{name} is {shapes}")
    if differences:
        rest = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
        listed = ", ".join(differences[:3])
        raise MismatchedWeightsError(f"{what} do not fit the network: {listed}{rest}")


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", value))


def _dotted(path: tuple[Any, ...]) -> str:
    parts = [
        str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path
    ]
    if parts and isinstance(path[-1], jax.tree_util.GetAttrKey) and parts[-1] == "value":
        del parts[-1]  # an nnx variable's own wrapper
    return ".".join(parts)


_CHECKSUM = "crc32"

# -- Weights ---------------------------------------------------------------------------------


def save_weights(
    path: str | Path,
    flat: Mapping[str, Any],
    metadata: Mapping[str, str],
    dtype: Any = np.float16,
) -> None:
    """Writes `flat` as safetensors; nothing appears under `path` before it is whole.

    Floating arrays of two or more dimensions are stored in `dtype`; biases, scales and
    statistics, which are small and whose range matters, as float32.

    Raises:
      MismatchedWeightsError: A value is not finite, or not finite in `dtype`.
    """
    from safetensors.numpy import save

    stored = {name: _narrowed(name, np.asarray(value), dtype) for name, value in flat.items()}
    write_whole(Path(path), save(stored, {**metadata, _CHECKSUM: _checksum(stored)}))


def load_weights(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays by name, floating ones as float32, and the metadata of a safetensors file.

    Raises:
      MissingWeightsError: There is no such file.
      MismatchedWeightsError: It is damaged, of another kind, or holds a value that is not finite.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise MissingWeightsError(f"there is no weights file {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as exc:
        raise MismatchedWeightsError(f"{path} is damaged or no safetensors file: {exc}") from exc
    if metadata.pop(_CHECKSUM, _checksum(stored)) != _checksum(stored):
        raise MismatchedWeightsError(f"{path} is damaged: its values differ from their checksum")
    flat = {name: _widened(value) for name, value in stored.items()}
    for name, value in flat.items():
        if not np.isfinite(value).all():
            raise MismatchedWeightsError(f"{path} is damaged: {name} holds values not finite")
    return flat, metadata


def _checksum(stored: Mapping[str, np.ndarray]) -> str:
    """CRC-32 of all values in the order of their names, in hexadecimal."""
    crc = 0
    for name in sorted(stored):
        values = np.ascontiguousarray(stored[name]).reshape(-1)
        crc = zlib.crc32(values.view(np.uint8), crc)
    return f"{crc:08x}"


def digest(path: str | Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _narrowed(name: str, value: np.ndarray, dtype: Any) -> np.ndarray:
    if not _is_floating(value):
        return np.asarray(value, order="C")
    with np.errstate(over="ignore"):
        stored = np.asarray(value, dtype if value.ndim > 1 else np.float32, order="C")
    if not np.isfinite(stored.astype(np.float32)).all():
        raise MismatchedWeightsError(f"{name} holds values that {stored.dtype} cannot keep")
    return stored


def _widened(value: np.ndarray) -> np.ndarray:
    return value.astype(np.float32) if _is_floating(value) else value


def _is_floating(value: np.ndarray) -> bool:
    return bool(jax.numpy.issubdtype(value.dtype, np.floating))


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file under another name first, so that it is whole the moment it appears."""
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", suffix=".tmp", delete=False
    ) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


# -- Training --------------------------------------------------------------------------------


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
    """The newest few states of one training run, in one folder.

    A save is synchronous: the arrays may be donated to the next step the moment it returns, and
    on a CPU it costs about a second for 100 MB. It appears under its step's name only when it is
    whole. Checksums of the values go with it, because the array store does not keep any.
    """

    def __init__(
        self, directory: str | Path, keep: int = 3, report: Callable[[str], None] = _to_stderr
    ):
        """Opens the folder, or makes it.

        Args:
          directory: Belongs to one run alone.
          keep: How many states stay; older ones are deleted.
          report: Receives the sentence about a damaged checkpoint.
        """
        import orbax.checkpoint as orbax

        self._orbax = orbax
        self._report = report
        self._damaged: set[int] = set()
        self._manager = orbax.CheckpointManager(
            Path(directory).absolute(),
            options=orbax.CheckpointManagerOptions(
                max_to_keep=keep, enable_async_checkpointing=False
            ),
        )

    def steps(self) -> list[int]:
        """The steps that are kept, ascending."""
        return sorted(self._manager.all_steps())

    def save(
        self, step: int, state: Any, config_json: str = "", extra: Mapping[str, Any] | None = None
    ) -> None:
        """Keeps `state` (a tree of arrays, random keys included) as that of `step`.

        A step that is already kept is left as it is; those found damaged go now.

        Args:
          step: The number of steps done.
          state: What `restore` returns.
          config_json: The configuration, as `config.to_json` writes it.
          extra: Anything else that JSON can hold, such as the position in the data.

        Raises:
          CheckpointError: It cannot be written; the states before it stay.
        """
        self._sweep()
        if step in self.steps():
            return
        record = {
            "config": config_json,
            "extra": dict(extra or {}),
            "leaves": {name: _identity(leaf) for name, leaf in flatten(state).items()},
        }
        items = self._orbax.args.Composite(
            state=self._orbax.args.StandardSave(state),
            record=self._orbax.args.JsonSave(record),
        )
        try:
            self._manager.save(step, args=items, force=True)
        except Exception as exc:  # orbax and tensorstore have many kinds, none for a full disk
            full = "No space left" in str(exc)
            reason = "there is no space left" if full else _first_line(exc)
            raise CheckpointError(
                f"the state of step {step} cannot be written to {self._manager.directory}: {reason}"
            ) from exc

    def _sweep(self) -> None:
        """Deletes what was found damaged, and what interrupted saves have left.

        Only a save does this: another process may read the folder while a run is saving.
        """
        for step in self._damaged:
            self._manager.delete(step)
        self._damaged.clear()
        for leftover in Path(self._manager.directory).glob("*.orbax-checkpoint-tmp*"):
            shutil.rmtree(leftover)

    def restore(self, template: Any) -> Restored | None:
        """The newest undamaged state, or None where nothing was saved.

        Args:
          template: A state, or its shapes; leaves with a sharding are restored onto it.

        Raises:
          MismatchedWeightsError: The newest readable state is of another structure.
          CheckpointError: There are checkpoints, and every one is damaged.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                return self._restore(step, template)
            except MismatchedWeightsError:
                raise
            except Exception as exc:  # orbax, tensorstore and json each have their own
                self._damaged.add(step)
                self._report(
                    f"the checkpoint of step {step} is damaged and skipped: {_first_line(exc)}"
                )
        if steps:
            raise CheckpointError(f"every checkpoint in {self._manager.directory} is damaged")
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

    def _get(self, step: int, **items: Any) -> Any:
        return self._manager.restore(step, args=self._orbax.args.Composite(**items))


def _first_line(exc: Exception) -> str:
    return str(exc).partition("\n")[0][:200]


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
            return known
        if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
    values = np.ascontiguousarray(leaf).reshape(-1)
    return known | {"crc32": zlib.crc32(values.view(np.uint8))}


def _differs(found: dict[str, Any], stored: dict[str, Any]) -> bool:
    """Whether two checksums of the same type of value disagree."""
    if found["dtype"] != stored["dtype"] or None in (found["crc32"], stored["crc32"]):
        return False
    return found["crc32"] != stored["crc32"]
