"""One reference file: what a published network gave, and how ours compares."""

import ast
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from hueshift_jax.errors import ParityError
from hueshift_jax.interop.published import Published
from hueshift_jax.parity import recipes

_ARGUMENT = re.compile(r"([A-Za-z_]\w*)\s*=\s*(\[[^\]]*\]|\([^)]*\)|'[^']*'|[^,;\s()]+)")


@dataclass(frozen=True)
class Check:
    """One comparison: how far apart, how far is allowed, in which measure."""

    what: str
    error: float
    tolerance: float
    measure: str

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance (not a number is not)."""
        return bool(self.error <= self.tolerance)


class Case:
    """A reference file and the comparisons made with it. Published layouts: NCHW pictures.

    path: of the `.npz`.

    Attributes:
      name: the file's name without its suffix.
      key: seeds its recipes.
      meta, arrays: its content.
      checks: the comparisons so far.

    Raises:
      ParityError: no reference file.
    """

    def __init__(self, path: Path):
        try:
            with np.load(path, allow_pickle=False) as stored:
                self.arrays = {name: stored[name] for name in stored.files}
            self.meta: dict[str, Any] = json.loads(str(self.arrays.pop("meta")))
            self.key: str = self.meta["key"]
        except (OSError, ValueError, KeyError, TypeError, EOFError) as exc:
            raise ParityError(f"{path} is no reference file: {exc}") from exc
        self.name = path.stem
        self.checks: list[Check] = []

    # -- What the file says -------------------------------------------------------------------

    @cached_property
    def args(self) -> dict[str, Any]:
        """The published constructor's arguments, also from `name=value, ...` in a sentence.

        The first value counts: a sentence may mention others in passing.
        """
        stated = self.meta.get("args", {})
        if not isinstance(stated, str):
            return dict(stated)
        return {name: _value(text) for name, text in reversed(_ARGUMENT.findall(stated))}

    @cached_property
    def lines(self) -> dict[str, str]:
        """The sentences that say how inputs are made, by the input's name where it has one."""
        stated = self.meta.get("inputs", self.meta.get("input", ""))
        stated = stated if isinstance(stated, dict) else {"": stated}
        return {name: line for name, line in stated.items() if isinstance(line, str)}

    def recipes_of(self, line: str) -> list[recipes.Recipe]:
        """The recipes in the sentence about the input `line`, in order."""
        symbols = {n: v for n, v in self.args.items() if type(v) is int}
        return list(recipes.read(self.lines[line], symbols))

    @cached_property
    def _recipes(self) -> dict[str, recipes.Recipe]:
        by_name: dict[str, recipes.Recipe] = {}
        for line in self.lines:
            for recipe in self.recipes_of(line):
                by_name.setdefault(recipe.name, recipe)
        return by_name

    def draw(self, name: str, number: int | None = None) -> np.ndarray:
        """The drawn input whose stream is called `name`; `number` fills in a `%d`.

        Raises:
          ParityError: no recipe of that name.
        """
        if name not in self._recipes:
            listed = ", ".join(self._recipes) or "none"
            raise ParityError(f"{self.name} has no recipe for {name!r}; it has: {listed}")
        return self._recipes[name].draw(self.key, number)

    def input(self, name: str) -> Any:
        """An input that the meta states as a value: a number or a list of numbers.

        Both forms are read: `"inputs": {"t": [17, 803]}` and `"input": "...; t=[7,150]"`.
        """
        stated = self.meta.get("inputs", {})
        if isinstance(stated, dict) and name in stated and not isinstance(stated[name], str):
            return stated[name]
        pattern = rf"\b{re.escape(name)}\s*=\s*(\[[^\]]*\]|-?[\d.]+(?:e-?\d+)?)"
        for line in self.lines.values():
            if match := re.search(pattern, line):
                return ast.literal_eval(match[1])
        raise ParityError(f"{self.name} states no input {name!r}")

    def find(self, pattern: str, default: float) -> float:
        """The first group of `pattern` in the sentences about inputs, arguments or notes."""
        stated = (self.meta.get("args", ""), self.meta.get("notes", ""))
        sentences = [*self.lines.values(), *(s for s in stated if isinstance(s, str))]
        found = (re.search(pattern, sentence) for sentence in sentences)
        return next((float(match[1]) for match in found if match), default)

    @cached_property
    def tensors(self) -> dict[str, np.ndarray]:
        """The published state dict, filled by the rule."""
        listed = self.meta.get("state_dict", [])
        return {name: recipes.tensor(self.key, name, tuple(shape)) for name, shape, *_ in listed}

    def tolerance(self, name: str) -> float:
        """What the meta allows for one array: relative to the largest reference value."""
        special = self.meta.get("tolerances", {})
        general = self.meta.get("tolerance_rel", self.meta.get("tolerance"))
        value = special.get(name, general)
        if not isinstance(value, int | float):
            raise ParityError(f"{self.name} states no tolerance for {name}: {value!r}")
        return float(value)

    # -- Comparing ----------------------------------------------------------------------------

    def network(
        self, published: Published, args: Mapping[str, Any] | None = None, prefix: str = ""
    ) -> nnx.Module:
        """Our network with the file's weights, in evaluation mode; its counts are compared too.

        The tensors of a file that lists none are drawn by the names that the network has.

        args: in place of the file's.
        prefix: takes only the tensors whose names begin with it, and takes it off.
        """
        args = self.args if args is None else args
        if not self.tensors:
            self.tensors = self._unlisted(published, args)
        tensors = {
            name.removeprefix(prefix): value
            for name, value in self.tensors.items()
            if name.startswith(prefix)
        }
        module = published.load(args, tensors)
        if not prefix:
            self._count(module, published)
        return module

    def _unlisted(self, published: Published, args: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Every tensor that the published network has, filled by the rule; counters too."""
        shapes = {
            n: p.published_shape for n, p in published.places(published.abstract(args)).items()
        }
        for name in [n for n in shapes if n.endswith(".running_mean")]:
            shapes[name.replace("running_mean", "num_batches_tracked")] = ()
        return {name: recipes.tensor(self.key, name, shape) for name, shape in shapes.items()}

    def _count(self, module: nnx.Module, published: Published) -> None:
        """Compares the numbers of trained values and of other state with the meta's."""
        trained = _size(nnx.state(module, nnx.Param))
        counters = {published.owner(n) for n in self.tensors if n.endswith("num_batches_tracked")}
        rest = _size(nnx.state(module, nnx.Not(nnx.Param))) + len(counters)
        trained_stated = self.meta.get("params_trainable", self.meta.get("params"))
        rest_stated = self.meta.get("buffers")
        if self.meta.get("params_trainable") is not None:
            rest_stated = rest_stated + self.meta.get("params_frozen", 0)
        elif "params_not_trained" in self.meta:
            rest_stated = rest_stated + self.meta["params_not_trained"]
        if trained_stated is not None:
            self.exact("parameters", trained, trained_stated)
        if rest_stated is not None:
            self.exact("buffers", rest, rest_stated)

    def compare(
        self,
        name: str,
        ours: Any,
        *,
        reference: np.ndarray | None = None,
        tolerance: float | None = None,
        absolute: bool = False,
    ) -> None:
        """Compares with the array `name` in the file's measure: max|ours - ref| / max|ref|.

        ours: in the published layout, whole; where the file keeps every n-th row, column or
          channel only, so are ours taken.
        reference: in place of the file's array.
        tolerance: in place of the meta's.
        absolute: the measure is max|ours - ref|.
        """
        expected = self.arrays[name] if reference is None else reference
        steps = {int(n) for n in re.findall(r"::(\d+)", json.dumps(self.meta))}
        found = thinned(np.asarray(ours), expected.shape, f"{self.name}: {name}", steps)
        expected = np.asarray(expected, np.float64)
        error = float(np.max(np.abs(found.astype(np.float64) - expected), initial=0.0))
        largest = float(np.max(np.abs(expected), initial=0.0))
        scale = 1.0 if absolute or largest == 0 else largest
        allowed = self.tolerance(name) if tolerance is None else tolerance
        measure = "absolute" if absolute else "relative"
        self.checks.append(Check(name, error / scale, allowed, measure))

    def exact(self, what: str, ours: Any, expected: Any) -> None:
        """Compares whole numbers, or arrays of them: the error is the largest difference."""
        ours, expected = np.asarray(ours, np.int64), np.asarray(expected, np.int64)
        same_shape = ours.shape == expected.shape
        error = float(np.max(np.abs(ours - expected), initial=0)) if same_shape else float("inf")
        self.checks.append(Check(what, error, 0.0, "exact"))


def thinned(
    value: np.ndarray, shape: tuple[int, ...], what: str, likely: Collection[int] = ()
) -> np.ndarray:
    """Every n-th element of the axes on which `shape` is smaller; n is the one that fits.

    likely: of several that fit, one of these is taken, else the smallest.

    Raises:
      ParityError: no n fits.
    """
    if value.ndim != len(shape):
        raise ParityError(f"{what} has shape {value.shape}, the reference {shape}")
    steps = []
    for size, wanted in zip(value.shape, shape, strict=True):
        fitting = [n for n in range(1, size + 1) if -(-size // n) == wanted]
        if not fitting:
            raise ParityError(f"{what} has shape {value.shape}, the reference {shape}")
        steps.append(slice(None, None, next((n for n in fitting if n in likely), fitting[0])))
    return value[tuple(steps)]


def nhwc(x: np.ndarray) -> np.ndarray:
    """From (b, c, h, w)."""
    return np.moveaxis(x, 1, -1)


def nchw(x: Any) -> np.ndarray:
    """From (b, h, w, c)."""
    return np.moveaxis(np.asarray(x), -1, 1)


def _size(state: Any) -> int:
    return sum(int(np.prod(np.shape(v.get_value()))) for _, v in nnx.to_flat_state(state))


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
