"""PyTorch checkpoints without PyTorch, and without running what they contain.

A checkpoint is a pickle, which can call any function when loaded. This reader allows only the
handful of names that a state dict needs; anything else is refused before it runs. It reads the
original format (several pickles in a row, then the raw storages; written before PyTorch 1.6) and
the zip format.

Source: the layout follows torch/serialization.py, "legacy load" and "zip reader", of PyTorch 2.
"""

import collections
import io
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from hueshift_jax.errors import ConversionError

_DTYPES = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "BFloat16Storage": jnp.bfloat16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "ByteStorage": np.uint8,
    "CharStorage": np.int8,
    "BoolStorage": np.bool_,
}
_DEPTH = 4
"""Dictionaries inside dictionaries that are searched for tensors."""
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


class _Storage:
    """A flat array, filled once the file's data section is read."""

    def __init__(self, dtype: type):
        self.dtype = np.dtype(dtype)
        self.values = np.empty(0, dtype)


class _Tensor:
    """A strided view of a storage."""

    def __init__(self, storage: _Storage, offset: int, shape: tuple, strides: tuple):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self) -> np.ndarray:
        values = self.storage.values
        if 0 in self.shape:
            return np.empty(self.shape, values.dtype)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        least = min([self.offset, *self.strides, *(n - 1 for n in self.shape)])
        if least < 0 or last >= values.size:
            raise ConversionError("a tensor reaches beyond its stored data")
        strides = [s * values.itemsize for s in self.strides]
        view = np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides)
        return view.copy()


def _rebuild_tensor(storage, offset, shape, strides, *_):
    return _Tensor(storage, int(offset), tuple(shape), tuple(strides))


def _rebuild_parameter(data, *_):
    return data


class _Inert:
    """Stands for an object that training scripts save beside weights; keeps and does nothing."""

    def __init__(self, *args, **options):
        pass

    def __setstate__(self, state):
        pass

    def append(self, item):
        """Of a list in the pickle."""

    def extend(self, items):
        """Likewise."""

    def __setitem__(self, key, value):
        pass


_KNOWN = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
    ("torch", "Size"): tuple,
}
_IGNORED = {
    "_codecs": ("encode",),
    "argparse": ("Namespace",),
    "builtins": ("set",),
    "__builtin__": ("set",),
    "collections": ("Counter", "defaultdict"),
    "numpy": ("dtype", "ndarray"),
    "numpy.core.multiarray": ("scalar", "_reconstruct"),
    "numpy._core.multiarray": ("scalar", "_reconstruct"),
    "pathlib": ("Path", "PosixPath", "WindowsPath"),
    "torch": ("device", *(f"{kind}{n}" for kind in ("float", "int") for n in (16, 32, 64))),
}
"""Names that are often found beside weights: an `_Inert` object takes their place."""


class _Unpickler(pickle.Unpickler):
    """Knows the names a state dict needs, and no others."""

    def __init__(self, file, storages: dict[str, _Storage]):
        super().__init__(file, encoding="utf-8")
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if name in _IGNORED.get(module, ()):
            return _Inert
        if (module, name) not in _KNOWN:
            raise ConversionError(
                f"the checkpoint asks for {module}.{name}, which no state dict needs; refused"
            )
        return _KNOWN[module, name]

    def persistent_load(self, pid: tuple) -> _Storage:
        _, dtype, key = pid[:3]
        if len(pid) > 5 and pid[5] is not None:
            raise ConversionError("the checkpoint shares storages as PyTorch did before 0.4")
        return self._storages.setdefault(str(key), _Storage(dtype))


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a `.pth` or `.pt` file by name.

    Raises:
      ConversionError: no PyTorch checkpoint, damaged, asks for more than tensors, or holds no
        state dict (directly or as `state_dict`).
    """
    groups = read_state_dicts(path)
    found = groups.get("state_dict", groups.get(""))
    if found is None:
        raise ConversionError(f"{path} holds no tensors but {', '.join(groups)}")
    return found


def read_state_dicts(path: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Every dictionary of tensors in a `.pth` or `.pt` file, by where it stands.

    "" is the file itself, "model" its entry of that name, "state.model" one further down. What
    optimizers keep (dictionaries below a number) is left out.

    Raises:
      ConversionError: no PyTorch checkpoint, damaged, asks for more than tensors, or without any.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as exc:
        raise ConversionError(f"{path} cannot be read: {exc.strerror}") from exc
    try:
        read = _read_zip if zipfile.is_zipfile(io.BytesIO(content)) else _read_old
        return _arrays(read(content), str(path))
    except ConversionError:
        raise
    except Exception as exc:  # a damaged pickle can raise nearly anything
        raise ConversionError(f"{path} is damaged or no PyTorch checkpoint: {exc}") from exc


def _arrays(tree: Any, path: str) -> dict[str, dict[str, np.ndarray]]:
    if not isinstance(tree, dict):
        raise ConversionError(f"{path} holds a {type(tree).__name__}, expected a state dict")
    groups = dict(_groups(tree, ()))
    if not groups:
        listed = ", ".join(map(str, list(tree)[:5])) or "nothing"
        raise ConversionError(f"{path} holds no tensors but {listed}; expected a state dict")
    return groups


def _groups(tree: dict, above: tuple[str, ...]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    tensors = {str(k): v.array() for k, v in tree.items() if isinstance(v, _Tensor)}
    if tensors:
        yield ".".join(above), tensors
    for name, value in tree.items():
        if isinstance(value, dict) and isinstance(name, str) and len(above) < _DEPTH:
            yield from _groups(value, (*above, name))


def _read_old(content: bytes) -> Any:
    file = io.BytesIO(content)
    storages: dict[str, _Storage] = {}
    if _Unpickler(file, storages).load() != _LEGACY_MAGIC:
        raise ConversionError("found a pickle, expected a PyTorch checkpoint")
    for _ in ("protocol", "system"):
        _Unpickler(file, storages).load()
    tree = _Unpickler(file, storages).load()
    for key in _Unpickler(file, storages).load():
        storage = storages[str(key)]
        count = int.from_bytes(file.read(8), "little")
        raw = file.read(count * storage.dtype.itemsize)
        storage.values = np.frombuffer(raw, storage.dtype, count)
    return tree


def _read_zip(content: bytes) -> Any:
    archive = zipfile.ZipFile(io.BytesIO(content))
    name = next((n for n in archive.namelist() if n.endswith("/data.pkl")), None)
    if name is None:
        raise ConversionError("found a zip file without data.pkl, expected a PyTorch checkpoint")
    folder = name.removesuffix("data.pkl")
    storages: dict[str, _Storage] = {}
    tree = _Unpickler(io.BytesIO(archive.read(name)), storages).load()
    for key, storage in storages.items():
        storage.values = np.frombuffer(archive.read(f"{folder}data/{key}"), storage.dtype)
    return tree
