"""Losses against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.losses import colorization as losses
from hueshift_jax.models.chroma_unet import ab_bins
from hueshift_jax.ops import color


@pytest.fixture(scope="module")
def bins():
    return jnp.asarray(ab_bins())


@pytest.fixture(scope="module")
def pictures():
    """Displayable Lab pictures (2, 4, 4, 3) and chroma near theirs."""
    rng = np.random.default_rng(0)
    lab = color.srgb_to_lab(jnp.asarray(rng.uniform(0.3, 0.7, (2, 4, 4, 3)), jnp.float32))
    ab = lab[..., 1:] + jnp.asarray(rng.normal(0, 3, (2, 4, 4, 2)), jnp.float32)
    return lab, ab


def test_huber_is_quadratic_then_linear():
    truth = jnp.zeros((1, 1, 2, 2))
    errors = np.array([[[[2.5, -5.0], [10.0, -50.0]]]])
    expected = np.mean([0.5 * 0.5**2, 0.5, 2.0 - 0.5, 10.0 - 0.5])
    assert float(losses.huber_chroma(jnp.asarray(errors), truth)) == pytest.approx(expected)


def test_huber_pushes_far_errors_equally():
    def loss(error):
        return losses.huber_chroma(jnp.full((1, 1, 1, 2), error), jnp.zeros((1, 1, 1, 2)))

    pushes = [float(jax.grad(loss)(error)) for error in (0.0, 2.5, 6.0, 60.0)]
    np.testing.assert_allclose(pushes, [0.0, 0.1, 0.2, 0.2], atol=1e-6)


def test_log_mse_is_the_mean_psnr(pictures):
    lab, ab = pictures
    joined = jnp.concatenate([lab[..., :1], ab], -1)
    assert color.in_gamut(joined).all(), "clipping would change the figure"
    rgb, truth = np.asarray(color.lab_to_srgb(joined)), np.asarray(color.lab_to_srgb(lab))
    psnr = [-10 * np.log10(np.mean((a - b) ** 2)) for a, b in zip(rgb, truth)]
    found = float(losses.log_mse_rgb(ab, lab, floor=0.0))
    assert -10.0 / np.log(10.0) * found == pytest.approx(np.mean(psnr), abs=1e-3)


def test_log_mse_of_the_truth_is_its_floor(pictures):
    lab, _ = pictures
    assert float(losses.log_mse_rgb(lab[..., 1:], lab)) == pytest.approx(np.log(1e-3), abs=1e-3)
    gradient = jax.grad(lambda ab: losses.log_mse_rgb(ab, lab))(lab[..., 1:])
    assert np.isfinite(gradient).all()


def test_log_mse_has_a_gradient_outside_the_gamut(pictures):
    lab, _ = pictures
    far = jnp.full_like(lab[..., 1:], 150.0)
    gradient = jax.grad(lambda ab: losses.log_mse_rgb(ab, lab))(far)
    assert np.isfinite(gradient).all()
    assert (jnp.abs(gradient).max((1, 2, 3)) > 0).all()


def test_soft_bins_are_shares_that_peak_at_the_nearest_cell(bins):
    rng = np.random.default_rng(1)
    ab = np.asarray(bins)[rng.integers(0, len(bins), 24)] + rng.uniform(-4.5, 4.5, (24, 2))
    share = np.asarray(losses.soft_bins(jnp.asarray(ab, jnp.float32).reshape(1, 4, 6, 2), bins))
    assert share.shape == (1, 4, 6, len(bins))
    np.testing.assert_allclose(share.sum(-1), 1.0, atol=1e-5)
    distance = np.linalg.norm(ab[:, None] - np.asarray(bins)[None], axis=-1)
    np.testing.assert_array_equal(share.reshape(24, -1).argmax(-1), distance.argmin(-1))
    slow = np.exp(-(distance**2) / (2 * 5.0**2))
    slow /= slow.sum(-1, keepdims=True)
    np.testing.assert_allclose(share.reshape(24, -1), slow, atol=1e-4)


def test_all_cells_differ_little_from_the_five_nearest(bins):
    """The claim of the docstring, for colors well inside the grid."""
    ab = jnp.array([[[[3.0, -2.0], [10.0, 10.0], [24.0, 31.0]]]])
    share = np.asarray(losses.soft_bins(ab, bins))[0, 0]
    mean = share @ np.asarray(bins)
    np.testing.assert_allclose(mean, ab[0, 0], atol=0.5)


def test_soft_bins_of_a_color_far_outside_are_finite(bins):
    share = losses.soft_bins(jnp.full((1, 1, 1, 2), 500.0), bins)
    np.testing.assert_allclose(share.sum(), 1.0, atol=1e-5)


def test_rebalancing_has_mean_one_and_prefers_the_rare():
    prior = jnp.array([0.7, 0.2, 0.1, 0.0])
    weights = losses.rebalancing(prior)
    assert float(jnp.sum(prior * weights)) == pytest.approx(1.0)
    assert (jnp.diff(weights) > 0).all()
    expected = 1 / (0.5 * np.asarray(prior) + 0.5 / 4)
    np.testing.assert_allclose(weights / weights[0], expected / expected[0], rtol=1e-5)
    np.testing.assert_allclose(losses.rebalancing(jnp.full(5, 0.2)), 1.0, rtol=1e-6)


def test_cross_entropy_is_its_definition():
    rng = np.random.default_rng(2)
    logits = rng.standard_normal((2, 3, 4, 5))
    target = rng.dirichlet(np.ones(5), (2, 3, 4))
    weights = rng.uniform(0.5, 2.0, 5)
    total = 0.0
    for at in np.ndindex(2, 3, 4):
        share = np.exp(logits[at]) / np.exp(logits[at]).sum()
        total += weights[target[at].argmax()] * -(target[at] * np.log(share)).sum()
    arrays = (jnp.asarray(a, jnp.float32) for a in (logits, target, weights))
    assert float(losses.bin_cross_entropy(*arrays)) == pytest.approx(total / 24, rel=1e-5)


def test_cross_entropy_is_least_at_the_target():
    rng = np.random.default_rng(3)
    target = jnp.asarray(rng.dirichlet(np.ones(6), (1, 3, 3)), jnp.float32)
    weights = jnp.ones(6)

    def loss(logits):
        return losses.bin_cross_entropy(logits, target, weights)

    best, gradient = jax.value_and_grad(loss)(jnp.log(target))
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)
    for _ in range(3):
        other = jnp.log(target) + jnp.asarray(rng.normal(0, 0.5, target.shape), jnp.float32)
        assert float(loss(other)) > float(best)
