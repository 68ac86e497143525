"""State dicts written without PyTorch are what PyTorch and our own reader expect."""

import numpy as np
import pytest

from hueshift_jax.interop.torch_archive import archive
from hueshift_jax.interop.torch_weights import read_state_dict

TENSORS = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "transposed": np.arange(6, dtype=np.float64).reshape(2, 3).T,
    "scalar": np.float32(0.5),
    "empty": np.zeros((0, 3), np.float32),
    "größe": np.ones(3, np.float16),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(archive(TENSORS))
    return path


def test_our_reader_reads_it(path):
    found = read_state_dict(path)
    assert list(found) == list(TENSORS)
    for name, value in TENSORS.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], value)


def test_the_same_tensors_give_the_same_bytes(path):
    assert path.read_bytes() == archive(TENSORS)


@pytest.mark.torch
def test_pytorch_reads_it(path):
    torch = pytest.importorskip("torch")
    found = torch.load(path, weights_only=True)
    assert list(found) == list(TENSORS)
    for name, value in TENSORS.items():
        assert found[name].dtype == torch.float32
        np.testing.assert_array_equal(found[name].numpy(), value)
    torch.nn.Conv2d(3, 2, 2, bias=False).load_state_dict({"weight": found["conv.weight"]})
