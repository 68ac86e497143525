"""`hueshift_gan`: the default, a saliency-guided generator against two critics of patches.

The generator is `models.chroma_unet` on a pretrained encoder. It is trained as NoGAN says: first by
reconstruction (Huber loss of chroma, the logarithm of each picture's RGB error, a classification
over ab cells); then the critics learn alone what its colors look like; then comes a short game of
both, as `systems.saliency_game` has it. What colors a film is an average of the weights over the
last steps; the game begins with the average that the reconstruction left.
"""

import dataclasses
import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from hueshift_jax import checkpoint, sharding
from hueshift_jax.contracts import Batch, Logs
from hueshift_jax.errors import ConfigError
from hueshift_jax.losses import colorization as losses
from hueshift_jax.losses import temporal
from hueshift_jax.models.chroma_unet import ChromaUNet, Prediction, ab_bins
from hueshift_jax.models.efficientnet_lite import LITE2
from hueshift_jax.ops import color, motion
from hueshift_jax.ops.motion import MotionSpan
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.systems.adversary import AdversaryState
from hueshift_jax.systems.catalog import SYSTEMS
from hueshift_jax.systems.chroma_colorizer import ChromaColorizer
from hueshift_jax.systems.encoder import pretrained_encoder
from hueshift_jax.systems.network import Network, Weights, averaged, gradients
from hueshift_jax.systems.saliency_game import GameConfig, SaliencyGame


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
    """Optimizer and schedule of the reconstruction."""
    game: GameConfig = field(default_factory=GameConfig)
    """The losses beside reconstruction, and the game."""
    strength: float = 1.0
    """When coloring, chroma is multiplied by this; see `ChromaLevel`."""
    equalize: float = 0.35
    """When coloring, pale pictures gain more chroma than vivid ones; see `ChromaLevel`."""
    spread: float = 1.0
    """When coloring, what differs from the picture's mean chroma is multiplied by this."""
    fade: float = 0.0
    """When coloring, how much less chroma black and white get than middle gray."""
    temperature: float = 1.0
    """When coloring, how decided the colors are; see `ChromaColorizer`."""
    short_side: int = 192
    """When coloring, the short side of the working size in pixels; a multiple of 32."""
    views: tuple[float, ...] = (1.0,)
    """When coloring, the parts of the working size at which the network looks. What it says is
    averaged; every second look is at the mirrored picture."""

    def __post_init__(self):
        if not 0.0 <= self.equalize < 1.0:
            raise ConfigError(f"equalize is {self.equalize}, expected 0 to less than 1")
        if self.short_side < 32 or self.short_side % 32:
            raise ConfigError(f"short_side is {self.short_side}, expected a multiple of 32")
        if not self.views or any(not 0.1 <= part <= 4.0 for part in self.views):
            raise ConfigError(f"views are {self.views}, expected parts of 0.1 to 4, at least one")
        if not 0.05 <= self.temperature <= 1.0:
            raise ConfigError(f"temperature is {self.temperature}, expected 0.05 to 1")

    def build(self) -> "HueShiftGan":
        """The system."""
        return HueShiftGan(self)


class State(NamedTuple):
    """params and stats are flat dictionaries by dotted name; ema has both; critics may be None."""

    params: dict[str, jax.Array]
    stats: dict[str, jax.Array]
    ema: dict[str, jax.Array]
    optimizer: optax.OptState
    bin_prior: jax.Array
    critics: AdversaryState | None


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


def _optimizer(
    optim: OptimConfig, game: GameConfig, frozen_blocks: int
) -> optax.GradientTransformation:
    """The generator's: reconstruction's schedule, then the game's constant rates."""

    def adamw(peak: float, in_game: float) -> optax.GradientTransformation:
        schedule = _schedule(optim, peak)
        if game.weight:
            first = _schedule(dataclasses.replace(optim, steps=max(game.begins_after, 1)), peak)
            parts = [first, optax.constant_schedule(in_game)]
            schedule = optax.join_schedules(parts, [game.begins_after])
        return optax.adamw(
            schedule,
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
        "encoder": adamw(optim.encoder_lr, game.encoder_lr),
        "decoder": adamw(optim.lr, game.lr),
        "frozen": optax.set_to_zero(),
    }
    return optax.chain(optax.clip_by_global_norm(optim.clip_norm), optax.partition(parts, groups))


class HueShiftGan:
    """Trains and runs the chroma U-Net (`contracts.System`)."""

    def __init__(self, config: HueShiftGanConfig):
        self.config = config
        self.network = Network(self._make)
        self.game = SaliencyGame(config.game)
        self.bins = ab_bins()
        self._optimizer = _optimizer(config.optim, config.game, config.frozen_blocks)

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
            return self._begin(*self._taken(_finished(self.config.begin_with)), key)
        pretrained = pretrained_encoder(self.network.params) if self.config.pretrained else {}
        return self._init(key, pretrained)

    @functools.partial(jax.jit, static_argnums=0)
    def _init(self, key: jax.Array, pretrained: Weights) -> State:
        params, stats = self.network.init(key)
        return self._begin(params | pretrained, stats, key)

    @functools.partial(jax.jit, static_argnums=0)
    def _begin(self, params: Weights, stats: Weights, key: jax.Array) -> State:
        prior = jnp.full(len(self.bins), 1.0 / len(self.bins))
        # The averages are buffers of their own: the whole state is donated to the step.
        ema = jax.tree.map(jnp.copy, params | stats)
        optimizer = self._optimizer.init(params)
        critics = self.game.init(jax.random.fold_in(key, 1))
        return State(params, stats, ema, optimizer, prior, critics)

    def _taken(self, weights: dict[str, np.ndarray]) -> tuple[Weights, Weights]:
        """The weights; those from before there was a saliency head know nothing of saliency."""
        head = {n: p for n, p in self.network.params.items() if n.startswith("saliency.")}
        if not any(name in weights for name in head):
            weights = weights | {n: np.zeros(p.shape, p.dtype) for n, p in head.items()}
        return self.network.taken(weights)

    def phase(self, done: int) -> int:
        """0 for reconstruction, 1 for the critics alone, 2 for the game (`contracts.Phased`)."""
        game = self.config.game
        if not game.weight or done < game.begins_after:
            return 0
        return 1 if done < game.begins_after + game.critic_steps else 2

    @functools.partial(jax.jit, static_argnums=(0, 4), donate_argnums=1)
    def step(
        self, state: State, batch: Batch, key: jax.Array, phase: int = 0
    ) -> tuple[State, Logs]:
        """One step of reconstruction, of the critics alone, or of the game."""
        lab = color.srgb_to_lab(jnp.asarray(batch.rgb_u8, jnp.float32) / 255.0)
        luma = jnp.asarray(batch.luma)
        seen = (luma, lab, self.game.saliency(luma))
        if phase == 0:
            return self._learn(state, seen, key, played=False)
        if phase == 1:  # they learn what the averaged weights paint, with which the game begins
            params, stats = (
                {n: state.ema[n] for n in part} for part in (state.params, state.stats)
            )
            return self._critics_learn(state._replace(params=params, stats=stats), seen, key)
        first, second = jax.random.split(key)
        state, found = self._critics_learn(state, seen, first)
        state, logs = self._learn(state, seen, second, played=True)
        return state, logs | found

    def _critics_learn(self, state: State, seen: tuple, key: jax.Array) -> tuple[State, Logs]:
        luma, lab, saliency = seen
        params = sharding.gathered(state.params)
        prediction, _ = self.network.train(params, state.stats, luma)
        real = self.game.views(luma, lab[..., 1:], saliency)
        fake = self.game.views(luma, prediction.ab, saliency)
        critics, logs = self.game.critics.step(state.critics, real, fake, key)
        return state._replace(critics=critics), logs

    def _learn(
        self, state: State, seen: tuple, key: jax.Array, *, played: bool
    ) -> tuple[State, Logs]:
        """The generator's step of AdamW, with the critics' opinion if it is played."""
        config = self.config
        luma, lab, saliency = seen
        target = losses.soft_bins(average_pool(lab[..., 1:], 2), jnp.asarray(self.bins))
        prior = 0.999 * state.bin_prior + 0.001 * target.mean((0, 1, 2))
        after = None
        if config.temporal_weight:  # else nothing here is random: the data come augmented
            after = motion.make_next(luma, key, span=config.temporal_span)
        begun, judged = jax.random.fold_in(key, 1), state.critics if played else None

        def loss_of(params, stats, part):
            return self._loss(params, stats, part, prior, (judged, begun))

        gradient, stats, logs = gradients(
            loss_of,
            state.params,
            state.stats,
            (luma, lab, saliency, target, after),
            parts=config.optim.parts,
        )
        updates, optimizer = self._optimizer.update(gradient, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        decay = config.game.ema_decay if played else config.ema_decay
        ema = averaged(state.ema, params | stats, decay)
        logs["gradient_norm"] = optax.tree.norm(gradient)
        return State(params, stats, ema, optimizer, prior, state.critics), logs

    def _loss(self, params, stats, part, prior, judged):
        """The loss of a part of a batch, with all its terms."""
        luma, lab, saliency, target, after = part
        both = luma if after is None else jnp.concatenate([luma, after.target])
        prediction, stats = self.network.train(params, stats, both)
        now = jax.tree.map(lambda x: x[: len(luma)], prediction)
        loss, logs = self._losses(now, lab, target, prior)
        added, found = self.game.losses(now, luma, lab[..., 1:], saliency)
        loss, logs = loss + added, logs | found
        if after is not None:
            logs["temporal"] = self._wobble(now, prediction, luma, after)
            loss = loss + self.config.temporal_weight * logs["temporal"]
        critics, key = judged
        if critics is not None:
            views = self.game.views(luma, now.ab, saliency)
            opinions, _ = self.game.critics.judge(critics, views, key)
            logs |= {f"{name}_game": opinion for name, opinion in opinions.items()}
            loss = loss + self.config.game.weight * sum(opinions.values())
        logs["loss"] = loss
        return loss, (logs, stats)

    def _wobble(self, now, prediction, luma, after):
        """With two frames of each photograph: how far the colors of the next are off."""
        later = prediction.ab[len(luma) :]
        factor = luma.shape[1] // now.ab.shape[1]
        flow, visible = temporal.reduced_motion(after.flow, after.visible, factor)
        return temporal.carried_chroma(later, now.ab, flow, visible)

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
        return loss, logs

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
        return ChromaColorizer(self, *self._taken(weights))


def _finished(name: str) -> dict[str, np.ndarray]:
    path = SYSTEMS[name].path if name in SYSTEMS else Path(name).expanduser()
    return checkpoint.load_weights(path)[0]
