"""Adversarial losses against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.losses import adversarial


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return tuple(jnp.asarray(rng.random((3, 4, 5, 2)), jnp.float32) for _ in range(2))


def test_the_mixture_has_one_weight_per_picture(pictures):
    real, fake = pictures
    mixed = adversarial.mixture(real, fake, jnp.array([0.0, 1.0, 0.25]))
    np.testing.assert_allclose(mixed[0], fake[0])
    np.testing.assert_allclose(mixed[1], real[1])
    np.testing.assert_allclose(mixed[2], 0.25 * real[2] + 0.75 * fake[2], rtol=1e-6)


def test_a_linear_critic_has_the_norm_of_its_weights(pictures):
    real, fake = pictures
    weights = jnp.asarray(np.random.default_rng(1).standard_normal((4, 5, 2)), jnp.float32)

    def critic(x):
        return jnp.sum(x * weights[None], -1)  # a map of scores

    norm = np.linalg.norm(weights)
    np.testing.assert_allclose(adversarial.gradient_norms(critic, real), [norm] * 3, rtol=1e-5)
    penalty = adversarial.gradient_penalty(critic, real, fake, jnp.array([0.1, 0.5, 0.9]))
    np.testing.assert_allclose(penalty, (norm - 1) ** 2, rtol=1e-5)


def test_the_penalty_of_a_curved_critic(pictures):
    real, fake = pictures
    alpha = jnp.array([0.1, 0.5, 0.9])
    middle = np.asarray(adversarial.mixture(real, fake, alpha))
    norms = np.sqrt(np.sum((3 * middle**2) ** 2, (1, 2, 3)))
    found = adversarial.gradient_penalty(lambda x: x**3, real, fake, alpha)
    np.testing.assert_allclose(found, np.mean((norms - 1) ** 2), rtol=1e-5)


def test_a_critic_without_an_opinion_has_finite_gradients(pictures):
    real, fake = pictures

    def loss(weight):
        alpha = jnp.full(3, 0.5)
        return adversarial.gradient_penalty(lambda x: weight * x, real, fake, alpha)

    value, slope = jax.value_and_grad(loss)(0.0)
    assert np.isclose(value, 1.0, atol=1e-5)
    assert np.isfinite(slope)


def test_wasserstein():
    real, fake = jnp.array([1.0, 3.0]), jnp.array([0.0, 1.0])
    assert adversarial.wasserstein_critic(real, fake) == -1.5
    assert adversarial.wasserstein_generator(fake) == -0.5


def test_least_squares():
    assert adversarial.least_squares(jnp.array([1.0, 3.0]), 1.0) == 2.0


@pytest.mark.parametrize("target", [0.0, 0.9, 1.0])
def test_cross_entropies_agree(target):
    logits = jnp.linspace(-6.0, 6.0, 13)
    p = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
    expected = -np.mean(target * np.log(p) + (1 - target) * np.log(1 - p))
    found = adversarial.cross_entropy_of_logits(logits, target)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    found = adversarial.cross_entropy(jax.nn.sigmoid(logits), target)
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_certainty_costs_at_most_a_hundred():
    assert adversarial.cross_entropy(jnp.array([0.0]), 1.0) == 100.0
    assert adversarial.cross_entropy_of_logits(jnp.array([1000.0]), 0.0) == 1000.0


def test_both_kinds_count_by_half():
    real, fake = jnp.array([2.0]), jnp.array([-1.0])
    expected = 0.5 * (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(-1.0)))
    np.testing.assert_allclose(adversarial.two_sided(real, fake), expected, rtol=1e-6)
    smoothed = adversarial.two_sided(real, fake, 0.9)
    np.testing.assert_allclose(smoothed, expected + 0.5 * 0.1 * 2.0, rtol=1e-6)
