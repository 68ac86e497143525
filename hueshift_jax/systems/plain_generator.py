"""Systems whose generator colors with the weights of the last step, as the published ones do."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.contracts import Array, Memory
from hueshift_jax.systems.network import Network, Weights
from hueshift_jax.systems.stateless import StatelessColorizer


class DoubtlessColorizer(StatelessColorizer):
    """A network at work that says nothing of how sure it is.

    Args:
      colorize: ab (b, h/s, w/s, 2) in CIELAB units of luma (b, h, w).
      short_side: as above.
    """

    def __init__(self, colorize: Callable[[Array], jax.Array], short_side: int):
        super().__init__(short_side)
        self._colorize = colorize

    def __call__(
        self, memory: Memory, luma: Array, key: jax.Array
    ) -> tuple[Memory, jax.Array, jax.Array]:
        """What the network makes of luma (b, h, w), and confidence 1."""
        del key
        ab = self._colorize(luma)
        return memory, ab, jnp.ones(ab.shape[:-1], ab.dtype)


class PlainGenerator:
    """What a system has whose generator colors with the weights of the last step, unaveraged.

    Its `config` has a `short_side`.
    """

    config: Any
    network: Network

    def colorize(self, params: Weights, stats: Weights, luma: jax.Array) -> jax.Array:
        """ab (b, h/s, w/s, 2) in CIELAB units of luma (b, h, w)."""
        raise NotImplementedError

    def weights(self, state: Any) -> dict[str, np.ndarray]:
        """What `colorizer` needs, by name: the generator's parameters and statistics."""
        return {name: np.asarray(value) for name, value in (state.params | state.stats).items()}

    def colorizer(self, state: Any) -> DoubtlessColorizer:
        """The generator at work."""
        return self.colorizer_from(self.weights(state))

    def colorizer_from(self, weights: dict[str, np.ndarray]) -> DoubtlessColorizer:
        """A colorizer from weights by name.

        Raises:
          MismatchedWeightsError: the weights do not fit this configuration.
        """
        colorize = functools.partial(_colorize, self, *self.network.taken(weights))
        return DoubtlessColorizer(colorize, self.config.short_side)


@functools.partial(jax.jit, static_argnums=0)
def _colorize(system: PlainGenerator, params: Weights, stats: Weights, luma: jax.Array):
    # Compiled once per system, so that the samples of a training run do not compile anew.
    return system.colorize(params, stats, luma)
