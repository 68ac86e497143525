"""`pfan`: what in a gray picture catches the eye, learned from pictures with masks.

The attention of PFAN on a truncated EfficientNet-Lite2 that was pretrained on gray ImageNet, with
PFAN's edge loss and its regularizer. What finds things is an average of the weights over the last
steps.

Source: see `models.gray_pfan` and `losses.saliency`. Departures: gray in place of color, AdamW with
one rise and one descent of the rate, averaged weights, the smaller encoder, and edges less certain
than 1e-3 do not exist for the loss, so that one wrong pixel costs 7 and not 16.
"""

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from hueshift_jax.contracts import Array, Logs, MaskedBatch
from hueshift_jax.errors import ConfigError
from hueshift_jax.losses import saliency as losses
from hueshift_jax.models.efficientnet_lite import LITE2
from hueshift_jax.models.gray_pfan import MULTIPLE, STRIDE, GrayPfan
from hueshift_jax.models.pfan import Prediction
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.systems.catalog import load_settings
from hueshift_jax.systems.encoder import pretrained_encoder
from hueshift_jax.systems.network import Network, Weights, averaged, early_decay, gradients
from hueshift_jax.systems.stateless import StatelessColorizer
from hueshift_jax.weights import FOLDER

BUNDLED = FOLDER / "pfan.safetensors"
"""The network that comes with the package."""


@dataclass(frozen=True)
class PfanOptimConfig:
    """AdamW; the rate rises and falls once, along cosines."""

    lr: float = 1.5e-3
    """Highest learning rate of the attention."""
    encoder_lr: float = 2e-4
    """Highest learning rate of the pretrained encoder."""
    weight_decay: float = 0.02
    """Decoupled; not on biases and norms."""
    steps: int = 1000
    """Length of the run."""
    rise: float = 0.15
    """Part of the run in which the rate rises."""
    clip_norm: float = 1.0
    """Gradients of a larger norm are shortened to it."""
    parts: int = 1
    """Parts in which a batch is worked off, one after the other, to save memory."""


@dataclass(frozen=True)
class PfanConfig:
    """PFAN for gray pictures."""

    blocks: int = 18
    """How many first blocks of the encoder there are, at least 16 of 21."""
    reach_width: int = 16
    """Channels of each filter of each deep level."""
    width: int = 24
    """Channels of what the deep and what the shallow levels become."""
    dilations: tuple[int, ...] = (1, 2, 3)
    """How far the filters of the deep levels reach."""
    frozen_blocks: int = 7
    """The encoder's first blocks that stay as pretrained."""
    pretrained: bool = True
    """Begin with the bundled ImageNet encoder."""
    map_share: float = 0.7
    """Weight of the map's loss; that of the edges' is the rest to 1."""
    salient_weight: float = 1.12
    """What is salient weighs so many times."""
    regularizer_weight: float = 0.1
    """Weight of the mean channel attention; 1 in the published training."""
    ema_decay: float = 0.998
    """Of the averaged weights."""
    optim: PfanOptimConfig = PfanOptimConfig()
    """Optimizer and schedule."""
    short_side: int = 128
    """At work, the short side of the working size in pixels; a multiple of 32."""

    def __post_init__(self):
        if self.short_side < MULTIPLE or self.short_side % MULTIPLE:
            raise ConfigError(f"short_side is {self.short_side}, expected a multiple of {MULTIPLE}")
        if not 16 <= self.blocks <= 21:
            raise ConfigError(f"blocks is {self.blocks}, expected 16 to 21")

    def build(self) -> "PfanSystem":
        """The system."""
        return PfanSystem(self)


class State(NamedTuple):
    """params and stats are flat dictionaries by dotted name; ema has both."""

    params: Weights
    stats: Weights
    ema: Weights
    optimizer: optax.OptState
    steps: jax.Array


def _is_frozen(name: str, frozen_blocks: int) -> bool:
    room, part, *rest = name.split(".")
    if room != "encoder":
        return False
    early = frozen_blocks > 0 and (part == "stem" or int(rest[0]) < frozen_blocks)
    return early or name.endswith(".filter.kernel")


def _optimizer(optim: PfanOptimConfig, frozen_blocks: int) -> optax.GradientTransformation:
    def adamw(peak: float) -> optax.GradientTransformation:
        return optax.adamw(
            optax.cosine_onecycle_schedule(optim.steps, peak, optim.rise),
            weight_decay=optim.weight_decay,
            mask=lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree),
        )

    def group(name: str) -> str:
        if _is_frozen(name, frozen_blocks):
            return "frozen"
        return "encoder" if name.startswith("encoder.") else "attention"

    parts = {
        "encoder": adamw(optim.encoder_lr),
        "attention": adamw(optim.lr),
        "frozen": optax.set_to_zero(),
    }
    groups = optax.partition(parts, lambda tree: {name: group(name) for name in tree})
    return optax.chain(optax.clip_by_global_norm(optim.clip_norm), groups)


class PfanSystem:
    """Trains and runs PFAN on gray pictures (`contracts.SaliencySystem`)."""

    def __init__(self, config: PfanConfig):
        self.config = config
        self.network = Network(self._make)
        self._optimizer = _optimizer(config.optim, config.frozen_blocks)

    def _make(self, rngs: nnx.Rngs) -> GrayPfan:
        config = self.config
        return GrayPfan(
            LITE2,
            config.blocks,
            reach_width=config.reach_width,
            width=config.width,
            dilations=config.dilations,
            frozen_blocks=config.frozen_blocks,
            rngs=rngs,
        )

    def init(self, key: jax.Array) -> State:
        """The state before the first step."""
        pretrained = pretrained_encoder(self.network.params) if self.config.pretrained else {}
        return self._init(key, pretrained)

    @functools.partial(jax.jit, static_argnums=0)
    def _init(self, key: jax.Array, pretrained: Weights) -> State:
        params, stats = self.network.init(key)
        params = params | pretrained
        # The averages are buffers of their own: the whole state is donated to the step.
        ema = jax.tree.map(jnp.copy, params | stats)
        return State(params, stats, ema, self._optimizer.init(params), jnp.zeros((), jnp.int32))

    @functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
    def step(self, state: State, batch: MaskedBatch, key: jax.Array) -> tuple[State, Logs]:
        """One step of AdamW."""
        del key  # the augmentation is drawn with the data; nothing here is random
        small = average_pool(jnp.asarray(batch.mask)[..., None], STRIDE)

        def loss_of(params, stats, part):
            luma, mask = part
            prediction, stats = self.network.train(params, stats, luma)
            loss, logs = self._losses(prediction, mask)
            return loss, (logs, stats)

        gradient, stats, logs = gradients(
            loss_of,
            state.params,
            state.stats,
            (jnp.asarray(batch.luma), small),
            parts=self.config.optim.parts,
        )
        updates, optimizer = self._optimizer.update(gradient, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        decay = early_decay(self.config.ema_decay, state.steps)
        ema = averaged(state.ema, params | stats, decay)
        logs["gradient_norm"] = optax.tree.norm(gradient)
        return State(params, stats, ema, optimizer, state.steps + 1), logs

    def _losses(self, prediction: Prediction, mask: jax.Array) -> tuple[jax.Array, Logs]:
        config, found = self.config, prediction.saliency
        logs = {
            "map": losses.weighted_cross_entropy(found, mask, config.salient_weight),
            "edges": losses.edge_cross_entropy(found, mask, held=1e-3),
            "regularizer": prediction.regularizer,
        }
        loss = config.map_share * logs["map"] + (1.0 - config.map_share) * logs["edges"]
        loss = loss + config.regularizer_weight * logs["regularizer"]
        return loss, {"loss": loss, "mae": jnp.abs(found - mask).mean(), **logs}

    def weights(self, state: State) -> dict[str, np.ndarray]:
        """What `detector` needs, by name: the averaged parameters and statistics."""
        return {name: np.asarray(value) for name, value in state.ema.items()}

    def detector(self, state: State) -> "NetworkSaliency":
        """The averaged network at work."""
        params = {name: state.ema[name] for name in self.network.params}
        return NetworkSaliency(self, params, {name: state.ema[name] for name in self.network.stats})

    def detector_from(self, weights: dict[str, np.ndarray]) -> "NetworkSaliency":
        """A detector from weights by name.

        Raises:
          MismatchedWeightsError: the weights do not fit this configuration.
        """
        return NetworkSaliency(self, *self.network.taken(weights))


class NetworkSaliency:
    """A trained PFAN as a `contracts.SaliencyDetector`; maps are half as large as luma."""

    def __init__(self, system: PfanSystem, params: Weights, stats: Weights):
        self.working_size = StatelessColorizer(system.config.short_side).working_size
        self._system, self._weights = system, (params, stats)

    def __call__(self, luma: Array) -> jax.Array:
        """Saliency (b, h/2, w/2), 0..1, of luma (b, h, w) whose sides are multiples of 32."""
        return _saliency(self._system, *self._weights, jnp.asarray(luma))


@functools.partial(jax.jit, static_argnums=0)
def _saliency(system: PfanSystem, params: Weights, stats: Weights, luma: jax.Array) -> jax.Array:
    # Compiled once per system, so that the evaluations of a training run do not compile anew.
    return system.network.evaluate(params, stats, luma).saliency[..., 0]


def load_detector(path: str | Path = BUNDLED, **changes: Any) -> NetworkSaliency:
    """The detector of a weights file that `train.py --export` wrote, or of the bundled one.

    Args:
      path: the file.
      changes: fields of the configuration that apply at work, such as `short_side`.

    Raises:
      MissingWeightsError: there is no such file.
      MismatchedWeightsError: it is damaged, or holds no saliency network.
      ConfigError: a change that is not possible.
    """
    settings, weights = load_settings(path, PfanConfig)
    return dataclasses.replace(settings, **changes).build().detector_from(weights)
