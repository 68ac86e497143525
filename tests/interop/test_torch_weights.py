"""Checkpoints are read without PyTorch, and without running what they contain."""

import collections
import contextlib
import os
import pickle
import zipfile

import numpy as np
import pytest

from hueshift_jax.errors import ConversionError
from hueshift_jax.interop.torch_weights import read_state_dict
from tests.interop import checkpoints
from tests.interop.checkpoints import Call, Name, Storage, tensor, view

ARRAYS = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "conv.bias": np.array([1.5, -2.0], np.float32),
    "norm.num_batches_tracked": np.array(7, np.int64),
    "half": np.array([[0.5, 1.0]], np.float16),
    "mask": np.array([True, False]),
    "bytes": np.array([0, 255], np.uint8),
}


@pytest.fixture(params=checkpoints.WRITERS)
def write(request, tmp_path):
    """Writes a tree in one of the two formats and returns its path."""

    def written(tree):
        path = tmp_path / "weights.pth"
        checkpoints.WRITERS[request.param](path, tree)
        return path

    return written


def state_dict():
    return collections.OrderedDict((k, tensor(n, v)) for n, (k, v) in enumerate(ARRAYS.items()))


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


def test_state_dicts(write):
    assert_same(read_state_dict(write(state_dict())), ARRAYS)


def test_state_dicts_inside_a_checkpoint(write):
    assert_same(read_state_dict(write({"epoch": 3, "state_dict": state_dict()})), ARRAYS)


def test_parameters_and_other_entries(write):
    tree = {"weight": checkpoints.parameter(0, ARRAYS["half"]), "epoch": 3, "name": "lite"}
    assert_same(read_state_dict(write(tree)), {"weight": ARRAYS["half"]})


def test_views_that_share_a_storage(write):
    storage = Storage(0, np.arange(12, dtype=np.float32))
    whole = storage.values.reshape(3, 4)
    tree = {
        "row": view(storage, (4,), (1,), 4),
        "column": view(storage, (3,), (4,), 1),
        "transposed": view(storage, (4, 3), (1, 4)),
        "expanded": view(storage, (2, 3), (0, 1)),
        "scalar": view(storage, (), (), 11),
    }
    expected = {
        "row": whole[1],
        "column": whole[:, 1],
        "transposed": whole.T,
        "expanded": np.stack([whole[0, :3]] * 2),
        "scalar": whole[2, 3],
    }
    found = read_state_dict(write(tree))
    assert_same(found, expected)
    found["row"][:] = 0
    assert found["transposed"][0, 1] == 4, "every array has its own memory"


@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0)])
def test_empty_tensors(write, shape):
    arrays = {"empty": np.zeros(shape, np.float32), "other": np.ones(2, np.float32)}
    tree = {name: tensor(n, value) for n, (name, value) in enumerate(arrays.items())}
    assert_same(read_state_dict(write(tree)), arrays)


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((5,), (1,), 0),
        ((4,), (1,), 1),
        ((2, 2), (3, 1), 0),
        ((1,), (1,), 4),
        ((), (), 4),
        ((2,), (-1,), 1),
        ((1,), (1,), -1),
        ((-1,), (1,), 0),
        ((2, 2), (1,), 0),
    ],
)
def test_tensors_beyond_their_storage(write, shape, strides, offset):
    storage = Storage(0, np.arange(4, dtype=np.float32))
    with pytest.raises(ConversionError):
        read_state_dict(write({"weight": view(storage, shape, strides, offset)}))


@pytest.mark.parametrize(("shape", "strides"), [((), ()), ((1,), (1,)), ((3, 3), (0, 0))])
def test_tensors_of_an_empty_storage(write, shape, strides):
    storage = Storage(0, np.zeros(0, np.float32))
    with pytest.raises(ConversionError, match="beyond its stored data"):
        read_state_dict(write({"weight": view(storage, shape, strides)}))


def test_a_tensor_too_large_to_be_true(write):
    storage = Storage(0, np.arange(4, dtype=np.float32))
    with pytest.raises(ConversionError):
        read_state_dict(write({"weight": view(storage, (2**40, 2**20), (0, 0))}))


def test_a_tensor_without_a_storage(write):
    rebuild = Name("torch._utils", "_rebuild_tensor_v2")
    with pytest.raises(ConversionError):
        read_state_dict(write({"weight": Call(rebuild, "text", 0, (1,), (1,))}))


@pytest.mark.parametrize(
    "call",
    [
        Name("os", "system"),
        Name("posix", "system"),
        Name("builtins", "eval"),
        Name("builtins", "getattr"),
        Name("subprocess", "call"),
        Name("torch", "load"),
        Name("torch._utils", "os.system"),
        Name("collections", "OrderedDict.fromkeys"),
    ],
    ids=lambda name: f"{name.module}.{name.name}",
)
def test_other_names_are_refused(write, call, tmp_path):
    proof = tmp_path / "proof"
    path = write({"weight": Call(call, f"touch {proof}")})
    with pytest.raises(ConversionError, match=rf"asks for {call.module}\.{call.name}.*refused"):
        read_state_dict(path)
    assert not proof.exists()


class Payload:
    """What an attacker would pickle."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_malicious_pickle_is_refused_before_it_runs(protocol, tmp_path):
    path, proof = tmp_path / "weights.pth", tmp_path / "proof"
    path.write_bytes(pickle.dumps(Payload(f"touch {proof}"), protocol))
    with pytest.raises(ConversionError, match="system"):
        read_state_dict(path)
    assert not proof.exists()
    pickle.loads(path.read_bytes())
    assert proof.exists(), "the payload is a real one"


def test_a_malicious_pickle_after_the_magic_number(tmp_path):
    path, proof = tmp_path / "weights.pth", tmp_path / "proof"
    whole = checkpoints.legacy(state_dict())
    magic = checkpoints.pickled(checkpoints.MAGIC)
    path.write_bytes(magic + pickle.dumps(Payload(f"touch {proof}"), 2) + whole[len(magic) :])
    with pytest.raises(ConversionError, match="refused"):
        read_state_dict(path)
    assert not proof.exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9, 0.999])
def test_truncated_files(write, share):
    path = write(state_dict())
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ConversionError):
        read_state_dict(path)


def test_damaged_bytes_never_raise_anything_else(write):
    path = write(state_dict())
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(content)
        for at in rng.integers(0, len(content), 3):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(damaged)
        with contextlib.suppress(ConversionError):
            read_state_dict(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged or no PyTorch checkpoint"),
        (b"once upon a time there was no checkpoint\n", "no PyTorch checkpoint"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no PyTorch checkpoint"),
        (pickle.dumps({"weight": [1, 2]}), "found a pickle, expected a PyTorch checkpoint"),
        (pickle.dumps("text"), "found a pickle, expected a PyTorch checkpoint"),
    ],
    ids=["empty", "text", "picture", "pickle", "pickled text"],
)
def test_other_files(tmp_path, content, message):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(ConversionError, match=message):
        read_state_dict(path)


def test_other_zip_files(tmp_path):
    path = tmp_path / "weights.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ConversionError, match=r"without data\.pkl"):
        read_state_dict(path)


def test_a_zip_file_without_its_data(tmp_path):
    path = tmp_path / "weights.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", checkpoints.pickled(state_dict()))
    with pytest.raises(ConversionError, match="damaged"):
        read_state_dict(path)


@pytest.mark.parametrize("tree", [[1, 2], "text", 3, tensor(0, np.ones(2, np.float32))], ids=str)
def test_other_contents(write, tree):
    with pytest.raises(ConversionError, match="expected a state dict"):
        read_state_dict(write(tree))


@pytest.mark.parametrize("tree", [{}, {"epoch": 3}, {"generator": {"weight": 1}}], ids=str)
def test_contents_without_tensors(write, tree):
    with pytest.raises(ConversionError, match="holds no tensors"):
        read_state_dict(write(tree))


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(ConversionError, match="cannot be read: No such file"):
        read_state_dict(tmp_path / "missing.pth")
    with pytest.raises(ConversionError, match="cannot be read: Is a directory"):
        read_state_dict(tmp_path)


@pytest.mark.torch
@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_pytorch_itself(tmp_path, zipped):
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    network[1].running_mean += 1.0
    path = tmp_path / "weights.pth"
    torch.save(network.state_dict(), path, _use_new_zipfile_serialization=zipped)
    expected = {name: value.numpy() for name, value in network.state_dict().items()}
    assert_same(read_state_dict(path), expected)
