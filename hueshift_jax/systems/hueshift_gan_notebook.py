"""`hueshift_gan_notebook`: the published notebook, its generator against its two critics.

The generator paints RGB and draws a saliency map. One critic judges its RGB, the other its RGB
times its saliency; neither sees the gray picture, and each gives one score per picture. Beside the
game stand L1 on ImageNet-normalized RGB and L1 on saliency. In every step both critics learn first,
and the generator then plays against what they have become.

The network works at full size, and the true colors come at a part of the luma's size, so it is
trained at that small size: luma is averaged down to it.

Two presets:
  as published: gray is a weighted sum of the normalized channels of the true colors; the saliency
    map is not bounded and learns the mean of those channels; colors are clipped RGB; the feature
    encoder stays as random as it began; the generator's goal is the critics' smoothed label.
  repaired (the default): gray is the film's own luma, normalized in the way in which a gray
    picture always is; saliency is a sigmoid and learns what the bundled `pfan` finds; luma of the
    predicted RGB is replaced by the true one before losses and critics see it, and by that of the
    film when coloring; the encoder learns; the generator's goal is 1; a perceptual loss and a
    first phase without the game are there to be used.

Source: SreeDakshinya/HueShift-Video-Coloring, commit 636eae0, "GAN model/
final-training-code-of-video-coloring-gan.ipynb". Departures: float32 without loss scaling, no noise
(which the notebook draws and never uses), one random encoder and not another one per folder, and
the critics' state is saved with the generator's.
"""

import dataclasses
import functools
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from hueshift_jax import sharding
from hueshift_jax.contracts import Array, Batch, Logs, SaliencyDetector
from hueshift_jax.errors import ConfigError
from hueshift_jax.models import hueshift_discriminator
from hueshift_jax.models.hueshift_discriminator import HueShiftDiscriminator
from hueshift_jax.models.hueshift_generator import (
    ENCODER_WIDTHS,
    GENERATOR_WIDTHS,
    Prediction,
    SelfGuided,
)
from hueshift_jax.ops import color
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.systems.adversary import Adversary, AdversaryConfig, AdversaryState, Critic, Views
from hueshift_jax.systems.network import Network, Weights, gradients
from hueshift_jax.systems.perceptual import Perceptual
from hueshift_jax.systems.pfan import load_detector
from hueshift_jax.systems.plain_generator import PlainGenerator

CRITICS = ("color", "attention")
CHROMA_STRIDE = 2
"""Chroma is handed on at this part of the working size."""
GAME, RECONSTRUCTION = 0, 1
"""The kinds of steps."""
_UNUSED = "generator.saliency_dec"


@dataclass(frozen=True)
class OptimConfig:
    """Adam, at a constant rate as published."""

    lr: float = 4e-4
    """Learning rate."""
    beta1: float = 0.5
    """Decay of the gradient's average."""
    beta2: float = 0.999
    """Decay of the squared gradient's average."""
    weight_decay: float = 1e-6
    """Added to the gradient (L2), of every parameter that learns."""
    descent: float = 0.0
    """Part of the run, its last, in which the rate falls to zero; 0 as published."""
    steps: int = 8000
    """Length of the run."""
    parts: int = 1
    """Parts in which a batch is worked off, one after the other, to save memory. The critics see
    it whole."""


CRITICS_ADAM = AdversaryConfig(
    kind="cross-entropy", lr=1e-4, weight_decay=1e-4, real_goal=0.9, clip_norm=1.0
)
"""The published game; its smoothed label is the generator's goal too, if it is played as published.
"""


@dataclass(frozen=True)
class HueShiftGanNotebookConfig:
    """The published notebook; the weights of its losses are the published ones."""

    widths: tuple[int, int, int, int] = GENERATOR_WIDTHS
    """Channels of the generator's outer, second, third and middle levels."""
    feature_widths: tuple[int, int, int, int, int] = ENCODER_WIDTHS
    """Channels of the feature encoder's blocks."""
    critic_widths: tuple[int, int, int, int] = hueshift_discriminator.WIDTHS
    """Channels of the critics' convolutions."""
    as_published: bool = False
    """Keep what the notebook does; else it is repaired (see above)."""
    color_weight: float = 1.0
    """Weight of the L1 on normalized RGB."""
    saliency_weight: float = 0.5
    """Weight of the L1 on saliency."""
    adversarial_weight: float = 1.0
    """Weight of each critic's opinion."""
    perceptual_weight: float = 0.0
    """Weight of the perceptual loss, which the notebook does not have."""
    reconstruction_steps: int = 0
    """Steps without the game at first; 0 as published."""
    optim: OptimConfig = OptimConfig()
    """The generator's optimizer."""
    adversary: AdversaryConfig = CRITICS_ADAM
    """The game and the critics' optimizer."""
    strength: float = 1.0
    """When coloring, chroma is multiplied by this."""
    short_side: int = 128
    """When coloring, the short side of the working size in pixels; a multiple of 32."""

    def __post_init__(self):
        if self.short_side < 32 or self.short_side % 32:
            raise ConfigError(f"short_side is {self.short_side}, expected a multiple of 32")
        if self.reconstruction_steps < 0:
            raise ConfigError(
                f"reconstruction_steps is {self.reconstruction_steps}, expected 0 or more"
            )

    def build(self) -> "HueShiftGanNotebook":
        """The system."""
        return HueShiftGanNotebook(self)


class State(NamedTuple):
    """params and stats are flat dictionaries by dotted name, the generator's with its encoder's."""

    params: dict[str, jax.Array]
    stats: dict[str, jax.Array]
    optimizer: optax.OptState
    critics: AdversaryState


def normalize(srgb: jax.Array) -> jax.Array:
    """ImageNet-normalized RGB (b, h, w, 3) of RGB in 0..1."""
    return (srgb - color.IMAGENET_MEAN[None, None, None]) / color.IMAGENET_STD[None, None, None]


def denormalize(normalized: jax.Array) -> jax.Array:
    """RGB, 0..1 where it is displayable, of ImageNet-normalized RGB (b, h, w, 3)."""
    srgb = normalized * color.IMAGENET_STD[None, None, None]
    return srgb + color.IMAGENET_MEAN[None, None, None]


def encode_gray(luma: jax.Array) -> jax.Array:
    """What the network reads of a gray picture: the weighted sum of its normalized R = G = B."""
    srgb = jnp.broadcast_to(luma[..., None], (*luma.shape, 3))
    return color.srgb_to_luma(normalize(srgb), color.TORCHVISION_LUMA)[..., None]


def small_ab(normalized: jax.Array, luma: jax.Array, *, keep_luma: bool) -> jax.Array:
    """Chroma (b, h/2, w/2, 2) in CIELAB units of predicted colors.

    Args:
      normalized: (b, h, w, 3), ImageNet-normalized RGB.
      luma: (b, h, w), of the film.
      keep_luma: move the colors to the film's luma before chroma is taken.
    """
    srgb = denormalize(normalized)
    if keep_luma:
        srgb = color.with_luma(srgb, luma)
    return color.srgb_to_lab(average_pool(jnp.clip(srgb, 0.0, 1.0), CHROMA_STRIDE))[..., 1:]


def views(shown: Prediction) -> Views:
    """What each critic looks at: normalized RGB, and the same times saliency."""
    return {"color": (shown.color,), "attention": (shown.color * shown.saliency,)}


def _optimizer(optim: OptimConfig, still: tuple[str, ...]) -> optax.GradientTransformation:
    def learns(tree: dict) -> dict:
        # Adam would turn the smallest decay into steps of full length; PyTorch passes these over.
        return {name: not name.startswith(still) for name in tree}

    fall = round(optim.descent * optim.steps)
    schedule = optax.constant_schedule(optim.lr)
    if fall:
        schedule = optax.linear_schedule(optim.lr, 0.0, fall, optim.steps - fall)
    return optax.chain(
        optax.add_decayed_weights(optim.weight_decay, learns),
        optax.adam(schedule, b1=optim.beta1, b2=optim.beta2),
    )


class HueShiftGanNotebook(PlainGenerator):
    """Trains and runs the published generator and its critics (`contracts.System`)."""

    def __init__(self, config: HueShiftGanNotebookConfig):
        self.config = config
        self.network = Network(
            lambda rngs: SelfGuided(
                config.widths, config.feature_widths, frozen=config.as_published, rngs=rngs
            )
        )
        adversary = config.adversary
        if config.as_published:
            adversary = dataclasses.replace(adversary, generator_goal=adversary.real_goal)
        critic = Critic(self._make_critic, draws=True)
        self.critics = Adversary(dict.fromkeys(CRITICS, critic), adversary)
        still = (_UNUSED, "encoder.") if config.as_published else (_UNUSED,)
        self._optimizer = _optimizer(config.optim, still)

    def _make_critic(self, rngs) -> HueShiftDiscriminator:
        return HueShiftDiscriminator(3, self.config.critic_widths, rngs=rngs)

    @functools.cached_property
    def _detector(self) -> SaliencyDetector:
        return load_detector()

    @functools.cached_property
    def _perceptual(self) -> Perceptual:
        return Perceptual()

    @functools.partial(jax.jit, static_argnums=0)
    def init(self, key: jax.Array) -> State:
        """The state before the first step."""
        first, second = jax.random.split(key)
        params, stats = self.network.init(first)
        return State(params, stats, self._optimizer.init(params), self.critics.init(second))

    def phase(self, done: int) -> int:
        """`RECONSTRUCTION` alone at first, if asked for, and then the `GAME`."""
        return RECONSTRUCTION if done < self.config.reconstruction_steps else GAME

    @functools.partial(jax.jit, static_argnums=(0, 4), donate_argnums=1)
    def step(
        self, state: State, batch: Batch, key: jax.Array, phase: int = GAME
    ) -> tuple[State, Logs]:
        """One step of the critics and one of the generator; without the game, the latter alone."""
        srgb = jnp.asarray(batch.rgb_u8, jnp.float32) / 255.0
        gray = self._gray(batch.luma, srgb)
        truth = Prediction(normalize(srgb), self._salient(batch.luma, srgb))
        if phase == RECONSTRUCTION:
            return self._learns(state, gray, truth, None)
        first, second = jax.random.split(key)
        # The generator's step computes the same again, which the compiler does once.
        made, _ = self.network.train(sharding.gathered(state.params), state.stats, gray)
        real, fake = views(truth), views(self._shown(made, truth))
        critics, found = self.critics.step(state.critics, real, fake, first)
        state, logs = self._learns(state._replace(critics=critics), gray, truth, second)
        return state, logs | found

    def _learns(self, state, gray, truth, key) -> tuple[State, Logs]:
        """The generator's step of Adam; with a key, against the critics."""
        config = self.config

        def loss_of(params, stats, part):
            gray, truth = part
            made, stats = self.network.train(params, stats, gray)
            shown = self._shown(made, truth)
            loss, logs = self._losses(shown, truth)
            if key is not None:
                opinions, _ = self.critics.judge(state.critics, views(shown), key)
                loss = loss + config.adversarial_weight * sum(opinions.values())
                logs |= {f"{name}_game": opinion for name, opinion in opinions.items()}
            return loss, (logs | {"loss": loss}, stats)

        whole, parts = (gray, truth), config.optim.parts
        gradient, stats, logs = gradients(loss_of, state.params, state.stats, whole, parts=parts)
        updates, optimizer = self._optimizer.update(gradient, state.optimizer, state.params)
        logs["gradient_norm"] = optax.tree.norm(gradient)
        params = optax.apply_updates(state.params, updates)
        return State(params, stats, optimizer, state.critics), logs

    def _gray(self, luma: Array, srgb: jax.Array) -> jax.Array:
        """The network's input at the size of the true colors."""
        if self.config.as_published:
            return color.srgb_to_luma(normalize(srgb), color.TORCHVISION_LUMA)[..., None]
        small = average_pool(jnp.asarray(luma)[..., None], luma.shape[1] // srgb.shape[1])
        return encode_gray(small[..., 0])

    def _salient(self, luma: Array, srgb: jax.Array) -> jax.Array:
        """What the saliency map is to learn (b, h, w, 1), at the size of the true colors."""
        if self.config.as_published:
            return normalize(srgb).mean(-1, keepdims=True)
        seen = jnp.asarray(luma)
        if all(side % 64 == 0 for side in seen.shape[1:]):
            seen = average_pool(seen[..., None], 2)[..., 0]
        found = jax.lax.stop_gradient(self._detector(seen))[..., None]
        return average_pool(found, found.shape[1] // srgb.shape[1])

    def _shown(self, made: Prediction, truth: Prediction) -> Prediction:
        """What losses and critics see of what the generator made."""
        if self.config.as_published:
            return made
        luma = color.srgb_to_luma(denormalize(truth.color))
        moved = normalize(color.with_luma(denormalize(made.color), luma))
        return Prediction(moved, jax.nn.sigmoid(made.saliency))

    def _losses(self, shown: Prediction, truth: Prediction) -> tuple[jax.Array, Logs]:
        """The weighted sum of the losses that need no critics, and each of them by name."""
        config = self.config
        logs = {
            "color": jnp.abs(shown.color - truth.color).mean(),
            "saliency": jnp.abs(shown.saliency - truth.saliency).mean(),
        }
        loss = config.color_weight * logs["color"] + config.saliency_weight * logs["saliency"]
        if config.perceptual_weight:
            pair = denormalize(shown.color), denormalize(truth.color)
            logs["perceptual"] = self._perceptual.distance(*pair)
            loss = loss + config.perceptual_weight * logs["perceptual"]
        return loss, {"reconstruction": loss, **logs}

    def colorize(self, params: Weights, stats: Weights, luma: jax.Array) -> jax.Array:
        """ab of luma (b, h, w), reduced, in CIELAB units."""
        prediction = self.network.evaluate(params, stats, encode_gray(luma))
        ab = small_ab(prediction.color, luma, keep_luma=not self.config.as_published)
        return self.config.strength * ab
