"""Keras files of all three layouts are read without Keras."""

import json
import sys
import zipfile

import numpy as np
import pytest

from hueshift_jax.errors import ConversionError
from hueshift_jax.interop import keras_weights
from hueshift_jax.interop.keras_weights import read_keras

h5py = pytest.importorskip("h5py")

RNG = np.random.default_rng(0)
CONV = RNG.standard_normal((3, 5, 2, 4)).astype(np.float32)
BIAS = RNG.standard_normal(4).astype(np.float32)
NORM = RNG.random((4, 4)).astype(np.float32)
CELL = RNG.standard_normal((3, 8)).astype(np.float32)
RECURRENT = RNG.standard_normal((2, 8)).astype(np.float32)
GATES = RNG.standard_normal(8).astype(np.float32)
DEPTHWISE = RNG.standard_normal((3, 5, 4, 2)).astype(np.float32)

LAYERS = {
    "first": {"kernel": CONV, "bias": BIAS},
    "conv2d_7": {"kernel": CONV},
    "conv2d_11": {"kernel": -CONV},
    "batch_normalization": dict(zip(("gamma", "beta", "moving_mean", "moving_variance"), NORM)),
    "batch_normalization_3": dict(zip(("beta", "moving_mean", "moving_variance"), NORM)),
    "memory": {"kernel": CELL, "recurrent_kernel": RECURRENT, "bias": GATES},
}
EXPECTED = {
    "first.weight": CONV.transpose(3, 2, 0, 1),
    "first.bias": BIAS,
    "conv2d_0.weight": CONV.transpose(3, 2, 0, 1),
    "conv2d_1.weight": -CONV.transpose(3, 2, 0, 1),
    "batch_normalization_0.weight": NORM[0],
    "batch_normalization_0.bias": NORM[1],
    "batch_normalization_0.running_mean": NORM[2],
    "batch_normalization_0.running_var": NORM[3],
    "batch_normalization_1.bias": NORM[0],
    "batch_normalization_1.running_mean": NORM[1],
    "batch_normalization_1.running_var": NORM[2],
    "memory.weight": CELL.T,
    "memory.recurrent_weight": RECURRENT.T,
    "memory.bias": GATES,
}
CLASSES = {"first": "Conv2D", "memory": "LSTM", "conv2d": "Conv2D", "batch": "BatchNormalization"}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def write_legacy(path, layers, *, suffix=":0", section=None):
    """Keras 1 and 2: `section` is "model_weights" where a whole model was saved."""
    with h5py.File(path, "w") as file:
        root = file.create_group(section) if section else file
        root.attrs["layer_names"] = [name.encode() for name in (*layers, "flatten")]
        root.create_group("flatten").attrs["weight_names"] = np.zeros(0)
        for layer, variables in layers.items():
            inside = f"{layer}/lstm_cell" if "recurrent_kernel" in variables else layer
            names = [f"{inside}/{leaf}{suffix}" for leaf in variables]
            group = root.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, variables.values(), strict=True):
                group[name] = value


def place_of(layer):
    """The name of a layer's class, as Keras 3 counts it."""
    kind = CLASSES[layer if layer in CLASSES else layer.partition("_")[0]]
    return {"Conv2D": "conv2d", "LSTM": "lstm", "BatchNormalization": "batch_normalization"}[kind]


def write_numbered(path, layers, *, named=True):
    """Keras 3; `named`: newer versions write the layer's name beside its variables."""
    counts = {}
    with h5py.File(path, "w") as file:
        for layer, variables in layers.items():
            place = place_of(layer)
            number = counts[place] = counts.get(place, -1) + 1
            group = file.create_group(f"layers/{place}_{number}" if number else f"layers/{place}")
            own = group.create_group("vars")
            if named:
                own.attrs["name"] = layer
            inside = group.create_group("cell/vars") if place == "lstm" else own
            for n, value in enumerate(variables.values()):
                inside[str(n)] = value
        file.create_group("optimizer/vars")["0"] = np.zeros(())


def write_keras(path, layers):
    """A `.keras` archive of an early Keras 3."""
    write_numbered(path.with_suffix(".part"), layers, named=False)
    config = [
        {"class_name": CLASSES[n if n in CLASSES else n.partition("_")[0]], "config": {"name": n}}
        for n in layers
    ]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": config}}))
        archive.write(path.with_suffix(".part"), "model.weights.h5")


@pytest.mark.parametrize("section", [None, "model_weights"])
@pytest.mark.parametrize("suffix", [":0", ""])
def test_legacy_files(tmp_path, section, suffix):
    path = tmp_path / "weights.h5"
    write_legacy(path, LAYERS, section=section, suffix=suffix)
    assert_same(read_keras(path), EXPECTED)


def test_numbered_files(tmp_path):
    path = tmp_path / "model.weights.h5"
    write_numbered(path, LAYERS)
    assert_same(read_keras(path), EXPECTED)


def test_archives(tmp_path):
    path = tmp_path / "model.keras"
    write_keras(path, LAYERS)
    assert_same(read_keras(path), EXPECTED)


def test_models_inside_models(tmp_path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"vgg"]
        group = file.create_group("vgg")
        group.attrs["weight_names"] = [b"one/kernel:0", b"two/kernel:0"]
        group["one/kernel:0"], group["two/kernel:0"] = CELL, RECURRENT
    assert_same(read_keras(path), {"one.weight": CELL.T, "two.weight": RECURRENT.T})


def test_depthwise_kernels_have_one_input_each(tmp_path):
    path = tmp_path / "weights.h5"
    write_legacy(path, {"filter": {"depthwise_kernel": DEPTHWISE}})
    found = read_keras(path)["filter.weight"]
    assert found.shape == (8, 1, 3, 5)
    np.testing.assert_array_equal(found[5, 0], DEPTHWISE[:, :, 2, 1])


@pytest.mark.parametrize("content", [b"", b"no file of ours\n", b"\x89HDF\r\n\x1a\n\x00\x00"])
def test_other_files(tmp_path, content):
    path = tmp_path / "weights.h5"
    path.write_bytes(content)
    with pytest.raises(ConversionError, match="damaged or no Keras file"):
        read_keras(path)


def test_truncated_files(tmp_path):
    path = tmp_path / "weights.h5"
    write_legacy(path, LAYERS)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ConversionError, match="damaged"):
        read_keras(path)


def test_other_zip_files(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ConversionError, match=r"without model\.weights\.h5"):
        read_keras(path)


def test_files_without_weights(tmp_path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["number"] = 3
    with pytest.raises(ConversionError, match="holds no weights"):
        read_keras(path)


def test_layers_of_another_kind(tmp_path):
    path = tmp_path / "model.weights.h5"
    write_numbered(path, {"first": dict(enumerate([CONV] * 4))})
    with pytest.raises(ConversionError, match="first has variables of a kind that is not known"):
        read_keras(path)


def test_missing_files(tmp_path):
    with pytest.raises(ConversionError, match="cannot be read: No such file"):
        read_keras(tmp_path / "missing.h5")


def test_without_h5py(tmp_path, monkeypatch):
    path = tmp_path / "weights.h5"
    write_legacy(path, LAYERS)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConversionError, match=r"needs h5py; install it with: pip install"):
        read_keras(path)


def test_vectors_of_a_norm():
    assert keras_weights._leaves([BIAS, BIAS], "norm") == ("gamma", "beta")
