"""A user's own PyTorch network beside ours: the same weights, the same inputs."""

import contextlib
import copy
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.errors import ParityError
from hueshift_jax.interop.published import Published
from hueshift_jax.interop.torch_weights import read_state_dict
from hueshift_jax.parity.speed import interleaved

_ROUNDS = 7


@dataclass(frozen=True)
class Baseline:
    """A class in a file of the user's, and what its constructor takes.

    path: the Python file; it is executed.
    arguments: by name, or a list in the constructor's order.
    """

    path: Path
    name: str
    arguments: Mapping[str, Any] | Sequence[Any] = ()

    def load(self, checkpoint: Path | None = None, seed: int = 0) -> tuple[Any, dict[str, Any]]:
        """The network in evaluation mode, and its arguments by name.

        checkpoint: of its weights, read without executing it; else `seed` makes them.

        Raises:
          ParityError: no PyTorch, no such file or class, its constructor fails, or the
            checkpoint does not fit it.
          ConversionError: the checkpoint cannot be read.
        """
        _require_torch()
        import torch

        torch.manual_seed(seed)
        cls = getattr(self._module(), self.name, None)
        if cls is None:
            raise ParityError(f"{self.path} has no class {self.name}")
        named = isinstance(self.arguments, Mapping)
        args, options = ((), self.arguments) if named else (self.arguments, {})
        try:
            bound = inspect.signature(cls).bind(*args, **options)
            network = cls(*args, **options)
        except Exception as exc:  # foreign code: anything can come
            raise ParityError(f"{self.name} cannot be made with {self.arguments}: {exc}") from exc
        if checkpoint is not None:
            _fill(network, checkpoint)
        return network.float().eval(), dict(bound.arguments)

    def _module(self) -> Any:
        spec = importlib.util.spec_from_file_location(self.path.stem, self.path)
        if spec is None or not self.path.is_file():
            raise ParityError(f"{self.path} is no Python file")
        module = importlib.util.module_from_spec(spec)
        try:
            with _importable(self.path.parent):
                spec.loader.exec_module(module)
        except Exception as exc:  # foreign code: anything can come
            raise ParityError(f"{self.path} cannot be imported: {exc}") from exc
        return module


def _fill(network: Any, checkpoint: Path) -> None:
    import torch

    tensors = read_state_dict(checkpoint)
    try:
        network.load_state_dict({n: torch.from_numpy(v.copy()) for n, v in tensors.items()})
    except RuntimeError as exc:
        raise ParityError(f"{checkpoint} does not fit the baseline: {exc}") from exc


def _require_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise ParityError("PyTorch is not installed; install it with: pip install torch")


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """The folder's modules can be imported meanwhile."""
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.path.remove(str(folder.resolve()))


@dataclass(frozen=True)
class Agreement:
    """How far ours is from the baseline for one array: largest and mean error, and the scale.

    Errors are relative to the largest value of the baseline's (of an output), or to the norm of
    the baseline's (of a gradient).
    """

    what: str
    largest: float
    mean: float


@dataclass(frozen=True)
class Comparison:
    """All that was compared.

    parameters: trained values of ours and of the baseline.
    outputs: one for each.
    gradients: of a weighted sum of the outputs, by each input and by all parameters together.
    ratio: our time by the baseline's, median of interleaved rounds.
    """

    parameters: tuple[int, int]
    outputs: tuple[Agreement, ...]
    gradients: tuple[Agreement, ...]
    ratio: float

    def within(self, tolerance: float, gradient_tolerance: float) -> bool:
        """Whether the counts are equal and every error is within its tolerance."""
        return (
            self.parameters[0] == self.parameters[1]
            and all(a.largest <= tolerance for a in self.outputs)
            and all(a.largest <= gradient_tolerance for a in self.gradients)
        )


class Pair:
    """Our network and a PyTorch one with equal weights.

    network: the PyTorch module, in evaluation mode.
    arguments: of its constructor, by name.
    """

    def __init__(self, published: Published, network: Any, arguments: Mapping[str, Any]):
        self._published = published
        self._theirs = network
        tensors = {name: value.numpy() for name, value in network.state_dict().items()}
        ours = published.load(arguments, tensors)
        self._graph, self._params, self._rest = nnx.split(ours, nnx.Param, ...)
        self._places = published.places(ours)
        self.arguments = arguments

    def compare(self, inputs: Sequence[np.ndarray]) -> Comparison:
        """Runs both on the same inputs, in the published layout.

        Raises:
          ParityError: the outputs differ in number or shape, or the baseline fails.
        """
        with jax.default_matmul_precision("highest"):
            return Comparison(
                self._counts(),
                tuple(self._outputs(inputs)),
                tuple(self._gradients(inputs)),
                self._time_ratio(inputs),
            )

    def _counts(self) -> tuple[int, int]:
        ours = sum(np.size(v) for v in jax.tree.leaves(self._params))
        theirs = sum(p.numel() for p in self._theirs.parameters() if p.requires_grad)
        return int(ours), int(theirs)

    def _call(self, params: Any, *inputs: Any) -> tuple[jax.Array, ...]:
        network = nnx.merge(self._graph, params, self._rest, copy=True)
        return tuple(self._published.call(network, *inputs))

    def _call_theirs(self, *inputs: Any, network: Any = None) -> list[Any]:
        # A copy, because a forward pass may move state (spectral norms).
        network = copy.deepcopy(self._theirs) if network is None else network
        try:
            return list(_tensors(network(*inputs)))
        except Exception as exc:  # foreign code: anything can come
            raise ParityError(f"the baseline cannot take these inputs: {exc}") from exc

    def _outputs(self, inputs: Sequence[np.ndarray]) -> Iterator[Agreement]:
        import torch

        ours = jax.jit(self._call)(self._params, *inputs)
        with torch.no_grad():
            theirs = self._call_theirs(*map(torch.from_numpy, inputs))
        shapes = [tuple(y.shape) for y in ours], [tuple(y.shape) for y in theirs]
        if shapes[0] != shapes[1]:
            raise ParityError(f"our outputs have shapes {shapes[0]}, the baseline's {shapes[1]}")
        for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            yield _agreement(f"output {number}", np.asarray(a), b.numpy(), np.max)

    def _gradients(self, inputs: Sequence[np.ndarray]) -> Iterator[Agreement]:
        """Of the sum of the outputs, each weighted by fixed random numbers."""
        import torch

        network = copy.deepcopy(self._theirs)
        leaves = [_leaf(torch.from_numpy(x)) for x in inputs]
        outputs = self._call_theirs(*leaves, network=network)
        rng = np.random.default_rng(0)
        weights = [rng.standard_normal(tuple(y.shape), np.float32) for y in outputs]
        sum((y * torch.from_numpy(w)).sum() for y, w in zip(outputs, weights)).backward()
        floating = [n for n, x in enumerate(inputs) if np.issubdtype(x.dtype, np.floating)]

        def weighted(params, chosen):
            every = list(inputs)
            for place, value in zip(floating, chosen, strict=True):
                every[place] = value
            return sum(jnp.vdot(y, w) for y, w in zip(self._call(params, *every), weights))

        chosen = [jnp.asarray(inputs[n]) for n in floating]
        ours, by_input = jax.jit(jax.grad(weighted, (0, 1)))(self._params, chosen)
        for place, value in zip(floating, by_input, strict=True):
            theirs = _gradient(leaves[place])
            yield _agreement(f"gradient by input {place}", np.asarray(value), theirs, _norm)
        yield self._parameter_gradients(ours, network)

    def _parameter_gradients(self, ours: Any, network: Any) -> Agreement:
        graph = nnx.merge(self._graph, ours, self._rest, copy=True)
        found = self._published.export(graph)
        pairs = [
            (found[name].ravel(), _gradient(parameter).ravel())
            for name, parameter in network.named_parameters()
            if parameter.requires_grad and name in found
        ]
        a, b = (np.concatenate(side) for side in zip(*pairs))
        return _agreement("gradient by parameters", a, b, _norm)

    def _time_ratio(self, inputs: Sequence[np.ndarray]) -> float:
        import torch

        compiled = jax.jit(self._call)
        arrays, tensors = [jnp.asarray(x) for x in inputs], list(map(torch.from_numpy, inputs))
        network = copy.deepcopy(self._theirs)

        def ours() -> None:
            jax.block_until_ready(compiled(self._params, *arrays))

        def theirs() -> None:
            with torch.inference_mode():
                self._call_theirs(*tensors, network=network)

        return paired_ratio(ours, theirs)


def paired_ratio(
    first: Callable[[], None], second: Callable[[], None], rounds: int = _ROUNDS
) -> float:
    """Median of (seconds of `first` / seconds of `second`) over interleaved rounds."""
    times = interleaved(first, second, rounds=rounds)
    return float(np.median(times[:, 0] / times[:, 1]))


def _tensors(value: Any) -> Iterator[Any]:
    """The tensors in nested tuples, lists and dicts, in order."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
    elif value is not None:
        yield value


def _leaf(tensor: Any) -> Any:
    return tensor.clone().requires_grad_() if tensor.is_floating_point() else tensor


def _gradient(tensor: Any) -> np.ndarray:
    """Zeros where nothing depends on the tensor."""
    grad = tensor.grad
    return np.zeros(tuple(tensor.shape), np.float32) if grad is None else grad.numpy()


def _norm(value: np.ndarray) -> float:
    return float(np.linalg.norm(value.ravel()))


def _agreement(
    what: str, ours: np.ndarray, theirs: np.ndarray, scale: Callable[[np.ndarray], float]
) -> Agreement:
    """Errors relative to `scale(|theirs|)`; the error itself is measured by `scale` too."""
    error = np.abs(ours.astype(np.float64) - theirs)
    largest = float(scale(np.abs(theirs.astype(np.float64)))) or 1.0
    return Agreement(what, float(scale(error)) / largest, float(np.mean(error)) / largest)
