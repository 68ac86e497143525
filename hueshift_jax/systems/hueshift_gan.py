"""`hueshift_gan`: the default. So far its generator with its reconstruction losses.

What is trained is `models.chroma_unet` on a pretrained encoder: regression of chroma (Huber, and
the logarithm of each picture's RGB error) with a classification over ab cells beside it. What
colors a film is an average of the weights over the last steps.
"""

import functools
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.contracts import Array, Batch, Logs, Memory
from hueshift_jax.errors import ConfigError
from hueshift_jax.losses import colorization as losses
from hueshift_jax.losses import temporal
from hueshift_jax.models.chroma_unet import ChromaUNet, Prediction, ab_bins
from hueshift_jax.models.efficientnet_lite import LITE2
from hueshift_jax.ops import color, motion
from hueshift_jax.ops.motion import MotionSpan
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.systems.catalog import SYSTEMS
from hueshift_jax.systems.encoder import pretrained_encoder
from hueshift_jax.systems.network import Network, Weights, averaged, gradients
from hueshift_jax.systems.stateless import StatelessColorizer

_COMMON_LEVEL, _LEVELS = 12.0, (5.0, 60.0)
"""Root mean square chroma in CIELAB units: the common level of `equalize`, and its limits."""


@dataclass(frozen=True)
class OptimConfig:
    """AdamW with a warm-up, a constant rate and a linear descent to zero."""

    lr: float = 1e-3
    """Learning rate of the decoder."""
    encoder_lr: float = 2e-4
    """Learning rate of the pretrained encoder."""
    weight_decay: float = 0.02
    """Decoupled; not on biases and norms."""
    steps: int = 8000
    """Length of the run."""
    warmup: int = 200
    """Steps of linear rise; at most a quarter of the run."""
    descent: float = 0.5
    """Part of the run in which the rate falls to zero."""
    clip_norm: float = 1.0
    """Gradients of a larger norm are shortened to it."""
    parts: int = 1
    """Parts in which a batch is worked off, one after the other, to save memory."""


@dataclass(frozen=True)
class HueShiftGanConfig:
    """The default system."""

    widths: tuple[int, int, int, int] = (256, 160, 96, 48)
    """Channels of the decoder at strides 32, 16, 8, 4."""
    frozen_blocks: int = 4
    """The encoder's first blocks that stay as pretrained."""
    pretrained: bool = True
    """Begin with the bundled ImageNet encoder."""
    begin_with: str = ""
    """Begin with finished weights of the same widths: a weights file, or the name of a system with
    bundled weights; empty for none."""
    huber_weight: float = 0.3
    """Weight of the chroma's Huber loss."""
    log_mse_weight: float = 0.5
    """Weight of the logarithmic RGB loss."""
    bins_weight: float = 0.05
    """Weight of the classification."""
    temporal_weight: float = 0.0
    """Weight of the agreement with a next frame made of each photograph; 0 makes none and saves
    half of the time."""
    temporal_span: MotionSpan = field(default_factory=lambda: MotionSpan(shift_px=12.0))
    """How far the camera moves between the two, in pixels of the crop."""
    ema_decay: float = 0.999
    """Of the averaged weights."""
    optim: OptimConfig = OptimConfig()
    """Optimizer and schedule."""
    strength: float = 1.0
    """When coloring, chroma is multiplied by this; see `ChromaColorizer`."""
    equalize: float = 0.35
    """When coloring, pale pictures gain more chroma than vivid ones; see `ChromaColorizer`."""
    temperature: float = 1.0
    """When coloring, how decided the colors are; see `ChromaColorizer`."""
    short_side: int = 192
    """When coloring, the short side of the working size in pixels; a multiple of 32."""

    def __post_init__(self):
        if not 0.0 <= self.equalize < 1.0:
            raise ConfigError(f"equalize is {self.equalize}, expected 0 to less than 1")
        if self.short_side < 32 or self.short_side % 32:
            raise ConfigError(f"short_side is {self.short_side}, expected a multiple of 32")
        if not 0.05 <= self.temperature <= 1.0:
            raise ConfigError(f"temperature is {self.temperature}, expected 0.05 to 1")

    def build(self) -> "HueShiftGan":
        """The system."""
        return HueShiftGan(self)


class State(NamedTuple):
    """params and stats are flat dictionaries by dotted name; ema has both."""

    params: dict[str, jax.Array]
    stats: dict[str, jax.Array]
    ema: dict[str, jax.Array]
    optimizer: optax.OptState
    bin_prior: jax.Array


def _schedule(optim: OptimConfig, peak: float) -> optax.Schedule:
    # A short run rises in a quarter of its steps: every run reaches the peak and ends at zero.
    rise = max(min(optim.warmup, optim.steps // 4), 1)
    fall = max(min(round(optim.descent * optim.steps), optim.steps - rise), 1)
    return optax.join_schedules(
        [
            optax.linear_schedule(0.0, peak, rise),
            optax.constant_schedule(peak),
            optax.linear_schedule(peak, 0.0, fall),
        ],
        [rise, max(optim.steps - fall, rise)],
    )


def _is_frozen(name: str, frozen_blocks: int) -> bool:
    """Whether a parameter stays as pretrained, weight decay included."""
    room, part, *rest = name.split(".")
    if room != "encoder" or frozen_blocks < 1:
        return name.startswith("encoder.") and name.endswith(".filter.kernel")
    first = part == "stem" or int(rest[0]) < frozen_blocks
    return first or name.endswith(".filter.kernel")


def _optimizer(optim: OptimConfig, frozen_blocks: int) -> optax.GradientTransformation:
    def adamw(peak: float) -> optax.GradientTransformation:
        return optax.adamw(
            _schedule(optim, peak),
            weight_decay=optim.weight_decay,
            mask=lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree),
        )

    def group(name: str) -> str:
        if _is_frozen(name, frozen_blocks):
            return "frozen"
        return "encoder" if name.startswith("encoder.") else "decoder"

    def groups(tree: dict) -> dict:
        return {name: group(name) for name in tree}

    parts = {
        "encoder": adamw(optim.encoder_lr),
        "decoder": adamw(optim.lr),
        "frozen": optax.set_to_zero(),
    }
    return optax.chain(optax.clip_by_global_norm(optim.clip_norm), optax.partition(parts, groups))


class HueShiftGan:
    """Trains and runs the chroma U-Net (`contracts.System`)."""

    def __init__(self, config: HueShiftGanConfig):
        self.config = config
        self.network = Network(self._make)
        self._optimizer = _optimizer(config.optim, config.frozen_blocks)
        self._bins = ab_bins()

    def _make(self, rngs: nnx.Rngs) -> ChromaUNet:
        return ChromaUNet(
            LITE2,
            self.config.widths,
            frozen_blocks=self.config.frozen_blocks,
            frozen_depthwise=True,
            rngs=rngs,
        )

    def init(self, key: jax.Array) -> State:
        """The state before the first step; only the weights are those of `begin_with`.

        Raises:
          MissingWeightsError: there is no such file.
          MismatchedWeightsError: it is damaged or does not fit.
        """
        if self.config.begin_with:
            return self._begin(*self.network.taken(_finished(self.config.begin_with)))
        pretrained = pretrained_encoder(self.network.params) if self.config.pretrained else {}
        return self._init(key, pretrained)

    @functools.partial(jax.jit, static_argnums=0)
    def _init(self, key: jax.Array, pretrained: Weights) -> State:
        params, stats = self.network.init(key)
        return self._begin(params | pretrained, stats)

    @functools.partial(jax.jit, static_argnums=0)
    def _begin(self, params: Weights, stats: Weights) -> State:
        prior = jnp.full(len(self._bins), 1.0 / len(self._bins))
        # The averages are buffers of their own: the whole state is donated to the step.
        ema = jax.tree.map(jnp.copy, params | stats)
        return State(params, stats, ema, self._optimizer.init(params), prior)

    @functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Logs]:
        """One step of AdamW."""
        optim = self.config.optim
        lab = color.srgb_to_lab(jnp.asarray(batch.rgb_u8, jnp.float32) / 255.0)
        target = losses.soft_bins(average_pool(lab[..., 1:], 2), jnp.asarray(self._bins))
        prior = 0.999 * state.bin_prior + 0.001 * target.mean((0, 1, 2))

        def loss_of(params, stats, part):
            luma, lab, target, after = part
            if after is not None:
                return self._steady_loss(params, stats, part, prior)
            prediction, stats = self.network.train(params, stats, luma)
            loss, logs = self._losses(prediction, lab, target, prior)
            return loss, (logs, stats)

        luma, after = jnp.asarray(batch.luma), None
        if self.config.temporal_weight:  # else nothing here is random: the data come augmented
            after = motion.make_next(luma, key, span=self.config.temporal_span)
        whole = (luma, lab, target, after)
        gradient, stats, logs = gradients(
            loss_of, state.params, state.stats, whole, parts=optim.parts
        )
        updates, optimizer = self._optimizer.update(gradient, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        ema = averaged(state.ema, params | stats, self.config.ema_decay)
        logs["gradient_norm"] = optax.tree.norm(gradient)
        return State(params, stats, ema, optimizer, prior), logs

    def _steady_loss(self, params, stats, part, prior):
        """The loss with two frames of each photograph: the colors of the next are to agree."""
        luma, lab, target, after = part
        both = jnp.concatenate([luma, after.target])
        prediction, stats = self.network.train(params, stats, both)
        count = len(luma)
        now = jax.tree.map(lambda x: x[:count], prediction)
        later = prediction.ab[count:]
        loss, logs = self._losses(now, lab, target, prior)
        factor = luma.shape[1] // now.ab.shape[1]
        flow, seen = temporal.reduced_motion(after.flow, after.visible, factor)
        logs["temporal"] = temporal.carried_chroma(later, now.ab, flow, seen)
        logs["loss"] = loss + self.config.temporal_weight * logs["temporal"]
        return logs["loss"], (logs, stats)

    def _losses(self, prediction: Prediction, lab, target, prior) -> tuple[jax.Array, Logs]:
        config, truth = self.config, lab[..., 1:]
        logs = {
            "huber": losses.huber_chroma(prediction.ab, truth),
            "log_mse": losses.log_mse_rgb(prediction.ab, lab),
            "bins": losses.bin_cross_entropy(prediction.logits, target, losses.rebalancing(prior)),
            "chroma_ratio": jnp.linalg.norm(prediction.ab) / jnp.linalg.norm(truth),
        }
        loss = (
            config.huber_weight * logs["huber"]
            + config.log_mse_weight * logs["log_mse"]
            + config.bins_weight * logs["bins"]
        )
        return loss, {"loss": loss, **logs}

    def weights(self, state: State) -> dict[str, np.ndarray]:
        """What `colorizer` needs, by name: the averaged parameters and statistics."""
        return {name: np.asarray(value) for name, value in state.ema.items()}

    def colorizer(self, state: State) -> "ChromaColorizer":
        """The averaged network at work."""
        return self.colorizer_from(self.weights(state))

    def colorizer_from(self, weights: dict[str, np.ndarray]) -> "ChromaColorizer":
        """A colorizer from weights by name.

        Raises:
          MismatchedWeightsError: the weights do not fit this configuration.
        """
        return ChromaColorizer(self, *self.network.taken(weights))


def _finished(name: str) -> dict[str, np.ndarray]:
    path = SYSTEMS[name].path if name in SYSTEMS else Path(name).expanduser()
    return checkpoint.load_weights(path)[0]


class ChromaColorizer(StatelessColorizer):
    """A trained chroma U-Net as a `contracts.Colorizer`; it has no memory.

    Of the configuration, three fields apply here.

    `strength` multiplies chroma: regression is paler than the truth, and the factor that restores
    most of it at little cost comes with the bundled weights.

    `equalize` p multiplies chroma by (12 / r)**p, where r is the root mean square chroma that the
    network gave this frame, limited to 5..60. Unsure of everything, the network paints too pale;
    sure, it already paints fully; so the same colorfulness costs less error this way.

    `temperature` 1 gives the regression alone; lower values mix in the ab cells' annealed mean, the
    more of it and the more decided the lower the temperature.
    """

    def __init__(self, system: HueShiftGan, params: dict, stats: dict):
        super().__init__(system.config.short_side)
        self._weights = (params, stats)
        self._run = functools.partial(_colorize, system)
        self._see = functools.partial(_features, system)

    def __call__(
        self, memory: Memory, luma: Array, key: jax.Array
    ) -> tuple[Memory, jax.Array, jax.Array]:
        """ab and confidence of luma (b, h, w), both at a quarter of its size."""
        del key
        ab, confidence = self._run(*self._weights, luma)
        return memory, ab, confidence

    def features(self, luma: Array) -> jax.Array:
        """What is seen in luma (b, h, w): (b, h/8, w/8, 264), alike where things are alike.

        Each of the network's features has mean 0 over the picture; vectors have length 1.
        """
        return self._see(*self._weights, luma)


def _equalized(ab: jax.Array, power: float) -> jax.Array:
    """Chroma (b, h, w, 2) with each picture's level drawn toward a common one."""
    level = jnp.sqrt(jnp.mean(jnp.sum(ab**2, -1), (1, 2)))
    return ab * ((_COMMON_LEVEL / jnp.clip(level, *_LEVELS)) ** power)[:, None, None, None]


@functools.partial(jax.jit, static_argnums=0)
def _colorize(system: HueShiftGan, params, stats, luma):
    # Compiled once per system, so that the samples of a training run do not compile anew.
    strength, temperature = system.config.strength, system.config.temperature
    prediction = system.network.evaluate(params, stats, luma)
    log_share = jax.nn.log_softmax(prediction.logits)
    entropy = -jnp.sum(jnp.exp(log_share) * log_share, -1)
    confidence = 1.0 - entropy / jnp.log(float(log_share.shape[-1]))
    share = jax.nn.softmax(prediction.logits / temperature)
    annealed = share @ jnp.asarray(system._bins)
    doubled = jnp.repeat(jnp.repeat(annealed, 2, 1), 2, 2)
    ab = temperature * prediction.ab + (1.0 - temperature) * doubled
    ab = strength * _equalized(ab, system.config.equalize)
    return ab, jnp.repeat(jnp.repeat(confidence, 2, 1), 2, 2)


@functools.partial(jax.jit, static_argnums=0)
def _features(system: HueShiftGan, params, stats, luma):
    module = system.network.merged(params, stats)
    module.eval()
    seen = module.seen(luma)
    grid = seen[0].shape[1:3]
    parts = [
        _unit(jax.image.resize(part, (len(part), *grid, part.shape[-1]), "linear")) for part in seen
    ]
    return jnp.concatenate(parts, axis=-1) / math.sqrt(len(parts))


def _unit(seen: jax.Array) -> jax.Array:
    """Vectors (b, h, w, c) from their mean over the picture, of length 1."""
    centered = seen - seen.mean((1, 2), keepdims=True)
    return centered / jnp.maximum(jnp.linalg.norm(centered, axis=-1, keepdims=True), 1e-6)
