"""PyTorch checkpoints written without PyTorch, byte for byte as it lays them out."""

import collections
import io
import pickle
import sys
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {
    "float32": "Float",
    "float64": "Double",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "int64": "Long",
    "uint8": "Byte",
    "bool": "Bool",
}


class Name:
    """A module-level name that is pickled as a reference and never imported."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Storage:
    """A flat array that the pickle mentions by its key only."""

    def __init__(self, key, values):
        self.key, self.values = key, values

    @property
    def kind(self):
        return Name("torch", f"{STORAGES[self.values.dtype.name]}Storage")


class Call:
    """An object that unpickling makes by calling `function`."""

    def __init__(self, function, *args):
        self.function, self.args = function, args


class Pickler(pickle._Pickler):
    """Protocol 2, with persistent ids for storages, as torch.save makes them."""

    def __init__(self, file, *, legacy=False):
        super().__init__(file, 2)
        self._legacy = legacy

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        pid = ("storage", obj.kind, str(obj.key), "cpu", obj.values.size)
        return (*pid, None) if self._legacy else pid

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Name):
            self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Call):
            self.save(obj.function)
            self.save(obj.args)
            self.write(b"R")
        else:
            super().save(obj, save_persistent_id)


def pickled(obj, *, legacy=False):
    """The bytes of a pickle."""
    file = io.BytesIO()
    Pickler(file, legacy=legacy).dump(obj)
    return file.getvalue()


def view(storage, shape, strides, offset=0):
    """A tensor that is a view of a storage."""
    rebuild = Name("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, storage, offset, shape, strides, False, collections.OrderedDict())


def tensor(key, array):
    """A contiguous tensor with a storage of its own."""
    array = np.ascontiguousarray(array)
    strides = tuple(s // array.itemsize for s in array.strides)
    return view(Storage(key, array.ravel()), array.shape, strides)


def parameter(key, array):
    """A tensor inside `torch.nn.Parameter`."""
    rebuild = Name("torch._utils", "_rebuild_parameter")
    return Call(rebuild, tensor(key, array), True, collections.OrderedDict())


def storages(tree):
    """The storages that a tree of these objects mentions, by key."""
    found = {}
    if isinstance(tree, Storage):
        found[str(tree.key)] = tree
    elif isinstance(tree, Call):
        for arg in tree.args:
            found |= storages(arg)
    elif isinstance(tree, dict):
        for value in tree.values():
            found |= storages(value)
    return found


def write_zip(path, tree, *, folder="archive"):
    """The format of PyTorch 1.6 and later."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{folder}/data.pkl", pickled(tree))
        for key, storage in storages(tree).items():
            archive.writestr(f"{folder}/data/{key}", storage.values.tobytes())
        archive.writestr(f"{folder}/version", "3\n")


def legacy(tree):
    """The bytes of the format before PyTorch 1.6."""
    system = {"protocol_version": 1001, "little_endian": sys.byteorder == "little"}
    found = storages(tree)
    head = [MAGIC, 1001, system, tree, sorted(found)]
    parts = [pickled(part, legacy=True) for part in head]
    for key in sorted(found):
        values = found[key].values
        parts += [values.size.to_bytes(8, "little"), values.tobytes()]
    return b"".join(parts)


def write_legacy(path, tree):
    """The format before PyTorch 1.6."""
    path.write_bytes(legacy(tree))


WRITERS = {"zip": write_zip, "legacy": write_legacy}
