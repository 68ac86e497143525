"""State dicts for PyTorch, written without it: the zip format of PyTorch 1.6 and later.

The file holds an ordered dictionary of float32 tensors and nothing else, so
`torch.load(path, weights_only=True)` reads it.

Source: the layout follows torch/serialization.py, `_save`, of PyTorch 2.
"""

import io
import pickle
import struct
import zipfile
from collections.abc import Iterator, Mapping

import numpy as np

_FOLDER = "archive"
_DICT = b"ccollections\nOrderedDict\n" + pickle.EMPTY_TUPLE + pickle.REDUCE
_REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
_STORAGE = b"ctorch\nFloatStorage\n"


def archive(tensors: Mapping[str, np.ndarray]) -> bytes:
    """The content of a `.pth` file with these tensors, all as float32."""
    values = {name: np.asarray(value, "<f4", order="C") for name, value in tensors.items()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as zipped:
        # A fixed date: the same tensors give the same bytes.
        for name, content in _records(values):
            zipped.writestr(zipfile.ZipInfo(f"{_FOLDER}/{name}"), content)
    return file.getvalue()


def _records(values: Mapping[str, np.ndarray]) -> Iterator[tuple[str, bytes]]:
    yield "data.pkl", b"".join(_pickle(values))
    yield "byteorder", b"little"
    for key, value in enumerate(values.values()):
        yield f"data/{key}", value.tobytes()
    yield "version", b"3\n"


def _pickle(values: Mapping[str, np.ndarray]) -> Iterator[bytes]:
    """A pickle of protocol 2, its opcodes one by one: the names in it exist in PyTorch only."""
    yield pickle.PROTO + b"\x02" + _DICT + pickle.MARK
    for key, (name, value) in enumerate(values.items()):
        strides = tuple(step // value.itemsize for step in value.strides)
        storage = _text("storage") + _STORAGE + _text(str(key)) + _text("cpu") + _number(value.size)
        yield _text(name) + _REBUILD + pickle.MARK
        yield pickle.MARK + storage + pickle.TUPLE + pickle.BINPERSID
        yield _number(0) + _tuple(value.shape) + _tuple(strides)
        yield pickle.NEWFALSE + _DICT + pickle.TUPLE + pickle.REDUCE
    yield pickle.SETITEMS + pickle.STOP


def _text(value: str) -> bytes:
    encoded = value.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(encoded)) + encoded


def _number(value: int) -> bytes:
    return pickle.LONG1 + b"\x08" + struct.pack("<q", value)


def _tuple(values: tuple[int, ...]) -> bytes:
    return pickle.MARK + b"".join(map(_number, values)) + pickle.TUPLE
