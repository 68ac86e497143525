"""Published networks: how each is built, and which of our arrays bears which published name.

A published state dict and ours differ in names and in the order of axes, never in number: every
tensor that a published checkpoint holds has a place, also those that its network never uses. So
weights go both ways without loss.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.errors import ConversionError
from hueshift_jax.nn.conv import Conv, ConvTranspose, Depthwise, Linear, Pointwise

Rules = tuple[tuple[str, str | Callable[[re.Match], str]], ...]
"""Pairs of a regular expression and its replacement (`re.sub`), applied one after another."""

_LEAVES = {
    "kernel": "weight",
    "scale": "weight",
    "mean": "running_mean",
    "var": "running_var",
    "u": "weight_u",
    "v": "weight_v",
}
_COUNTERS = re.compile(r"(^|\.)num_batches_tracked$")


Inputs = Callable[[Mapping[str, Any], tuple[int, int], np.random.Generator], tuple[np.ndarray, ...]]


def pictures(*channels: int) -> Inputs:
    """One normally distributed (1, c, h, w) array for each number of channels."""

    def make(args, size, rng):
        del args
        return tuple(rng.standard_normal((1, c, *size), np.float32) for c in channels)

    return make


GRAY = pictures(1)


def call_nchw(network: Callable, *inputs: jax.Array) -> tuple[jax.Array, ...]:
    """Calls a network that takes and gives NHWC pictures with NCHW ones; the rest is as it is."""
    outputs = network(*(jnp.moveaxis(x, 1, -1) if jnp.ndim(x) == 4 else x for x in inputs))
    leaves = jax.tree.leaves(outputs)
    return tuple(jnp.moveaxis(y, -1, 1) if jnp.ndim(y) == 4 else y for y in leaves)


@dataclass(frozen=True)
class Published:
    """A network that somebody published, and ours that equals it.

    name: ours, as commands take it.
    source: repository, file and class.
    build: makes our network from the published constructor's arguments; `{}` stands for the
      published configuration.
    rules: from our dotted path, its last part already as PyTorch says it (kernel and scale are
      weight, mean is running_mean, u is weight_u, ...), to the published name.
    keras: from the names that `interop.keras_weights` finds in a Keras file to the published ones.
    aliases: from a published name that repeats another tensor to the name whose value counts.
    repeats: the other way: from the name whose value counts to the one that repeats it.
    former: from names that older checkpoints have to the published ones; a kernel that was one of a
      1x1 convolution there may be one of a linear layer now.
    unused: regular expression of published tensors that have no place with us, because no
      network ever reads them; counters of batches are always left out.
    size: height and width of the default example.
    inputs: makes example inputs in the published layout from the arguments, a size and a
      generator.
    call: our network on inputs in the published layout; gives its outputs, in that layout too.
    """

    name: str
    source: str
    build: Callable[[Mapping[str, Any], nnx.Rngs], nnx.Module]
    rules: Rules = ()
    keras: Rules = ()
    aliases: Rules = ()
    repeats: Rules = ()
    former: Rules = ()
    unused: str = r"(?!)"
    size: tuple[int, int] = (64, 64)
    inputs: Inputs = GRAY
    call: Callable[..., tuple[jax.Array, ...]] = call_nchw

    def abstract(self, args: Mapping[str, Any]) -> nnx.Module:
        """The network with shapes in place of arrays."""
        return nnx.eval_shape(lambda: self.build(args, nnx.Rngs(0)))

    def shapes(self, args: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shape of every published tensor, by its name."""
        places = self.places(self.abstract(args))
        return {name: place.published_shape for name, place in places.items()}

    def from_keras(self, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Tensors as `interop.keras_weights` reads them, by their published names."""
        return {_renamed(name, self.keras): value for name, value in tensors.items()}

    def load(self, args: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> nnx.Module:
        """The network with published tensors, in evaluation mode.

        Raises:
          ConversionError: tensors are missing, left over or of another shape; all are named.
        """
        module = self.abstract(args)
        places = self.places(module)
        tensors = {self.current(name): value for name, value in tensors.items()}
        found = {
            name: _flattened(value, places.get(name))
            for name, value in tensors.items()
            if not self._is_redundant(name, tensors)
        }
        require_same(
            self.name,
            {n: p.published_shape for n, p in places.items()},
            {n: np.shape(v) for n, v in found.items()},
        )
        for name, place in places.items():
            value = place.layout.read(np.asarray(found[name]))
            place.variable.set_value(jnp.array(value))  # A copy: networks may write to it.
        module.eval()
        return module

    def export(self, module: nnx.Module) -> dict[str, np.ndarray]:
        """The published tensors of a network, in float32, with those that repeat others."""
        tensors = {
            name: place.layout.write(np.asarray(place.variable[...], np.float32))
            for name, place in self.places(module).items()
        }
        return {_renamed(name, self.repeats): value for name, value in tensors.items()} | tensors

    def places(self, module: nnx.Module) -> dict[str, "Place"]:
        """Where each published tensor lives in `module`, by published name."""
        places = {}
        for path, leaf, layout, variable in _variables(module):
            name = _renamed(".".join([*path, _LEAVES.get(leaf, leaf)]), self.rules)
            if name in places:
                raise ConversionError(f"two arrays of {self.name} are called {name}")
            places[name] = Place(".".join([*path, leaf]), layout, variable)
        return places

    def _is_redundant(self, name: str, tensors: Iterable[str]) -> bool:
        if _COUNTERS.search(name) or re.search(self.unused, name):
            return True
        value = self.owner(name)
        return value != name and value in tensors

    def current(self, name: str) -> str:
        """The published name of a tensor that an older checkpoint may call otherwise."""
        return _renamed(name, self.former)

    def owner(self, name: str) -> str:
        """The published name whose tensor counts where several stand for one."""
        return _renamed(name, self.aliases)


@dataclass(frozen=True)
class Layout:
    """How a published tensor's axes become ours and back."""

    read: Callable[[np.ndarray], np.ndarray]
    write: Callable[[np.ndarray], np.ndarray]
    shape: Callable[[tuple[int, ...]], tuple[int, ...]]


@dataclass(frozen=True)
class Place:
    """One of our arrays: its dotted path, its layout, the variable itself."""

    path: str
    layout: Layout
    variable: nnx.Variable

    @property
    def published_shape(self) -> tuple[int, ...]:
        """The shape of the published tensor."""
        return self.layout.shape(self.variable.get_value().shape)


def _permuted(forward: tuple[int, ...]) -> Layout:
    backward = tuple(int(n) for n in np.argsort(forward))
    return Layout(
        lambda value: value.transpose(forward),
        lambda value: value.transpose(backward),
        lambda shape: tuple(shape[n] for n in backward),
    )


PLAIN = Layout(lambda value: value, lambda value: value, lambda shape: shape)
_POINTWISE = Layout(
    lambda value: value[:, :, 0, 0].T,
    lambda value: value.T[:, :, None, None],
    lambda shape: (shape[1], shape[0], 1, 1),
)
_DEPTHWISE = Layout(
    lambda value: value[:, 0].transpose(1, 2, 0),
    lambda value: value.transpose(2, 0, 1)[:, None],
    lambda shape: (shape[2], 1, shape[0], shape[1]),
)
_KERNELS = {
    Conv: _permuted((2, 3, 1, 0)),
    ConvTranspose: _permuted((2, 3, 1, 0)),
    Linear: _permuted((1, 0)),
    Pointwise: _POINTWISE,
    Depthwise: _DEPTHWISE,
}


def _variables(module: nnx.Module):
    """Path, name, layout and variable of every array, in the order of the attributes."""
    for path, part in nnx.iter_modules(module):
        kinds = [layout for kind, layout in _KERNELS.items() if isinstance(part, kind)]
        for name, variable in vars(part).items():
            if isinstance(variable, nnx.Variable):
                layout = kinds[0] if kinds and name == "kernel" else PLAIN
                yield [str(step) for step in path], name, layout, variable


def _renamed(name: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def _flattened(value: np.ndarray, place: Place | None) -> np.ndarray:
    """Without the two axes of a 1x1 convolution if its place is one of a linear layer."""
    if place and np.shape(value)[2:] == (1, 1) and len(place.published_shape) == 2:
        return np.reshape(value, np.shape(value)[:2])
    return value


def require_same(
    network: str, expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]
) -> None:
    """Checks that the tensors a network is given are those it has; both are shapes by name.

    Raises:
      ConversionError: they are not; names every difference.
    """
    missing = sorted(expected.keys() - found.keys())
    extra = sorted(found.keys() - expected.keys())
    misshapen = [
        f"{name} {tuple(found[name])} instead of {tuple(expected[name])}"
        for name in sorted(expected.keys() & found.keys())
        if tuple(expected[name]) != tuple(found[name])
    ]
    parts = [
        f"{len(names)} {what}: {', '.join(names)}"
        for what, names in (("missing", missing), ("left over", extra), ("misshapen", misshapen))
        if names
    ]
    if parts:
        raise ConversionError(f"the tensors do not fit {network}: {'; '.join(parts)}")
