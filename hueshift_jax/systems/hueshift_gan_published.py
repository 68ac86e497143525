"""`hueshift_gan_published`: the generator as its authors drew it, with its reconstruction losses.

So far without the two discriminators: L1 on ImageNet-normalized RGB plus half the L1 on saliency.
The network works at full size, and the true colors come at a part of the luma's size, so it is
trained at that small size: luma is averaged down to it.

Two presets:
  as published: gray is a weighted sum of the normalized channels of the true colors, the saliency
    map is not bounded and learns the mean of those channels, colors are clipped RGB.
  repaired (the default): gray is the film's own luma, normalized in the way in which a gray
    picture always is; saliency is a sigmoid and learns the mean of the channels in 0..1; when
    coloring, the luma of the predicted RGB is replaced by that of the film before chroma is taken.
In both the feature encoder is part of the network and trained with it.

Source: SreeDakshinya/HueShift-Video-Coloring, commit 636eae0, "GAN model/
final-training-code-of-video-coloring-gan.ipynb": losses, weights and optimizer of the generator.
Departures: float32 without loss scaling, no adversarial terms, no unused noise.
"""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from hueshift_jax.contracts import Array, Batch, Logs, Memory
from hueshift_jax.errors import ConfigError
from hueshift_jax.models.hueshift_generator import (
    ENCODER_WIDTHS,
    GENERATOR_WIDTHS,
    Prediction,
    SelfGuided,
)
from hueshift_jax.ops import color
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.systems.network import Network, gradients
from hueshift_jax.systems.stateless import StatelessColorizer

CHROMA_STRIDE = 4
"""Chroma is handed on at this part of the working size."""
_UNUSED = "generator.saliency_dec"


@dataclass(frozen=True)
class OptimConfig:
    """Adam at a constant rate, as published."""

    lr: float = 4e-4
    """Learning rate."""
    beta1: float = 0.5
    """Decay of the gradient's average."""
    beta2: float = 0.999
    """Decay of the squared gradient's average."""
    weight_decay: float = 1e-6
    """Added to the gradient (L2), of every parameter that is used."""
    steps: int = 8000
    """Length of the run; the rate does not depend on it."""
    parts: int = 1
    """Parts in which a batch is worked off, one after the other, to save memory."""


@dataclass(frozen=True)
class HueShiftGanPublishedConfig:
    """The published generator, trained by reconstruction."""

    widths: tuple[int, int, int, int] = GENERATOR_WIDTHS
    """Channels of the generator's outer, second, third and middle levels."""
    feature_widths: tuple[int, int, int, int, int] = ENCODER_WIDTHS
    """Channels of the feature encoder's blocks."""
    as_published: bool = False
    """Keep the published gray, saliency and clipping."""
    color_weight: float = 1.0
    """Weight of the L1 on normalized RGB."""
    saliency_weight: float = 0.5
    """Weight of the L1 on saliency."""
    optim: OptimConfig = OptimConfig()
    """Optimizer."""
    short_side: int = 128
    """When coloring, the short side of the working size in pixels; a multiple of 32."""

    def __post_init__(self):
        if self.short_side < 32 or self.short_side % 32:
            raise ConfigError(f"short_side is {self.short_side}, expected a multiple of 32")

    def build(self) -> "HueShiftGanPublished":
        """The system."""
        return HueShiftGanPublished(self)


class State(NamedTuple):
    """params and stats are flat dictionaries by dotted name."""

    params: dict[str, jax.Array]
    stats: dict[str, jax.Array]
    optimizer: optax.OptState


def normalize(srgb: jax.Array) -> jax.Array:
    """ImageNet-normalized RGB (b, h, w, 3) of RGB in 0..1."""
    return (srgb - color.IMAGENET_MEAN[None, None, None]) / color.IMAGENET_STD[None, None, None]


def denormalize(normalized: jax.Array) -> jax.Array:
    """RGB in 0..1 (clipped) of ImageNet-normalized RGB (b, h, w, 3)."""
    srgb = normalized * color.IMAGENET_STD[None, None, None]
    return jnp.clip(srgb + color.IMAGENET_MEAN[None, None, None], 0.0, 1.0)


def encode_gray(luma: jax.Array) -> jax.Array:
    """What the network reads of a gray picture: the weighted sum of its normalized R = G = B."""
    srgb = jnp.broadcast_to(luma[..., None], (*luma.shape, 3))
    return color.srgb_to_luma(normalize(srgb), color.TORCHVISION_LUMA)[..., None]


def small_ab(normalized: jax.Array, luma: jax.Array, *, keep_luma: bool) -> jax.Array:
    """Chroma (b, h/4, w/4, 2) in CIELAB units of predicted colors.

    Args:
      normalized: (b, h, w, 3), ImageNet-normalized RGB.
      luma: (b, h, w), of the film.
      keep_luma: move R, G and B by one amount each so that the pixel has the film's luma.
    """
    srgb = denormalize(normalized)
    if keep_luma:
        srgb = srgb + (luma - color.srgb_to_luma(srgb))[..., None]
    return color.srgb_to_lab(average_pool(srgb, CHROMA_STRIDE))[..., 1:]


def _optimizer(optim: OptimConfig) -> optax.GradientTransformation:
    def used(tree: dict) -> dict:
        # Adam would turn the smallest decay into steps of full length; PyTorch passes these over.
        return {name: not name.startswith(_UNUSED) for name in tree}

    return optax.chain(
        optax.add_decayed_weights(optim.weight_decay, used),
        optax.adam(optim.lr, b1=optim.beta1, b2=optim.beta2),
    )


class HueShiftGanPublished:
    """Trains and runs the published generator (`contracts.System`)."""

    def __init__(self, config: HueShiftGanPublishedConfig):
        self.config = config
        self.network = Network(
            lambda rngs: SelfGuided(config.widths, config.feature_widths, rngs=rngs)
        )
        self._optimizer = _optimizer(config.optim)

    @functools.partial(jax.jit, static_argnums=0)
    def init(self, key: jax.Array) -> State:
        """The state before the first step."""
        params, stats = self.network.init(key)
        return State(params, stats, self._optimizer.init(params))

    @functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Logs]:
        """One step of Adam."""
        del key  # the augmentation is drawn with the data; nothing here is random
        srgb = jnp.asarray(batch.rgb_u8, jnp.float32) / 255.0

        def loss_of(params, stats, part):
            gray, srgb = part
            prediction, stats = self.network.train(params, stats, gray)
            loss, logs = self._losses(prediction, srgb)
            return loss, (logs, stats)

        whole = (self._gray(batch.luma, srgb), srgb)
        parts = self.config.optim.parts
        gradient, stats, logs = gradients(loss_of, state.params, state.stats, whole, parts=parts)
        updates, optimizer = self._optimizer.update(gradient, state.optimizer, state.params)
        logs["gradient_norm"] = optax.tree.norm(gradient)
        return State(optax.apply_updates(state.params, updates), stats, optimizer), logs

    def _gray(self, luma: Array, srgb: jax.Array) -> jax.Array:
        """The network's input at the size of the true colors."""
        if self.config.as_published:
            return color.srgb_to_luma(normalize(srgb), color.TORCHVISION_LUMA)[..., None]
        small = average_pool(jnp.asarray(luma)[..., None], luma.shape[1] // srgb.shape[1])
        return encode_gray(small[..., 0])

    def _losses(self, prediction: Prediction, srgb: jax.Array) -> tuple[jax.Array, Logs]:
        target, saliency = normalize(srgb), prediction.saliency
        shown = target
        if not self.config.as_published:
            shown, saliency = srgb, jax.nn.sigmoid(saliency)
        logs = {
            "color": jnp.abs(prediction.color - target).mean(),
            "saliency": jnp.abs(saliency - shown.mean(-1, keepdims=True)).mean(),
        }
        config = self.config
        loss = config.color_weight * logs["color"] + config.saliency_weight * logs["saliency"]
        return loss, {"loss": loss, **logs}

    def weights(self, state: State) -> dict[str, np.ndarray]:
        """What `colorizer` needs, by name: the parameters and statistics."""
        return {name: np.asarray(v) for name, v in (state.params | state.stats).items()}

    def colorizer(self, state: State) -> "PublishedColorizer":
        """The network at work."""
        return self.colorizer_from(self.weights(state))

    def colorizer_from(self, weights: dict[str, np.ndarray]) -> "PublishedColorizer":
        """A colorizer from weights by name.

        Raises:
          MismatchedWeightsError: the weights do not fit this configuration.
        """
        return PublishedColorizer(self, *self.network.taken(weights))


class PublishedColorizer(StatelessColorizer):
    """The trained generator as a `contracts.Colorizer`; it has no memory and no doubts.

    A frame costs ten million multiply-adds per pixel of the working size at the published widths.
    """

    def __init__(self, system: HueShiftGanPublished, params: dict, stats: dict):
        super().__init__(system.config.short_side)
        self._weights = (params, stats)
        self._run = jax.jit(functools.partial(_colorize, system))

    def __call__(
        self, memory: Memory, luma: Array, key: jax.Array
    ) -> tuple[Memory, jax.Array, jax.Array]:
        """ab of luma (b, h, w) at a quarter of its size, and confidence 1."""
        del key
        ab = self._run(*self._weights, luma)
        return memory, ab, jnp.ones(ab.shape[:-1], ab.dtype)


def _colorize(system: HueShiftGanPublished, params, stats, luma):
    prediction = system.network.evaluate(params, stats, encode_gray(luma))
    return small_ab(prediction.color, luma, keep_luma=not system.config.as_published)
