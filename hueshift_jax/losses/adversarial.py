"""Adversarial losses: scores of a critic on true and made pictures, and the gradient penalty.

A critic is a function of a batch of pictures and gives one score or a map of scores per picture.
Scores are logits where a cross entropy is taken and unbounded otherwise.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Critic = Callable[[jax.Array], jax.Array]


def mixture(
    real: Float[Array, "b *n"], fake: Float[Array, "b *n"], alpha: Float[Array, "b"]
) -> Float[Array, "b *n"]:
    """alpha real + (1 - alpha) fake, with one alpha per picture."""
    alpha = alpha.reshape(-1, *(1,) * (real.ndim - 1))
    return alpha * real + (1.0 - alpha) * fake


def gradient_norms(
    critic: Critic, pictures: Float[Array, "b *n"], epsilon: float = 1e-12
) -> Float[Array, "b"]:
    """The Euclidean norm, per picture, of the gradient of the sum of all scores.

    epsilon: added under the root, where a gradient of nothing has no derivative.
    """
    gradients = jax.grad(lambda x: jnp.sum(critic(x)))(pictures)
    return jnp.sqrt(jnp.sum(gradients.reshape(len(gradients), -1) ** 2, -1) + epsilon)


def gradient_penalty(
    critic: Critic,
    real: Float[Array, "b *n"],
    fake: Float[Array, "b *n"],
    alpha: Float[Array, "b"],
) -> Float[Array, ""]:
    """Mean over pictures between true and made ones of (gradient's norm - 1)^2.

    Pass `fake` through `stop_gradient` where its maker must not learn from it.

    Source: Gulrajani et al. 2017, equation 3.
    """
    return jnp.mean((gradient_norms(critic, mixture(real, fake, alpha)) - 1.0) ** 2)


def wasserstein_critic(
    real_scores: Float[Array, "..."], fake_scores: Float[Array, "..."]
) -> Float[Array, ""]:
    """What the critic minimizes, without its penalty."""
    return jnp.mean(fake_scores) - jnp.mean(real_scores)


def wasserstein_generator(fake_scores: Float[Array, "..."]) -> Float[Array, ""]:
    """What the generator minimizes against a Wasserstein or a hinge critic."""
    return -jnp.mean(fake_scores)


def least_squares(scores: Float[Array, "..."], target: float) -> Float[Array, ""]:
    """Mean squared distance to `target`: 1 for true pictures and the generator's goal, else 0.

    Source: Mao et al. 2017.
    """
    return jnp.mean((scores - target) ** 2)


def cross_entropy_of_logits(logits: Float[Array, "..."], target: float) -> Float[Array, ""]:
    """Mean binary cross entropy of `sigmoid(logits)` and a constant target in 0..1."""
    return jnp.mean(jax.nn.softplus(logits) - target * logits)


def two_sided(
    real_logits: Float[Array, "..."], fake_logits: Float[Array, "..."], goal: float = 1.0
) -> Float[Array, ""]:
    """What a discriminator of logits minimizes: half its cross entropy on either kind.

    goal: of true pictures; below 1 it smooths the label.
    """
    real = cross_entropy_of_logits(real_logits, goal)
    return 0.5 * (real + cross_entropy_of_logits(fake_logits, 0.0))


def cross_entropy(probabilities: Float[Array, "..."], target: float) -> Float[Array, ""]:
    """Mean binary cross entropy; logarithms below -100 count as -100, as in PyTorch."""
    yes = jnp.maximum(jnp.log(probabilities), -100.0)
    no = jnp.maximum(jnp.log1p(-probabilities), -100.0)
    return -jnp.mean(target * yes + (1.0 - target) * no)


def hinge_critic(
    real_scores: Float[Array, "..."], fake_scores: Float[Array, "..."]
) -> Float[Array, ""]:
    """What a critic minimizes that only cares for scores inside -1..1.

    Source: Lim and Ye 2017, equation 8.
    """
    return jnp.mean(jax.nn.relu(1.0 - real_scores)) + jnp.mean(jax.nn.relu(1.0 + fake_scores))
