"""Weights of Keras, without Keras: HDF5 files (`.h5`, `.weights.h5`) and `.keras` archives.

Tensors come out named and arranged as PyTorch would: `layer.weight`, `layer.bias`,
`layer.running_mean`; convolutions (out, in, height, width), matrices (out, in). Layers that Keras
named by itself (`conv2d_17`) are counted anew from 0 for each kind, because Keras counts on from
whatever its process built before.

Source: the layouts follow keras/src/legacy/saving/legacy_h5_format.py and
keras/src/saving/saving_lib.py of Keras 3.15.
"""

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hueshift_jax.errors import ConversionError

_LEAVES = {
    "kernel": "weight",
    "depthwise_kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "recurrent_kernel": "recurrent_weight",
}
_AUTOMATIC = re.compile(
    r"^(conv[123]d(?:_transpose)?|depthwise_conv2d|separable_conv2d|dense|embedding|lstm|gru"
    r"|batch_normalization|layer_normalization|group_normalization|time_distributed)(?:_(\d+))?$"
)
_VECTORS = {
    1: ("bias",),
    2: ("gamma", "beta"),
    3: ("beta", "moving_mean", "moving_variance"),
    4: ("gamma", "beta", "moving_mean", "moving_variance"),
}
"""What the variables of a norm are, by their number."""

Found = Iterator[tuple[str, str, np.ndarray]]
"""Name of the layer, name of its variable, value."""


def read_keras(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a Keras file.

    Raises:
      ConversionError: no such file, h5py is not installed, damaged, or without weights.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as exc:
        raise ConversionError(f"{path} cannot be read: {exc.strerror}") from exc
    try:
        import h5py
    except ImportError as exc:
        raise ConversionError(
            "reading Keras files needs h5py; install it with: pip install 'hueshift-jax[keras]'"
        ) from exc
    try:
        content, names = _unpacked(content)
        with h5py.File(io.BytesIO(content), "r") as file:
            found = list(_legacy(file) if _is_legacy(file) else _numbered(file, names))
    except ConversionError:
        raise
    except Exception as exc:  # h5py has many kinds for a damaged file
        raise ConversionError(f"{path} is damaged or no Keras file: {exc}") from exc
    if not found:
        raise ConversionError(f"{path} holds no weights")
    return _named(found, str(path))


def _unpacked(content: bytes) -> tuple[bytes, dict[str, str]]:
    """The HDF5 part of a `.keras` archive, and its layers' names by their place in the file."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return content, {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if "model.weights.h5" not in archive.namelist():
            raise ConversionError("found a zip file without model.weights.h5, expected .keras")
        config = json.loads(archive.read("config.json"))
        return archive.read("model.weights.h5"), _places(config["config"].get("layers", []))


def _places(layers: list[dict[str, Any]]) -> dict[str, str]:
    """Layers stand in the file under the names of their classes, counted."""
    counts: Counter[str] = Counter()
    places = {}
    for layer in layers:
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", layer["class_name"])
        kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind).replace("__", "_").lower()
        place = f"{kind}_{counts[kind]}" if counts[kind] else kind
        counts[kind] += 1
        places[place] = layer["config"]["name"]
    return places


# -- Two layouts -----------------------------------------------------------------------------


def _is_legacy(file: Any) -> bool:
    return "layer_names" in file.get("model_weights", file).attrs


def _legacy(file: Any) -> Found:
    """Keras 1, 2 and `.h5` of Keras 3: a group for each layer that names its variables."""
    layers = file.get("model_weights", file)
    for layer in map(_text, layers.attrs["layer_names"]):
        paths = [_text(name) for name in layers[layer].attrs["weight_names"]]
        leaves = [_leaf(path) for path in paths]
        nested = len(set(leaves)) < len(leaves)
        for path, leaf in zip(paths, leaves, strict=True):
            owner = path.split("/")[-2] if nested and "/" in path else layer
            yield owner, leaf, np.asarray(layers[layer][path])


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _leaf(path: str) -> str:
    return path.split("/")[-1].partition(":")[0]


def _numbered(file: Any, names: Mapping[str, str]) -> Found:
    """Keras 3: `layers/<place>/.../vars/<number>`; newer versions keep the layer's name beside."""
    for place, layer in file.get("layers", {}).items():
        own = layer["vars"].attrs.get("name") if "vars" in layer else None
        owner = _text(own) if own is not None else names.get(place, place)
        groups: list[Any] = []
        layer.visititems(lambda path, item, to=groups: to.append(item) if _holds(path) else None)
        for group in groups:
            values = [np.asarray(group[key]) for key in sorted(group, key=int)]
            for leaf, value in zip(_leaves(values, owner), values, strict=True):
                yield owner, leaf, value


def _holds(path: str) -> bool:
    return path.rpartition("/")[2] == "vars"


def _leaves(values: list[np.ndarray], owner: str) -> tuple[str, ...]:
    """What a layer's variables are, by their ranks."""
    ranks = [value.ndim for value in values]
    if not ranks:
        return ()
    if max(ranks) == 1 and len(ranks) in _VECTORS:
        return _VECTORS[len(ranks)]
    names = {1: ("kernel",), 2: ("kernel", "bias")}
    if ranks == [2, 2, 1]:
        return "kernel", "recurrent_kernel", "bias"
    if ranks[0] > 1 and len(ranks) in names and ranks[1:] in ([], [1]):
        return names[len(ranks)]
    raise ConversionError(f"the layer {owner} has variables of a kind that is not known: {ranks}")


# -- Names and axes --------------------------------------------------------------------------


def _named(found: list[tuple[str, str, np.ndarray]], path: str) -> dict[str, np.ndarray]:
    """PyTorch's names and axes."""
    counted = _counted([layer for layer, _, _ in found])
    tensors: dict[str, np.ndarray] = {}
    for layer, leaf, value in found:
        name = f"{counted[layer]}.{_LEAVES.get(leaf, leaf)}"
        if name in tensors:
            raise ConversionError(f"{path} holds two layers called {layer}")
        depthwise = leaf == "depthwise_kernel" or "depthwise" in layer
        tensors[name] = _arranged(leaf, value, depthwise=depthwise)
    return tensors


def _counted(layers: list[str]) -> dict[str, str]:
    """The layers' names, automatic ones counted from 0."""
    numbers: dict[str, set[int]] = {}
    for layer in layers:
        if match := _AUTOMATIC.match(layer):
            numbers.setdefault(match[1], set()).add(int(match[2] or 0))
    counted = {layer: layer for layer in layers}
    for layer in layers:
        if match := _AUTOMATIC.match(layer):
            place = sorted(numbers[match[1]]).index(int(match[2] or 0))
            counted[layer] = f"{match[1]}_{place}"
    return counted


def _arranged(leaf: str, value: np.ndarray, *, depthwise: bool) -> np.ndarray:
    """Outputs first, then inputs, then the window; vectors as they are."""
    if not leaf.endswith("kernel") or value.ndim < 2:
        return value
    window = tuple(range(value.ndim - 2))
    if depthwise and value.ndim == 4:
        spread = value.transpose(2, 3, *window)
        return spread.reshape(-1, 1, *spread.shape[2:])
    return value.transpose(value.ndim - 1, value.ndim - 2, *window)
