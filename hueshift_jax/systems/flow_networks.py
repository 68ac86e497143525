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
from hueshift_jax.models.fast_flow_net import LEVELS, FastFlowNet
from hueshift_jax.models.pwc_net import PWCNet

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


def _thrice(luma: jax.Array) -> jax.Array:
    return jnp.repeat(luma[..., None], 3, -1)
