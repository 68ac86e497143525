"""Networks that are ready soon: random weights made by NumPy, programs compiled without polish."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax import checkpoint


@contextlib.contextmanager
def quick_compilation():
    """Half the compile time; what small pictures lose in speed does not matter."""
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


def random_value(name, shape, rng):
    """Kernels of unit gain, singular vectors of length 1, biases 0, norms 1."""
    last = name.rpartition(".")[2]
    if last == "kernel":
        inputs = np.prod(shape[:2] if name.endswith("filter.kernel") else shape[:-1])
        value = rng.standard_normal(shape) * np.sqrt(2.0 / inputs)
    elif last in ("u", "v"):
        value = rng.standard_normal(shape)
        value = value / np.linalg.norm(value)
    else:
        value = np.full(shape, float(last in ("scale", "var")))
    return jnp.asarray(value, jnp.float32)


def random_weights(shapes, seed=0):
    """Arrays by name for things with a shape by name."""
    rng = np.random.default_rng(seed)
    return {name: random_value(name, like.shape, rng) for name, like in shapes.items()}


def filled(make, weights=None):
    """The module that `make` makes, with these or with random weights."""
    graph, state = nnx.split(nnx.eval_shape(make))
    weights = weights or random_weights(checkpoint.flatten(state))
    return nnx.merge(graph, checkpoint.fill(state, weights), copy=True)
