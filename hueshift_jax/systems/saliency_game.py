"""What is added to reconstruction to make a saliency-guided game of it.

Two 70x70 PatchGAN critics play against the generator: one sees luma and chroma, the other luma and
chroma times saliency, so that what catches the eye counts once more. Beside them stand a perceptual
loss, an attention loss (the chroma's error where the picture is salient) and the loss of the
generator's own saliency map. The saliency that guides is that of the bundled `pfan` on luma.

Source: zhaoyuzhi/Semantic-Colorization-GAN (two critics, attention and perceptual loss);
jantic/DeOldify (NoGAN: reconstruction, critics alone, a short game). Departures: chroma in place of
RGB, the same saliency for true and made pictures, so that a critic has nothing to tell them apart
by but chroma, and the attention loss weighs with it too.
"""

import functools
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp

from hueshift_jax.contracts import Logs
from hueshift_jax.errors import ConfigError
from hueshift_jax.losses import saliency as losses
from hueshift_jax.models.chroma_unet import AB_SCALE, Prediction
from hueshift_jax.models.gray_pfan import STRIDE
from hueshift_jax.models.patch_discriminator import PatchDiscriminator
from hueshift_jax.ops import color
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.ops.resample import upsample_twice
from hueshift_jax.systems.adversary import Adversary, AdversaryConfig, AdversaryState, Critic, Views
from hueshift_jax.systems.perceptual import Perceptual
from hueshift_jax.systems.pfan import load_detector

CRITICS = ("color", "attention")


@dataclass(frozen=True)
class GameConfig:
    """The losses beside reconstruction, and the game's schedule."""

    weight: float = 0.0
    """Weight of each adversarial loss; 0: there are no critics, and all steps reconstruct."""
    attention_weight: float = 0.0
    """Weight of the chroma's error (in units of 32) where the picture is salient."""
    saliency_weight: float = 0.0
    """Weight of the cross entropy of the generator's saliency map."""
    perceptual_weight: float = 0.0
    """Weight of the perceptual loss."""
    perceptual_network: str = "squeezenet"
    """For it: squeezenet, efficientnet, or a file of VGG's weights; see `Perceptual`."""
    begins_after: int = 0
    """Steps of reconstruction before the game."""
    critic_steps: int = 100
    """Steps in which then the critics learn alone."""
    lr: float = 1e-4
    """The generator's learning rate in the game, constant."""
    encoder_lr: float = 2e-5
    """The encoder's."""
    ema_decay: float = 0.99
    """Of the averaged weights in the game, which is short."""
    width: int = 64
    """Channels of the critics' first convolution."""
    adversary: AdversaryConfig = field(default_factory=AdversaryConfig)
    """Kind of game and the critics' optimizer."""

    def __post_init__(self):
        if self.begins_after < 0 or self.critic_steps < 0:
            raise ConfigError("begins_after and critic_steps are numbers of steps, 0 or more")
        if self.begins_after and not self.critic_steps:
            raise ConfigError(
                "critic_steps is 0, expected at least 1: the game begins with the averaged "
                "weights, which the critics have to see first"
            )


class SaliencyGame:
    """The game of one system.

    The networks that judge are read when training begins, so that a colorizer needs none of them,
    and only those that the weights of the losses ask for.
    """

    def __init__(self, config: GameConfig):
        self.config = config
        self.critics = None
        if config.weight:
            critic = Critic(functools.partial(_critic, config.width))
            self.critics = Adversary(dict.fromkeys(CRITICS, critic), config.adversary)

    @functools.cached_property
    def _detector(self):
        config = self.config
        if not (config.weight or config.attention_weight or config.saliency_weight):
            return None
        return load_detector()

    @functools.cached_property
    def _perceptual(self) -> Perceptual | None:
        if not self.config.perceptual_weight:
            return None
        return Perceptual(self.config.perceptual_network)

    def init(self, key: jax.Array) -> AdversaryState | None:
        """Fresh critics, if there are any.

        Raises:
          MissingWeightsError: a network that judges is not there.
          MismatchedWeightsError: it is damaged, or another one.
        """
        _ = self._detector, self._perceptual
        return self.critics.init(key) if self.critics else None

    def saliency(self, luma: jax.Array) -> jax.Array | None:
        """The map that guides, (b, h/4, w/4), of luma (b, h, w); None if nothing asks for it."""
        if self._detector is None:
            return None
        found = jax.lax.stop_gradient(self._detector(luma))
        return average_pool(found[..., None], 4 // STRIDE)[..., 0]

    def views(self, luma: jax.Array, ab: jax.Array, saliency: jax.Array) -> Views:
        """What the critics look at, all at the size of luma (b, h, w).

        Args:
          ab, saliency: at a quarter of that size.
        """
        gray, small = luma[..., None], ab / AB_SCALE
        salient = small * saliency[..., None]
        return {"color": (gray, _enlarged(small)), "attention": (gray, _enlarged(salient))}

    def losses(
        self, prediction: Prediction, luma: jax.Array, truth: jax.Array, saliency: jax.Array | None
    ) -> tuple[jax.Array, Logs]:
        """The weighted sum of the losses that need no critics, and each of them by name.

        truth: the true chroma (b, h/4, w/4, 2).
        """
        config, logs = self.config, {}
        if config.attention_weight:
            salience = saliency[..., None]
            ours, theirs = prediction.ab / AB_SCALE, truth / AB_SCALE
            logs["attention"] = losses.attention_l1(ours, salience, theirs, salience)
        if config.saliency_weight:
            found = jax.nn.sigmoid(prediction.saliency_logits)[..., None]
            logs["saliency"] = losses.weighted_cross_entropy(found, saliency[..., None])
        if config.perceptual_weight:
            pair = (_shown(luma, ab) for ab in (prediction.ab, truth))
            logs["perceptual"] = self._perceptual.distance(*pair)
        weights = {
            "attention": config.attention_weight,
            "saliency": config.saliency_weight,
            "perceptual": config.perceptual_weight,
        }
        return sum((weights[n] * loss for n, loss in logs.items()), jnp.zeros(())), logs


def _enlarged(small: jax.Array) -> jax.Array:
    return upsample_twice(upsample_twice(small))


def _shown(luma: jax.Array, ab: jax.Array) -> jax.Array:
    """sRGB (b, h, w, 3) of luma (b, h, w) with chroma of a quarter of its size."""
    lightness = color.luma_to_lightness(luma)[..., None]
    return color.lab_to_srgb(jnp.concatenate([lightness, _enlarged(ab)], -1))


def _critic(width: int, rngs) -> PatchDiscriminator:
    return PatchDiscriminator(width, rngs=rngs)
