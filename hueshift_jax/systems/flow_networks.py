"""The networks that `systems/flow.py` trains, as it sees them: gray in, flows of levels out.

Films are gray, so the networks see luma three times over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
from flax import nnx

from hueshift_jax.models import fast_flow_net
from hueshift_jax.models.fast_flow_net import KEPT_CHANNELS, LEVELS, FastFlowNet
from hueshift_jax.models.pwc_net import PWCNet
from hueshift_jax.systems.network import Weights

Begin = Callable[[int, jax.Array], jax.Array]
"""(place in `LEVELS`, flow of the coarser level, enlarged) -> what the level begins with."""


class FlowNetworkConfig(Protocol):
    """Which network."""

    def build(self, rngs: nnx.Rngs) -> nnx.Module:
        """The network; it has `features`."""
        ...

    def paired(self, target: jax.Array, source: jax.Array) -> jax.Array:
        """The network's input from luma (b, h, w)."""
        ...

    def levels(
        self, network: nnx.Module, pair: jax.Array, finest: int, begin: Begin | None = None
    ) -> tuple[jax.Array, ...]:
        """Its flows from level `finest` to the coarsest."""
        ...

    def grown(self, params: Weights, before: int, finest: int) -> Weights:
        """Parameters for levels from `finest` on, of which those from `before` on are trained."""
        ...


@dataclass(frozen=True)
class FastFlowNetConfig:
    """`models.fast_flow_net` with its published widths."""

    groups: int = 3
    """Of the grouped convolutions."""

    def build(self, rngs: nnx.Rngs) -> FastFlowNet:
        """The network."""
        return FastFlowNet(self.groups, rngs=rngs)

    def paired(self, target: jax.Array, source: jax.Array) -> jax.Array:
        """The network's input from luma (b, h, w)."""
        return fast_flow_net.paired(_thrice(target), _thrice(source))

    def levels(
        self, network: FastFlowNet, pair: jax.Array, finest: int, begin: Begin | None = None
    ) -> tuple[jax.Array, ...]:
        """Its flows from level `finest` to the coarsest."""
        return network(pair, finest=finest, begin=begin)

    def grown(self, params: Weights, before: int, finest: int) -> Weights:
        """Finer decoders begin as copies of the next coarser one, blind to the new features."""
        params = dict(params)
        costs = len(KEPT_CHANNELS)
        for place in reversed(range(LEVELS.index(finest), LEVELS.index(before))):
            new, known = f"decoders.{place}.", f"decoders.{place + 1}."
            for name in [name for name in params if name.startswith(new)]:
                params[name] = jnp.copy(params[known + name.removeprefix(new)])
            first = f"{new}layers.0.kernel"
            params[first] = params[first].at[:, :, costs:-2].set(0.0)
        return params


@dataclass(frozen=True)
class PWCNetConfig:
    """`models.pwc_net` with its published widths."""

    pyramid_layers: int = 3
    """Convolutions per level of the pyramid."""

    def build(self, rngs: nnx.Rngs) -> PWCNet:
        """The network."""
        return PWCNet(pyramid_layers=self.pyramid_layers, spare_upflow=False, rngs=rngs)

    def paired(self, target: jax.Array, source: jax.Array) -> jax.Array:
        """The network's input from luma (b, h, w)."""
        return jnp.concatenate([_thrice(target), _thrice(source)], -1)

    def levels(
        self, network: PWCNet, pair: jax.Array, finest: int, begin: Begin | None = None
    ) -> tuple[jax.Array, ...]:
        """Its flows from level `finest` to the coarsest."""
        return network(pair, begin=begin)[LEVELS.index(finest) :]

    def grown(self, params: Weights, before: int, finest: int) -> Weights:
        """As they are: all levels are computed from the first step."""
        del before, finest
        return params


def _thrice(luma: jax.Array) -> jax.Array:
    return jnp.repeat(luma[..., None], 3, -1)
