"""Losses of optical flow against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.losses import flow


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def test_usable():
    truth = jnp.stack([jnp.array([[[0.0, 399.0, 300.0]]]), jnp.array([[[0.0, 0.0, 300.0]]])], -1)
    found = flow.usable(truth, jnp.array([[[0.5, 1.0, 1.0]]]))
    np.testing.assert_array_equal(found, [[[True, True, False]]])
    assert not flow.usable(truth, jnp.zeros((1, 1, 3))).any()


def test_sequence_loss():
    flows, truth = normal(3, 2, 4, 5, 2), normal(2, 4, 5, 2, seed=1)
    known = normal(2, 4, 5, seed=2) > 0.3
    steps = [np.abs(np.asarray(f - truth))[np.asarray(known)].mean() for f in flows]
    expected = 0.64 * steps[0] + 0.8 * steps[1] + steps[2]
    assert flow.sequence_loss(flows, truth, known) == pytest.approx(expected, rel=1e-5)
    thinned = flow.sequence_loss(flows, truth, known, as_published=True)
    assert thinned == pytest.approx(expected * float(known.mean()), rel=1e-5)


def test_sequence_loss_when_nothing_is_known():
    flows, truth = normal(2, 1, 3, 3, 2), normal(1, 3, 3, 2, seed=1)
    assert flow.sequence_loss(flows, truth, jnp.zeros((1, 3, 3), bool)) == 0.0


@pytest.mark.parametrize("robust", [False, True])
def test_pyramid_loss(robust):
    truth = 20 * normal(2, 8, 8, 2)
    flows = [normal(2, 4, 4, 2, seed=1), normal(2, 2, 2, 2, seed=2)]
    expected = 0.0
    for estimate, weight, box in zip(flows, (0.5, 2.0), (2, 4)):
        for n, i, j in np.ndindex(estimate.shape[:3]):
            cell = truth[n, i * box : (i + 1) * box, j * box : (j + 1) * box].mean((0, 1)) / 20
            dx, dy = map(float, estimate[n, i, j] - cell)
            size = (abs(dx) + abs(dy) + 0.01) ** 0.4 if robust else np.hypot(dx, dy)
            expected += weight * size / 2
    found = flow.pyramid_loss(flows, truth, weights=(0.5, 2.0), robust=robust)
    assert found == pytest.approx(expected, rel=1e-4)


def test_pyramid_loss_has_a_gradient_at_the_truth():
    truth = jnp.zeros((1, 4, 4, 2))
    gradient = jax.grad(lambda x: flow.pyramid_loss([x], truth, weights=(1.0,)))(truth)
    np.testing.assert_array_equal(gradient, 0.0)
