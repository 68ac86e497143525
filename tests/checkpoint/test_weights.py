"""Weights come back, and damage is noticed."""

import os

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from hueshift_jax import checkpoint
from hueshift_jax.errors import MismatchedWeightsError, MissingWeightsError

WEIGHTS = {
    "encoder.0.kernel": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4),
    "encoder.0.bias": np.array([1e-9, 7e4], np.float32),
    "count": np.int32(3),
}


@pytest.mark.parametrize(
    ("dtype", "error"), [(np.float16, 5e-4), (ml_dtypes.bfloat16, 4e-3), (np.float32, 0)]
)
def test_weights_come_back(tmp_path, dtype, error):
    path = tmp_path / "w.safetensors"
    checkpoint.save_weights(path, WEIGHTS, {"config": "{}"}, dtype)
    flat, metadata = checkpoint.load_weights(path)
    assert metadata == {"config": "{}"}
    assert flat.keys() == WEIGHTS.keys()
    assert flat["encoder.0.kernel"].dtype == np.float32
    np.testing.assert_allclose(flat["encoder.0.kernel"], WEIGHTS["encoder.0.kernel"], atol=error)
    np.testing.assert_array_equal(flat["encoder.0.bias"], WEIGHTS["encoder.0.bias"])
    assert flat["count"] == 3
    assert flat["count"].shape == ()


def test_half_precision_halves_the_file(tmp_path):
    large = {"kernel": np.ones((100, 100), np.float32)}
    for name, dtype in (("half", np.float16), ("full", np.float32)):
        checkpoint.save_weights(tmp_path / name, large, {}, dtype)
    assert (tmp_path / "half").stat().st_size < 0.52 * (tmp_path / "full").stat().st_size


def test_jax_arrays_of_any_layout_are_saved(tmp_path):
    path = tmp_path / "w.safetensors"
    turned = np.arange(6.0, dtype=np.float32).reshape(2, 3).T
    checkpoint.save_weights(path, {"a": jnp.ones((2, 2)), "b": turned}, {})
    np.testing.assert_array_equal(checkpoint.load_weights(path)[0]["b"], turned)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_values_that_cannot_be_kept_are_refused(tmp_path, value):
    with pytest.raises(MismatchedWeightsError, match="a holds values that float16 cannot keep"):
        checkpoint.save_weights(tmp_path / "w", {"a": np.full((2, 2), value)}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    checkpoint.save_weights(path, WEIGHTS, {})
    before = checkpoint.digest(path)
    monkeypatch.setattr(os, "fsync", _full_disk)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save_weights(path, {"a": np.ones(3)}, {})
    assert checkpoint.digest(path) == before
    assert list(tmp_path.iterdir()) == [path]


def _full_disk(_):
    raise OSError(28, "No space left on device")


def test_missing_weights(tmp_path):
    with pytest.raises(MissingWeightsError, match="no weights file"):
        checkpoint.load_weights(tmp_path / "none")


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: b"this is no weights file, but some text of a certain length",
        lambda whole: whole[:-1],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:20],
        lambda whole: whole + b"more",
        lambda whole: whole[:9] + b"\x00" + whole[10:],
        lambda whole: whole[:-4] + b"\xff\xff\xff\x7f",
    ],
)
def test_damaged_weights(tmp_path, damage):
    path = tmp_path / "w.safetensors"
    checkpoint.save_weights(path, {"bias": np.ones(4)}, {})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(MismatchedWeightsError, match="damaged"):
        checkpoint.load_weights(path)


def test_digest_is_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert checkpoint.digest(tmp_path / "x").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_one_changed_bit_in_the_values_is_found(tmp_path):
    path = tmp_path / "weights.safetensors"
    checkpoint.save_weights(path, {"kernel": np.ones((8, 8), np.float32)}, {"system": "x"})
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(MismatchedWeightsError, match="checksum"):
        checkpoint.load_weights(path)
