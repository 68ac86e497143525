"""How long programs take and how much they compute."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_MATRIX = 2048


def interleaved(*runs: Callable[[], Any], rounds: int = 7, least_s: float = 0.0) -> np.ndarray:
    """Seconds a call, (rounds, runs): every round times each run once, one after another.

    So a machine that is busy for a while is busy for all. A round before the first warms up.

    least_s: a run that is quicker is called again and again for so long, and the mean counts.
    """
    counts = [_count(run, least_s) for run in runs]
    return np.array(
        [[_timed(run, count) for run, count in zip(runs, counts)] for _ in range(rounds)]
    )


def _count(run: Callable[[], Any], least_s: float) -> int:
    run()
    return max(1, math.ceil(least_s / max(_timed(run, 1), 1e-6)))


def _timed(run: Callable[[], Any], count: int) -> float:
    begin = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - begin) / count


def called(compiled: Callable[..., Any], *arguments: Any) -> Callable[[], None]:
    """A run that calls a compiled function and waits for its result."""

    def run() -> None:
        jax.block_until_ready(compiled(*arguments))

    return run


def matrix_product() -> tuple[Callable[[], None], float]:
    """A run of a large float32 product, and its GFLOP: what the machine can do at best."""
    x = jnp.asarray(np.random.default_rng(0).standard_normal((_MATRIX, _MATRIX), np.float32))
    return called(jax.jit(lambda x: x @ x), x), 2 * _MATRIX**3 / 1e9


def gflop(program: Any) -> float:
    """What the matrix products and convolutions of a traced program do, in 10^9 operations.

    program: a jaxpr, as `jax.make_jaxpr` gives it.
    """
    return 2 * _products(program.jaxpr) / 1e9


def _products(jaxpr: Any) -> int:
    """Multiplications in products and convolutions; loops without a length count once."""
    return sum(_products_of(equation) for equation in jaxpr.eqns)


def _products_of(equation: Any) -> int:
    if equation.primitive.name in ("dot_general", "conv_general_dilated"):
        operand, outputs = equation.invars[1].aval.shape, equation.outvars[0].aval.size
        if equation.primitive.name == "dot_general":
            (_, contracted), _ = equation.params["dimension_numbers"]
            return outputs * math.prod(operand[axis] for axis in contracted)
        out_axis = equation.params["dimension_numbers"].rhs_spec[0]
        return outputs * math.prod(operand) // operand[out_axis]
    times = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
    return times * sum(_products(inner) for inner in _inner(equation.params))


def _inner(params: dict[str, Any]) -> Iterator[Any]:
    """The programs inside an equation; of the branches of a condition the first."""
    for name, value in params.items():
        value = value[0] if name == "branches" else value
        if hasattr(value, "jaxpr"):
            yield value.jaxpr
        elif hasattr(value, "eqns"):
            yield value
