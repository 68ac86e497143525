"""`scgan`: SCGAN, which colors and says what is salient, and learns from both.

One run goes through the published stages: reconstruction (an L1 on RGB, and one on RGB times
saliency), then, if wanted, the critics alone, then the whole game with a perceptual loss. A second
critic, which the paper has and the released trainer does not, sees RGB times saliency.

The network works at full size, and the true colors come at a part of the luma's size: they are
enlarged and moved so that every pixel has the film's luma.

Two presets:
  as published: the tanh of the colors is trained against 0..1, colors are clipped RGB with a luma
    of their own, the singular vectors move at work too, the critics take the generator's rate.
    (Beside it, `attention_critic` is to be False for the released trainer.)
  repaired (the default): colors are in 0..1 and get the film's luma, in training and at work; the
    critics have their own rate.
Of any size are both: at work, luma is extended by reflection to multiples of 256.

Source: zhaoyuzhi/Semantic-Colorization-GAN, commit e7e012b, train/trainer.py. Departures: the
saliency to be learned is that of the bundled `pfan` on luma, the perceptual network may be smaller
than VGG-16, the features of the whole picture are trained with the rest, rates are halved at equal
parts of a stage, and Adam's averages go on from one stage to the next.
"""

import functools
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from hueshift_jax import sharding
from hueshift_jax.contracts import Batch, Logs
from hueshift_jax.errors import ConfigError
from hueshift_jax.losses import saliency as losses
from hueshift_jax.models.scgan import (
    FEATURE_WIDTHS,
    Prediction,
    ScganDiscriminator,
    ScganGenerator,
)
from hueshift_jax.ops import color
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.ops.resample import resize_bilinear
from hueshift_jax.systems.adversary import Adversary, AdversaryConfig, AdversaryState, Critic, Views
from hueshift_jax.systems.network import Network, Weights, gradients
from hueshift_jax.systems.perceptual import Perceptual
from hueshift_jax.systems.pfan import load_detector
from hueshift_jax.systems.plain_generator import PlainGenerator

CHROMA_STRIDE = 4
"""Chroma is handed on at this part of the working size."""
_MULTIPLE = 256
_SALIENCY_SIDE = 128
"""Saliency is looked for at about this size."""


@dataclass(frozen=True)
class OptimConfig:
    """The generator's Adam."""

    lr: float = 2e-4
    """Learning rate of the first stage."""
    game_lr: float = 1e-4
    """Learning rate of the game."""
    beta1: float = 0.5
    """Decay of the gradient's average."""
    beta2: float = 0.999
    """Decay of the squared gradient's average."""
    halvings: int = 3
    """How many times the rate is halved in each stage, at equal distances."""
    steps: int = 8000
    """Length of the run."""


@dataclass(frozen=True)
class ScganConfig:
    """SCGAN with both its stages."""

    width: int = 64
    """Channels of the generator at full size."""
    saliency_width: int = 128
    """Channels of its saliency network."""
    feature_widths: tuple[int, int, int, int, int] = FEATURE_WIDTHS
    """Channels of its network for features of the whole picture."""
    as_published: bool = False
    """Keep the published range, luma, evaluation and rate of the critics."""
    reconstruction_steps: int = 4000
    """Steps of the first stage."""
    critic_steps: int = 0
    """Steps after it in which the critics learn alone."""
    attention_critic: bool = True
    """A second critic, of RGB times saliency."""
    critic_width: int = 64
    """Channels of the critics' first convolution."""
    adversary: AdversaryConfig = field(
        default_factory=lambda: AdversaryConfig(kind="wgan-gp", lr=1e-4)
    )
    """Kind of game and the critics' optimizer."""
    pixel_weight: float = 1.0
    """Weight of the L1 on RGB."""
    attention_weight: float = 0.5
    """Weight of the L1 on RGB times saliency."""
    perceptual_weight: float = 5.0
    """Weight of the perceptual loss in the game."""
    adversarial_weight: float = 0.05
    """Weight of each critic's judgment."""
    perceptual_network: str = ""
    """File of VGG's weights; empty for the bundled network."""
    optim: OptimConfig = OptimConfig()
    """The generator's optimizer."""
    strength: float = 1.0
    """When coloring, chroma is multiplied by this."""
    short_side: int = 256
    """When coloring, the short side of the working size in pixels; a multiple of 32."""

    def __post_init__(self):
        if self.short_side < 32 or self.short_side % 32:
            raise ConfigError(f"short_side is {self.short_side}, expected a multiple of 32")
        if self.reconstruction_steps < 0 or self.critic_steps < 0:
            raise ConfigError(
                "reconstruction_steps and critic_steps are numbers of steps, 0 or more"
            )

    def build(self) -> "Scgan":
        """The system."""
        return Scgan(self)


class State(NamedTuple):
    """params and stats, of the generator, are flat dictionaries by dotted name."""

    params: Weights
    stats: Weights
    optimizer: optax.OptState
    critics: AdversaryState


class Part(NamedTuple):
    """What a step works with: luma (b, h, w, 1), true RGB (b, h, w, 3), saliency (b, h, w, 1)."""

    luma: jax.Array
    truth: jax.Array
    saliency: jax.Array


def halving(peak: float, steps: int, halvings: int) -> optax.Schedule:
    """`peak`, halved so many times in a number of steps, at equal distances."""
    part = max(steps / (halvings + 1), 1.0)
    return lambda count: peak * 0.5 ** jnp.minimum(jnp.floor(count / part), halvings)


def _schedule(config: ScganConfig) -> optax.Schedule:
    """The generator's rate, over its own steps."""
    optim, first = config.optim, config.reconstruction_steps
    left = optim.steps - first - config.critic_steps
    return optax.join_schedules(
        [
            halving(optim.lr, min(first, optim.steps), optim.halvings),
            halving(optim.game_lr, left, optim.halvings),
        ],
        [first],
    )


def _adversary(config: ScganConfig) -> Adversary:
    def make(rngs: nnx.Rngs) -> ScganDiscriminator:
        return ScganDiscriminator(
            width=config.critic_width, as_published=config.as_published, rngs=rngs
        )

    names = ("color", "attention") if config.attention_critic else ("color",)
    critics = dict.fromkeys(names, Critic(make))
    return Adversary(critics, config.adversary, _critic_schedule(config))


def _critic_schedule(config: ScganConfig) -> optax.Schedule:
    """The critics' rate, over their own steps."""
    peak = config.optim.game_lr if config.as_published else config.adversary.lr
    steps = config.optim.steps - config.reconstruction_steps
    return halving(peak, steps, config.optim.halvings)


def true_colors(batch: Batch) -> jax.Array:
    """RGB (b, h, w, 3) at luma's size and with the film's luma; hardly outside 0..1."""
    luma = jnp.asarray(batch.luma)
    small = jnp.asarray(batch.rgb_u8, jnp.float32) / 255.0
    return color.with_luma(resize_bilinear(small, luma.shape[1:]), luma)


class Scgan(PlainGenerator):
    """Trains and runs SCGAN (`contracts.System`)."""

    def __init__(self, config: ScganConfig):
        self.config = config
        self.network = Network(self._make)
        self.adversary = _adversary(config)
        adam = functools.partial(optax.adam, b1=config.optim.beta1, b2=config.optim.beta2)
        self._optimizer = adam(_schedule(config))

    def _make(self, rngs: nnx.Rngs) -> ScganGenerator:
        return ScganGenerator(
            width=self.config.width,
            saliency_width=self.config.saliency_width,
            feature_widths=self.config.feature_widths,
            as_published=self.config.as_published,
            rngs=rngs,
        )

    @functools.cached_property
    def _detector(self):
        return load_detector()

    @functools.cached_property
    def _perceptual(self) -> Perceptual:
        return Perceptual(self.config.perceptual_network)

    @functools.partial(jax.jit, static_argnums=0)
    def init(self, key: jax.Array) -> State:
        """The state before the first step."""
        made, judged = jax.random.split(key)
        params, stats = self.network.init(made)
        critics = self.adversary.init(judged)
        return State(params, stats, self._optimizer.init(params), critics)

    def phase(self, done: int) -> int:
        """0 for reconstruction, 1 for the critics alone, 2 for the game (`contracts.Phased`)."""
        first = self.config.reconstruction_steps
        return (done >= first) + (done >= first + self.config.critic_steps)

    @functools.partial(jax.jit, static_argnums=(0, 4), donate_argnums=1)
    def step(
        self, state: State, batch: Batch, key: jax.Array, phase: int = 0
    ) -> tuple[State, Logs]:
        """One step of reconstruction, of the critics alone, or of the game."""
        stage = (self._reconstruct, self._criticize, self._play)[phase]
        return stage(state, self._part(batch), key)

    def _part(self, batch: Batch) -> Part:
        luma = jnp.asarray(batch.luma)
        reduced = average_pool(luma[..., None], max(min(luma.shape[1:]) // _SALIENCY_SIDE, 1))
        found = self._detector(reduced[..., 0])[..., None]
        saliency = jax.lax.stop_gradient(resize_bilinear(found, luma.shape[1:]))
        return Part(luma[..., None], true_colors(batch), saliency)

    # -- The stages ----------------------------------------------------------------------------

    def _reconstruct(self, state: State, part: Part, key: jax.Array) -> tuple[State, Logs]:
        """The generator alone, without the game's losses."""
        del key  # the augmentation is drawn with the data; nothing here is random

        def loss_of(params, stats, part):
            prediction, stats = self.network.train(params, stats, part.luma)
            loss, logs = self._reconstruction(prediction, part)
            return loss, ({"loss": loss, **logs}, stats)

        return self._stepped(state, loss_of, part)

    def _criticize(self, state: State, part: Part, key: jax.Array) -> tuple[State, Logs]:
        """The critics alone."""
        critics, logs = self._criticized(state, part, key)
        return state._replace(critics=critics), logs

    def _play(self, state: State, part: Part, key: jax.Array) -> tuple[State, Logs]:
        """A step of the critics, and then one of the generator before them."""
        config = self.config
        first, second = jax.random.split(key)
        critics, heard = self._criticized(state, part, first)

        def loss_of(params, stats, part):
            prediction, stats = self.network.train(params, stats, part.luma)
            loss, logs = self._reconstruction(prediction, part)
            shown = self._shown(prediction, part.luma)
            judged, _ = self.adversary.judge(
                critics, self._views(part.luma, shown, prediction.saliency), second
            )
            logs["perceptual"] = self._perceptual.distance(shown, part.truth)
            logs |= {f"{name}_game": value for name, value in judged.items()}
            loss = loss + config.perceptual_weight * logs["perceptual"]
            loss = loss + config.adversarial_weight * sum(judged.values())
            return loss, ({"loss": loss, **logs}, stats)

        after, logs = self._stepped(state._replace(critics=critics), loss_of, part)
        return after, logs | heard

    def _stepped(self, state: State, loss_of, part: Part) -> tuple[State, Logs]:
        """A step of the generator's Adam."""
        gradient, stats, logs = gradients(loss_of, state.params, state.stats, part)
        updates, optimizer = self._optimizer.update(gradient, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        logs["gradient_norm"] = optax.tree.norm(gradient)
        return State(params, stats, optimizer, state.critics), logs

    def _criticized(self, state: State, part: Part, key: jax.Array) -> tuple[AdversaryState, Logs]:
        """A step of the critics."""
        params = sharding.gathered(state.params)
        prediction, _ = self.network.train(params, state.stats, part.luma)
        made = self._views(part.luma, self._shown(prediction, part.luma), prediction.saliency)
        real = self._views(part.luma, part.truth, part.saliency)
        return self.adversary.step(state.critics, real, made, key)

    def _reconstruction(self, prediction: Prediction, part: Part) -> tuple[jax.Array, Logs]:
        config, shown = self.config, self._shown(prediction, part.luma)
        logs = {
            "pixel": jnp.abs(shown - part.truth).mean(),
            "attention": losses.attention_l1(shown, prediction.saliency, part.truth, part.saliency),
        }
        loss = config.pixel_weight * logs["pixel"] + config.attention_weight * logs["attention"]
        return loss, logs

    def _shown(self, prediction: Prediction, luma: jax.Array) -> jax.Array:
        """Predicted RGB as it is compared and judged."""
        if self.config.as_published:
            return prediction.color
        return color.with_luma(prediction.color, luma[..., 0])

    def _views(self, luma: jax.Array, srgb: jax.Array, saliency: jax.Array) -> Views:
        views = {"color": (luma, srgb), "attention": (luma, srgb * saliency)}
        return {name: views[name] for name in self.adversary.networks}

    # -- At work -------------------------------------------------------------------------------

    def colorize(self, params: Weights, stats: Weights, luma: jax.Array) -> jax.Array:
        """ab at a quarter of the size of luma (b, h, w), in CIELAB units."""
        sides = [_around(size) for size in luma.shape[1:]]
        extended = jnp.pad(luma, ((0, 0), *sides), mode="symmetric")
        prediction = self.network.evaluate(params, stats, extended[..., None])
        (top, _), (left, _) = sides
        height, width = luma.shape[1:]
        srgb = jnp.clip(prediction.color[:, top : top + height, left : left + width], 0.0, 1.0)
        if not self.config.as_published:
            srgb = color.with_luma(srgb, luma)
        ab = color.srgb_to_lab(average_pool(srgb, CHROMA_STRIDE))[..., 1:]
        return self.config.strength * ab


def _around(size: int) -> tuple[int, int]:
    """What is added before and after, to come to a multiple of 256."""
    missing = -size % _MULTIPLE
    return missing // 2, missing - missing // 2
