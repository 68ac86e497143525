"""Finished weights: safetensors with a configuration and a checksum."""

import hashlib
import os
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from hueshift_jax.errors import MismatchedWeightsError, MissingWeightsError

_CHECKSUM = "crc32"


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
