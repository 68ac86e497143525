"""What systems have in common: a network as a pure function, gradients in parts, averages.

A trainable state holds a network's parameters and statistics (running means of its norms) as flat
dictionaries by dotted name. A system is a config, a `Network` for each network it has, a loss for
each optimizer, and a `step` that puts them together; see `systems/hueshift_gan.py` for one.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax import checkpoint, sharding
from hueshift_jax.contracts import Logs
from hueshift_jax.errors import ConfigError

Weights = dict[str, jax.Array]
"""Arrays by dotted name."""
LossOf = Callable[..., tuple[jax.Array, tuple[Logs, Any]]]
"""(params, stats, batch) -> (loss, (logs, next stats)); a mean over the batch."""


class Network:
    """A network taken apart: what it is, without its values.

    Args:
      make: builds the module from random numbers; `make` is only traced here.
    """

    def __init__(self, make: Callable[[nnx.Rngs], nnx.Module]):
        self._make = make
        module = nnx.eval_shape(lambda: make(nnx.Rngs(0)))
        self._graph, self._params, self._stats = nnx.split(module, nnx.Param, ...)
        self.params: dict[str, jax.ShapeDtypeStruct] = checkpoint.flatten(self._params)
        self.stats: dict[str, jax.ShapeDtypeStruct] = checkpoint.flatten(self._stats)

    def init(self, key: jax.Array) -> tuple[Weights, Weights]:
        """Fresh parameters and statistics; to be traced."""
        _, params, stats = nnx.split(self._make(nnx.Rngs(params=key)), nnx.Param, ...)
        flat = checkpoint.flatten(params), checkpoint.flatten(stats)
        return jax.tree.map(jnp.asarray, flat)

    def merged(self, params: Weights, stats: Weights) -> Any:
        """The module with these values."""
        return nnx.merge(
            self._graph,
            checkpoint.fill(self._params, params),
            checkpoint.fill(self._stats, stats),
            copy=True,
        )

    def train(self, params: Weights, stats: Weights, *inputs: Any) -> tuple[Any, Weights]:
        """What the module returns while it learns, and its next statistics."""
        module = self.merged(params, stats)
        module.train()
        outputs = module(*inputs)
        return outputs, checkpoint.flatten(nnx.split(module, nnx.Param, ...)[2])

    def evaluate(self, params: Weights, stats: Weights, *inputs: Any) -> Any:
        """What the module returns at work."""
        module = self.merged(params, stats)
        module.eval()
        return module(*inputs)

    def taken(self, weights: dict[str, np.ndarray]) -> tuple[Weights, Weights]:
        """Parameters and statistics out of weights by name.

        Raises:
          MismatchedWeightsError: a name or a shape differs.
        """
        checkpoint.match(self.params | self.stats, weights)
        with jax.ensure_compile_time_eval():  # a step that is being traced may be the first to ask
            params, stats = (
                {n: jnp.asarray(weights[n]) for n in u} for u in (self.params, self.stats)
            )
        return params, stats


def gradients(
    loss_of: LossOf, params: Weights, stats: Any, batch: Any, *, parts: int = 1
) -> tuple[Weights, Any, Logs]:
    """The mean gradient over `batch`, the statistics after it, and the mean logs.

    On a mesh each device works with whole parameters on its rows of the batch, sums over the batch
    are sums over all devices, and gradients lie as the parameters do.

    Args:
      loss_of: a mean over the batch that it is given.
      params: what the gradient is taken of.
      stats: handed from part to part.
      batch: arrays whose first axis is the batch.
      parts: with more than one, the batch is worked off in so many equal parts, one after the
        other, which needs the memory of one. The gradient is that of the whole batch, but for batch
        norm, whose means are those of each part.

    Raises:
      ConfigError: the batch cannot be divided.
    """
    count = len(jax.tree.leaves(batch)[0])
    if count % parts:
        raise ConfigError(f"a batch of {count} cannot be worked off in {parts} equal parts")
    whole = sharding.gathered(params)

    def gradient_of(stats: Any, part: Any) -> tuple[Any, Weights, Logs]:
        found, (logs, after) = jax.grad(loss_of, has_aux=True)(whole, stats, part)
        return after, sharding.scattered(found), logs

    if parts == 1:
        after, found, logs = gradient_of(stats, batch)
        return found, after, logs

    def one_more(carried: tuple, part: Any) -> tuple[tuple, Logs]:
        stats, total = carried
        after, found, logs = gradient_of(stats, part)
        return (after, jax.tree.map(jnp.add, total, found)), logs

    nothing = sharding.scattered(jax.tree.map(jnp.zeros_like, params))
    several = sharding.interleaved(batch, parts)
    (after, total), logs = jax.lax.scan(one_more, (stats, nothing), several)
    means = jax.tree.map(lambda values: values.mean(0), logs)
    return jax.tree.map(lambda value: value / parts, total), after, means


def averaged(average: Weights, current: Weights, decay: float) -> Weights:
    """The exponential moving average one step on."""
    return jax.tree.map(lambda a, b: decay * a + (1.0 - decay) * b, average, current)


def early_decay(decay: float, steps: jax.Array) -> jax.Array:
    """The decay after so many steps: less at first, so that the first ones are soon forgotten."""
    return jnp.minimum(decay, (1.0 + steps) / (10.0 + steps))
