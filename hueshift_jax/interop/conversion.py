"""Weights from one file format to another: PyTorch, Keras, safetensors, and ours.

Ours is a safetensors file with our names and axes whose metadata name the network and the
arguments it was built with, so it converts back without being told.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.errors import ConversionError
from hueshift_jax.interop import networks
from hueshift_jax.interop.keras_weights import read_keras
from hueshift_jax.interop.published import Published, require_same
from hueshift_jax.interop.torch_archive import archive
from hueshift_jax.interop.torch_weights import read_state_dicts

TORCH = (".pth", ".pt", ".ckpt", ".bin", ".tar")
KERAS = (".h5", ".hdf5", ".keras")
SAFETENSORS = ".safetensors"
WRITTEN = (SAFETENSORS, ".pth", ".pt")

_GROUPS = (
    *("state_dict", "model_state_dict", "model", "params", "params_ema", "ema", "net"),
    *("network", "generator", "generator_state_dict", "netG", "G", "weights"),
)
"""Where checkpoints usually keep their weights; of two that fit equally the earlier is taken."""
_WRAPPERS = re.compile(r"^(?:_orig_mod|module|model|net|netG|network|generator)\.")
_OURS = "hueshift"


@dataclass(frozen=True)
class Source:
    """The tensors of a file.

    groups: by where they stand in the file, "" if they are all it holds.
    ours: whether they have our names.
    network, args: what they belong to, if the file says so.
    """

    groups: dict[str, dict[str, np.ndarray]]
    ours: bool = False
    keras: bool = False
    network: str | None = None
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What was converted.

    group, prefix: which tensors of the file were taken, and what was taken off their names.
    others: groups that would have fitted as well.
    """

    network: str
    tensors: int
    numbers: int
    group: str = ""
    prefix: str = ""
    others: tuple[str, ...] = ()


def read(path: Path) -> Source:
    """What `path` holds, floating tensors as float32.

    Raises:
      ConversionError: the suffix is of no known kind, or the content not of its suffix.
      CheckpointError: likewise, for a safetensors file.
    """
    suffix = path.suffix.lower()
    if suffix == SAFETENSORS:
        return _read_safetensors(path)
    if suffix in KERAS:
        return Source({"": _widened(read_keras(path))}, keras=True)
    if suffix in TORCH:
        found = read_state_dicts(path)
        return Source({group: _widened(tensors) for group, tensors in found.items()})
    known = ", ".join((SAFETENSORS, *TORCH, *KERAS))
    raise ConversionError(f"{path.name} has no suffix of a weights file; known are {known}")


def _read_safetensors(path: Path) -> Source:
    tensors, metadata = checkpoint.load_weights(path)
    try:
        args = json.loads(metadata.get("args", "{}"))
    except ValueError as exc:
        raise ConversionError(f"{path}: the arguments in its metadata are damaged: {exc}") from exc
    network, ours = metadata.get("network"), metadata.get("names") == _OURS
    return Source({"": tensors}, ours=ours, network=network, args=args)


def _widened(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    whole = (np.integer, np.bool_)
    return {
        name: value if issubclass(value.dtype.type, whole) else value.astype(np.float32)
        for name, value in tensors.items()
    }


def load(
    source: Source,
    published: Published,
    args: Mapping[str, Any],
    *,
    group: str | None = None,
    prefix: str | None = None,
) -> tuple[nnx.Module, Report]:
    """The network with the tensors of a file.

    Args:
      group: which of the file's groups; None chooses the one with most of the network's names.
      prefix: what is taken off the names, and only names that have it are taken; None takes off
        what wrappers put before every name.

    Raises:
      ConversionError: the network cannot be built, or the tensors do not fit it.
    """
    if source.ours:
        module = _load_ours(published, args, source.groups[""])
        return module, _report(published, source.groups[""])
    fit = _Fit(published, frozenset(_shapes(published, args)))
    groups = {name: _stripped(source, name, fit, prefix) for name in source.groups}
    chosen, others = _chosen(groups, fit, group)
    taken, tensors = groups[chosen]
    fit.require_some(tensors)
    where = {"group": chosen, "prefix": taken, "others": others}
    return published.load(args, tensors), _report(published, tensors, **where)


def _report(published: Published, tensors: Mapping[str, np.ndarray], **where: Any) -> Report:
    numbers = sum(value.size for value in tensors.values())
    return Report(published.name, len(tensors), numbers, **where)


def _shapes(published: Published, args: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    try:
        return published.shapes(args)
    except (TypeError, ValueError, LookupError, ArithmeticError) as exc:
        raise ConversionError(f"{published.name} cannot be built from {dict(args)}: {exc}") from exc


def _load_ours(
    published: Published, args: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> nnx.Module:
    _shapes(published, args)
    module = published.abstract(args)
    state = checkpoint.flatten(nnx.state(module))
    expected = {name: leaf.shape for name, leaf in state.items()}
    require_same(published.name, expected, {name: v.shape for name, v in tensors.items()})
    nnx.update(module, checkpoint.fill(nnx.state(module), tensors))
    module.eval()
    return module


@dataclass(frozen=True)
class _Fit:
    """Which names a network has."""

    published: Published
    expected: frozenset[str]

    def count(self, names: Iterable[str]) -> int:
        """How many of `names` it has."""
        return sum(self.published.current(name) in self.expected for name in names)

    def require_some(self, names: Iterable[str]) -> None:
        """Checks that it has any."""
        if not self.count(names):
            found, expected = (", ".join(sorted(some)[:4]) for some in (names, self.expected))
            raise ConversionError(
                f"no tensor of the file is called like one of {self.published.name}; found"
                f" {found or 'none'} ..., expected {expected} ..."
            )


def _stripped(
    source: Source, group: str, fit: _Fit, prefix: str | None
) -> tuple[str, dict[str, np.ndarray]]:
    """The prefix that was taken off, and the tensors of a group without it."""
    tensors = source.groups[group]
    if source.keras:
        tensors = fit.published.from_keras(tensors)
    taken = _wrapper(list(tensors), fit) if prefix is None else prefix
    return taken, {n.removeprefix(taken): v for n, v in tensors.items() if n.startswith(taken)}


def _wrapper(names: list[str], fit: _Fit) -> str:
    """What stands before all names without belonging to them."""
    taken = ""
    while not fit.count(name.removeprefix(taken) for name in names):
        match = _WRAPPERS.match(names[0].removeprefix(taken)) if names else None
        if not match or not all(name.startswith(taken + match[0]) for name in names):
            return ""
        taken += match[0]
    return taken


def _chosen(
    groups: Mapping[str, tuple[str, Mapping[str, np.ndarray]]], fit: _Fit, wanted: str | None
) -> tuple[str, tuple[str, ...]]:
    """The group to convert, and others that fit equally well."""
    if wanted is not None:
        if wanted not in groups:
            listed = ", ".join(repr(group) for group in groups)
            raise ConversionError(f"the file has no tensors under {wanted!r}; it has {listed}")
        return wanted, ()
    counts = {group: fit.count(tensors) for group, (_, tensors) in groups.items()}
    best = [group for group, count in counts.items() if count == max(counts.values())]
    best.sort(key=lambda group: _GROUPS.index(group) if group in _GROUPS else len(_GROUPS))
    return best[0], tuple(best[1:])


def convert(
    path: Path,
    target: Path,
    *,
    network: str | None = None,
    args: Mapping[str, Any] | None = None,
    published_names: bool = False,
    **choice: str | None,
) -> Report:
    """Writes the weights of `path` as `target`, whose suffix chooses the format.

    Args:
      network: by its name; None: the file says it.
      args: of the published constructor; None: the file's, or the published configuration.
      published_names: a safetensors file gets the published names and axes instead of ours.
      choice: `group` and `prefix`, as `load` takes them.

    Raises:
      ConversionError: a format that is not known, tensors that do not fit, or no way to write.
      CheckpointError: a safetensors file is missing, damaged or holds what is not finite.
    """
    if target.suffix.lower() not in WRITTEN:
        raise ConversionError(f"{target.name} cannot be written; known are {', '.join(WRITTEN)}")
    source = read(path)
    name = network or source.network
    if name is None:
        raise ConversionError(f"{path.name} does not say which network it belongs to; name it")
    if source.ours and source.network != name:
        raise ConversionError(f"{path.name} holds weights of {source.network}, not of {name}")
    known = networks.network(name)
    args = source.args if args is None else dict(args)
    module, report = load(source, known, args, **choice)
    try:
        _write(target, known, args, module, ours=not published_names)
    except OSError as exc:
        raise ConversionError(f"{target} cannot be written: {exc.strerror}") from exc
    return report


def _write(
    target: Path, published: Published, args: Mapping[str, Any], module: nnx.Module, *, ours: bool
) -> None:
    if target.suffix.lower() != SAFETENSORS:
        checkpoint.write_whole(target, archive(published.export(module)))
        return
    flat = checkpoint.flatten(nnx.state(module)) if ours else published.export(module)
    metadata = {
        "network": published.name,
        "args": json.dumps(dict(args)),
        "names": _OURS if ours else "published",
        "source": published.source,
    }
    checkpoint.save_weights(target, flat, metadata, np.float32)
