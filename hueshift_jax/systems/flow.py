"""Optical flow: trains FastFlowNet and PWC-Net on photographs set in motion.

A batch of photographs becomes pairs of frames with known flow inside the step
(`ops/motion.py`), and the published loss over all levels compares the network's flow with it. Films
are gray, so the networks see luma three times over.

Source: the loss, Sun et al. 2018, equation 6, with the weights of NVlabs/PWC-Net. Departures: made
pairs in place of FlyingChairs, AdamW with one rise and one descent of the rate, averaged weights.
"""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from hueshift_jax import checkpoint, config
from hueshift_jax.contracts import Array, Batch, Logs
from hueshift_jax.errors import ConfigError
from hueshift_jax.losses import flow as losses
from hueshift_jax.models.fast_flow_net import FLOW_UNIT, LEVELS, MULTIPLE
from hueshift_jax.ops import consistency, motion, warp
from hueshift_jax.ops.motion import MotionSpan, Pair
from hueshift_jax.systems import guided_flow
from hueshift_jax.systems.catalog import load_settings
from hueshift_jax.systems.flow_networks import FastFlowNetConfig, PWCNetConfig
from hueshift_jax.systems.network import Network, Weights, averaged, early_decay, gradients
from hueshift_jax.weights import FOLDER

BUNDLED = FOLDER / "fast_flow_net.safetensors"
"""The FastFlowNet that comes with the package."""
_QUIET = 0.03
_TRUST_PX = 1.0


@dataclass(frozen=True)
class FlowOptimConfig:
    """AdamW; the rate rises and falls once, along cosines."""

    lr: float = 6e-4
    """Highest learning rate."""
    weight_decay: float = 1e-4
    """Decoupled; not on biases."""
    steps: int = 8000
    """Length of the run."""
    rise: float = 0.05
    """Part of the run in which the rate rises."""
    clip_norm: float = 1.0
    """Gradients of a larger norm are shortened to it."""
    parts: int = 1
    """Parts in which a batch is worked off, one after the other, to save memory."""


@dataclass(frozen=True)
class FlowConfig:
    """A flow network and how it learns."""

    network: FastFlowNetConfig | PWCNetConfig = field(default_factory=FastFlowNetConfig)
    """Which network."""
    frame: tuple[int, int] = (128, 128)
    """Height and width of the made frames, multiples of 64; photographs are better larger."""
    span: MotionSpan = field(default_factory=MotionSpan)
    """How far things move."""
    finest: int = 2
    """Finest level that learns, 2 to 6; at 3 a step costs half as much."""
    guided: float = 0.5
    """Part of the run at whose beginning levels begin with the disturbed truth, less and less
    often; see `guided_flow`. 0 for none."""
    match_weight: float = 1.0
    """Weight of the loss of what features match, while levels are guided, falling with it."""
    truth_weight: float = 1.0
    """Weight of the loss over all levels, which knows the true flow."""
    census_weight: float = 0.0
    """Weight of the census loss of the finest level, which does not; 0 saves its time."""
    smooth_weight: float = 1.0
    """Weight of the flow's smoothness beside the census loss."""
    contrast: float = 6.0
    """The first kernel begins so many times larger: else costs, which are products of features,
    begin twenty times smaller than the features beside them, and are long overlooked."""
    begin_with: str = ""
    """Begin with finished weights of the same network: a weights file; empty for none."""
    ema_decay: float = 0.999
    """Of the averaged weights."""
    optim: FlowOptimConfig = FlowOptimConfig()
    """Optimizer and schedule."""

    def __post_init__(self):
        if self.finest not in LEVELS:
            raise ConfigError(f"finest is {self.finest}, expected {LEVELS[0]} to {LEVELS[-1]}")
        if min(self.frame) < MULTIPLE or any(side % MULTIPLE for side in self.frame):
            raise ConfigError(f"frame is {self.frame}, expected multiples of {MULTIPLE}")

    def build(self) -> "FlowSystem":
        """The system."""
        return FlowSystem(self)


class State(NamedTuple):
    """params and ema are flat dictionaries by dotted name; steps counts those that are done."""

    params: Weights
    ema: Weights
    optimizer: optax.OptState
    steps: jax.Array


def _optimizer(optim: FlowOptimConfig) -> optax.GradientTransformation:
    rate = optax.cosine_onecycle_schedule(optim.steps, optim.lr, optim.rise)
    adamw = optax.adamw(
        rate,
        weight_decay=optim.weight_decay,
        mask=lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree),
    )
    return optax.chain(optax.clip_by_global_norm(optim.clip_norm), adamw)


def _eased(params: Weights, contrast: float) -> Weights:
    """Initial parameters from which a network finds out within minutes that costs tell motion.

    As published it begins with flows far too large, unlearns them, and with them nearly all that
    its last layers pass on. Here flows begin small and are enlarged smoothly between levels.
    """
    line = np.array([0.25, 0.75, 0.75, 0.25], np.float32)
    smooth = np.multiply.outer(line, line)[..., None, None] * np.eye(2, dtype=np.float32)
    for name, value in params.items():
        if name == "pyramid.0.0.kernel":
            params[name] = contrast * value
        elif name.endswith(("predict.kernel", "refine.kernel", "upfeat.kernel")):
            params[name] = _QUIET * value
        elif value.shape == smooth.shape:
            params[name] = jnp.asarray(smooth)
    return params


class FlowSystem:
    """Trains a flow network (`contracts.FlowSystem`)."""

    def __init__(self, config: FlowConfig):
        self.config = config
        self.network = Network(config.network.build)
        self._optimizer = _optimizer(config.optim)

    def init(self, key: jax.Array) -> State:
        """The state before the first step.

        Raises:
          MissingWeightsError: there is no file `begin_with`.
          MismatchedWeightsError: it is damaged or does not fit.
        """
        if self.config.begin_with:
            found, metadata = checkpoint.load_weights(Path(self.config.begin_with).expanduser())
            params = self.network.taken(found)[0]
            before = config.from_json(metadata["config"]).finest if "config" in metadata else 2
            return self._begin(self.config.network.grown(params, before, self.config.finest))
        return self._init(key)

    @functools.partial(jax.jit, static_argnums=0)
    def _init(self, key: jax.Array) -> State:
        return self._begin(_eased(self.network.init(key)[0], self.config.contrast))

    @functools.partial(jax.jit, static_argnums=0)
    def _begin(self, params: Weights) -> State:
        # The averages are buffers of their own: the whole state is donated to the step.
        ema = jax.tree.map(jnp.copy, params)
        return State(params, ema, self._optimizer.init(params), jnp.zeros((), jnp.int32))

    @functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Logs]:
        """One step of AdamW on new pairs; of the batch only the luma is used."""
        config = self.config
        pair_key, guide_key = jax.random.split(key)
        pair = motion.make_pair(jnp.asarray(batch.luma), config.frame, pair_key, span=config.span)
        guide, part = None, jnp.zeros(())
        if config.guided:
            part = jnp.maximum(1.0 - state.steps / (config.guided * config.optim.steps), 0.0)
            guide = guided_flow.make_guide(pair, part, guide_key)
        gradient, _, logs = gradients(
            functools.partial(self._loss, part),
            state.params,
            {},
            (pair, guide),
            parts=config.optim.parts,
        )
        updates, optimizer = self._optimizer.update(gradient, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        decay = early_decay(config.ema_decay, state.steps)
        logs["gradient_norm"] = optax.tree.norm(gradient)
        ema = averaged(state.ema, params, decay)
        return State(params, ema, optimizer, state.steps + 1), logs

    def _loss(self, part: jax.Array, params: Weights, stats: Weights, batch: tuple):
        """Of pairs and what guides them; `part` of them is guided."""
        config, (pair, guide) = self.config, batch
        network = self.network.merged(params, {})
        both = config.network.paired(pair.target, pair.source)
        flows = config.network.levels(network, both, config.finest, guide and guide.begin)
        weights = losses.PYRAMID_WEIGHTS[LEVELS.index(config.finest) :]
        pyramid = losses.pyramid_loss(flows, pair.flow, unit=FLOW_UNIT, weights=weights)
        flow = self._full(flows[0], pair.flow.shape[1:3])
        logs = {
            "pyramid": pyramid,
            "epe": _length(flow - pair.flow).mean(),
            "zero_epe": _length(pair.flow).mean(),
        }
        loss = config.truth_weight * pyramid
        if guide is not None:
            pictures = jnp.concatenate([both[..., :3], both[..., 3:]])
            features = [tuple(jnp.split(x, 2)) for x in network.features(pictures)]
            logs["matching"] = jax.lax.cond(
                part > 0.0,
                lambda found: guided_flow.matching(found, pair, guide),
                lambda found: jnp.zeros(()),
                features,
            )
            loss = loss + config.match_weight * part * logs["matching"]
        if config.census_weight:
            logs |= self._without_truth(params, pair, flow)
            loss = loss + config.census_weight * logs["census"]
            loss = loss + config.census_weight * config.smooth_weight * logs["smoothness"]
        return loss, ({"loss": loss, **logs}, stats)

    def _without_truth(self, params: Weights, pair: Pair, flow: jax.Array) -> Logs:
        """Losses that need the pictures alone; the way back only says what is hidden."""
        whole = jax.lax.stop_gradient(params)
        back = self._full(self._flows(whole, pair.source, pair.target)[0], flow.shape[1:3])
        seen = losses.is_seen(jax.lax.stop_gradient(flow), back)
        moved = warp.warp(pair.source[..., None], flow, edge="border")[..., 0]
        return {
            "census": losses.census_loss(pair.target, moved, seen),
            "smoothness": losses.smoothness_loss(flow, pair.target),
            "seen": jnp.mean(seen.astype(jnp.float32)),
        }

    def _full(self, flow: jax.Array, size: tuple[int, int]) -> jax.Array:
        """The finest flow in pixels of the full size."""
        return warp.resize_flow(flow * self._pixels(self.config.finest), size)

    def _flows(self, params: Weights, target: jax.Array, source: jax.Array):
        network, config = self.network.merged(params, {}), self.config
        return config.network.levels(network, config.network.paired(target, source), config.finest)

    @staticmethod
    def _pixels(level: int) -> float:
        """Pixels of level `level` per unit of the networks' flow."""
        return FLOW_UNIT / 2**level

    def weights(self, state: State) -> dict[str, np.ndarray]:
        """What `estimator` needs, by name: the averaged parameters."""
        return {name: np.asarray(value) for name, value in state.ema.items()}

    def estimator(self, state: State) -> "NetworkFlow":
        """The averaged network at work."""
        return NetworkFlow(self, state.ema)

    def estimator_from(self, weights: dict[str, np.ndarray]) -> "NetworkFlow":
        """An estimator from weights by name.

        Raises:
          MismatchedWeightsError: the weights do not fit this configuration.
        """
        return NetworkFlow(self, self.network.taken(weights)[0])

    @functools.partial(jax.jit, static_argnums=0)
    def flow(self, params: Weights, target: jax.Array, source: jax.Array) -> jax.Array:
        """Backward flow (b, h, w, 2) in pixels between luma (b, h, w) of any size."""

        def run(first, second):
            finest = self._flows(params, first[..., 0], second[..., 0])[0]
            return finest * self._pixels(self.config.finest)

        return warp.flow_of_resized(run, target[..., None], source[..., None], MULTIPLE)


def _length(flow: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.sum(flow**2, -1) + 1e-12)


class NetworkFlow:
    """A trained flow network as a `contracts.FlowEstimator`.

    Luma (b, h, w), 0..1, of any size; sides that are no multiples of 64 are resized to the next
    ones and the flow back again.

    confident: the confidence is exp(-d^2 / (1 + 0.01 m^2)) where the way there and back ends d
      pixels from home after m pixels, which costs a second flow; else it is 1.
    """

    def __init__(self, system: FlowSystem, params: Weights, *, confident: bool = False):
        self._system, self._params, self._confident = system, params, confident

    def __call__(self, target: Array, source: Array) -> tuple[jax.Array, jax.Array]:
        """Backward flow (b, h, w, 2) in pixels from `target` to `source`, and its confidence."""
        target, source = jnp.asarray(target), jnp.asarray(source)
        if not self._confident:
            flow = self._system.flow(self._params, target, source)
            return flow, jnp.ones(flow.shape[:3], jnp.float32)
        both = self._system.flow(
            self._params, jnp.concatenate([target, source]), jnp.concatenate([source, target])
        )
        return _confident(both)


@jax.jit
def _confident(both: jax.Array) -> tuple[jax.Array, jax.Array]:
    there, back = jnp.split(both, 2)
    astray = consistency.round_trip(there, back)[..., 0]
    slack = _TRUST_PX + 0.01 * jnp.sum(there**2, -1)
    return there, jnp.exp(-(astray**2) / slack)


def load_estimator(path: str | Path = BUNDLED, *, confident: bool = False) -> NetworkFlow:
    """The estimator of a weights file that `train.py --export` wrote, or of the bundled one.

    Raises:
      MissingWeightsError: there is no such file.
      MismatchedWeightsError: it is damaged, or holds no flow network.
    """
    settings, weights = load_settings(path, FlowConfig)
    system = settings.build()
    return NetworkFlow(system, system.network.taken(weights)[0], confident=confident)
