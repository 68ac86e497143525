"""The other side of an adversarial game: critics, what they learn from, and how they are optimized.

A generator's system makes pictures and hands them over; all critics take one optimizer step
together, and say how well the generator does. The game is chosen by name:

  lsgan: squared distance of the scores to their goals (Mao et al. 2017).
  hinge: scores beyond -1 and 1 do not count (Lim and Ye 2017).
  wgan-gp: difference of the mean scores, with a gradient penalty (Gulrajani et al. 2017).
  cross-entropy: scores are logits (Goodfellow et al. 2014, not saturating).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from hueshift_jax import sharding
from hueshift_jax.contracts import Logs
from hueshift_jax.errors import ConfigError
from hueshift_jax.losses import adversarial as losses
from hueshift_jax.systems.network import Network, Weights, gradients

KINDS = ("lsgan", "hinge", "wgan-gp", "cross-entropy")

Views = Mapping[str, tuple[jax.Array, ...]]
"""What each critic looks at, by its name: conditions first, the picture last."""


@dataclass(frozen=True)
class AdversaryConfig:
    """The game and the critics' Adam."""

    kind: str = "lsgan"
    """lsgan, hinge, wgan-gp or cross-entropy."""
    lr: float = 2e-4
    """Learning rate of the critics."""
    beta1: float = 0.5
    """Decay of the gradient's average."""
    beta2: float = 0.999
    """Decay of the squared gradient's average."""
    weight_decay: float = 0.0
    """Added to the gradient (L2)."""
    clip_norm: float = 0.0
    """A critic's gradient of a larger norm is shortened to it; 0: none is."""
    penalty_weight: float = 10.0
    """Weight of the gradient penalty of wgan-gp."""
    real_goal: float = 1.0
    """The critics' goal for true pictures (lsgan, cross-entropy); below 1 it smooths the label."""
    generator_goal: float = 1.0
    """The generator's goal for its own (lsgan, cross-entropy)."""

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ConfigError(f"kind of game is {self.kind!r}, expected {', '.join(KINDS)}")


class AdversaryState(NamedTuple):
    """params and stats are flat dictionaries, by critic and dotted name: `color.convs.0.kernel`."""

    params: Weights
    stats: Weights
    optimizer: optax.OptState


class Critic(NamedTuple):
    """How a critic is built, and whether it is handed a key after what it looks at."""

    make: Callable[[nnx.Rngs], nnx.Module]
    draws: bool = False


class Adversary:
    """Critics that learn together.

    Args:
      critics: by name.
      config: the game.
      schedule: the learning rate over the critics' steps; by default constant.
    """

    def __init__(
        self,
        critics: Mapping[str, Critic],
        config: AdversaryConfig,
        schedule: optax.Schedule | None = None,
    ):
        self.config = config
        self.networks = {name: Network(critic.make) for name, critic in critics.items()}
        self._draws = {name: critic.draws for name, critic in critics.items()}
        self._optimizer = _optimizer(config, tuple(critics), schedule)

    def init(self, key: jax.Array) -> AdversaryState:
        """Fresh critics; to be traced."""
        params, stats = {}, {}
        for place, (name, network) in enumerate(self.networks.items()):
            own, moving = network.init(jax.random.fold_in(key, place))
            params |= _prefixed(name, own)
            stats |= _prefixed(name, moving)
        return AdversaryState(params, stats, self._optimizer.init(params))

    def step(
        self, state: AdversaryState, real: Views, fake: Views, key: jax.Array
    ) -> tuple[AdversaryState, Logs]:
        """One step of Adam of all critics on true and made pictures of the same conditions.

        Returns:
          The next state and, for each critic, `NAME_critic` (its loss), `NAME_real` and
          `NAME_fake` (its mean scores).
        """
        fake = jax.lax.stop_gradient(fake)

        def loss_of(params, stats, batch):
            total, logs = jnp.zeros(()), {}
            for place, name in enumerate(self.networks):
                part = jax.random.fold_in(key, place)
                loss, found, stats = self._critic_loss(name, params, stats, batch, part)
                total, logs = total + loss, logs | found
            return total, (logs, stats)

        gradient, stats, logs = gradients(loss_of, state.params, state.stats, (real, fake))
        updates, optimizer = self._optimizer.update(gradient, state.optimizer, state.params)
        return AdversaryState(optax.apply_updates(state.params, updates), stats, optimizer), logs

    def judge(
        self, state: AdversaryState, fake: Views, key: jax.Array
    ) -> tuple[dict[str, jax.Array], Weights]:
        """What the generator minimizes against each critic, by its name; the critics stand still.

        Returns:
          The losses, and the critics' next statistics (which a caller may drop).
        """
        losses_of, stats = {}, state.stats
        params = jax.lax.stop_gradient(sharding.gathered(state.params))
        for place, name in enumerate(self.networks):
            drawn = jax.random.fold_in(key, len(self.networks) + place)
            scores, stats = self._scores(name, params, stats, fake[name], drawn)
            losses_of[name] = self._generator_loss(scores)
        return losses_of, stats

    def _critic_loss(self, name, params, stats, batch, key):
        real, fake = batch[0][name], batch[1][name]
        keys = jax.random.split(key, 4)
        real_scores, stats = self._scores(name, params, stats, real, keys[0])
        fake_scores, stats = self._scores(name, params, stats, fake, keys[1])
        loss = self._two_sided(real_scores, fake_scores)
        if self.config.kind == "wgan-gp":

            def critic(picture):
                views = (*real[:-1], picture)
                return self._scores(name, params, stats, views, keys[2])[0]

            alpha = jax.random.uniform(keys[3], (len(real[-1]),))
            penalty = losses.gradient_penalty(critic, real[-1], fake[-1], alpha)
            loss = loss + self.config.penalty_weight * penalty
        means = {f"{name}_real": real_scores.mean(), f"{name}_fake": fake_scores.mean()}
        return loss, {f"{name}_critic": loss, **means}, stats

    def _scores(self, name, params, stats, views, key):
        own, moving = (
            {n: tree[f"{name}.{n}"] for n in part}
            for tree, part in (
                (params, self.networks[name].params),
                (stats, self.networks[name].stats),
            )
        )
        inputs = (*views, key) if self._draws[name] else views
        scores, after = self.networks[name].train(own, moving, *inputs)
        return scores, stats | _prefixed(name, after)

    def _two_sided(self, real, fake):
        kind, goal = self.config.kind, self.config.real_goal
        if kind == "lsgan":
            return 0.5 * (losses.least_squares(real, goal) + losses.least_squares(fake, 0.0))
        if kind == "hinge":
            return losses.hinge_critic(real, fake)
        if kind == "wgan-gp":
            return losses.wasserstein_critic(real, fake)
        return losses.two_sided(real, fake, goal)

    def _generator_loss(self, scores):
        kind, goal = self.config.kind, self.config.generator_goal
        if kind == "lsgan":
            return losses.least_squares(scores, goal)
        if kind == "cross-entropy":
            return losses.cross_entropy_of_logits(scores, goal)
        return losses.wasserstein_generator(scores)


def _optimizer(
    config: AdversaryConfig, names: tuple[str, ...], schedule: optax.Schedule | None
) -> optax.GradientTransformation:
    parts = []
    if config.clip_norm:
        clips = {name: optax.clip_by_global_norm(config.clip_norm) for name in names}
        parts.append(optax.partition(clips, lambda tree: {n: n.partition(".")[0] for n in tree}))
    if config.weight_decay:
        parts.append(optax.add_decayed_weights(config.weight_decay))
    adam = optax.adam(schedule or config.lr, b1=config.beta1, b2=config.beta2)
    return optax.chain(*parts, adam) if parts else adam


def _prefixed(name: str, tree: Weights) -> Weights:
    return {f"{name}.{n}": value for n, value in tree.items()}
