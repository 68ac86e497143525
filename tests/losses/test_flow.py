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


def test_averaged():
    x = normal(2, 4, 6, 3)
    expected = np.asarray(x)[:, 2:4, 3:6].mean((1, 2))
    np.testing.assert_allclose(flow.averaged(x, (2, 2))[:, 1, 1], expected, rtol=1e-5)


def test_matching_loss_is_small_where_features_tell_the_place():
    places = 20 * jax.nn.one_hot(jnp.arange(36).reshape(1, 6, 6), 36)
    moved = jnp.roll(places, 1, 2)  # the target's pixel is one column farther in the source
    residual = jnp.zeros((1, 6, 6, 2)).at[..., 0].set(1.0)
    known = jnp.ones((1, 6, 6), bool).at[:, :, -1].set(False)
    right = flow.matching_loss(places, moved, residual, known, radius=2)
    wrong = flow.matching_loss(places, moved, -residual, known, radius=2)
    blind = flow.matching_loss(0.0 * places, moved, residual, known, radius=2)
    assert right < 1e-3 < wrong
    assert blind == pytest.approx(np.log(25), rel=1e-5)
    assert flow.matching_loss(places, moved, 3 * residual, known, radius=2) == 0.0


def test_census_loss_sees_structure_and_not_exposure():
    rng = np.random.default_rng(0)
    luma = jnp.asarray(rng.uniform(0.2, 0.7, (1, 12, 12)), jnp.float32)
    seen = jnp.ones(luma.shape, bool)
    least = flow.census_loss(luma, luma, seen)
    assert flow.census_loss(luma, luma + 0.1, seen) == pytest.approx(float(least), abs=1e-3)
    assert flow.census_loss(luma, luma[:, ::-1], seen) > 100 * least
    half = seen.at[:, 6:].set(False)
    other = luma.at[:, 9:].set(0.0)  # beyond the reach of what is seen
    assert flow.census_loss(luma, other, half, radius=2) == pytest.approx(float(least), abs=1e-6)
    assert flow.census_loss(luma, other, jnp.zeros_like(seen)) == 0.0


def test_smoothness_loss_counts_steps_less_on_edges():
    step = jnp.zeros((1, 8, 8, 2)).at[:, :, 4:, 0].set(2.0)
    plain = jnp.full((1, 8, 8), 0.5)
    edged = plain.at[:, :, 4:].set(0.9)
    assert flow.smoothness_loss(jnp.ones((1, 8, 8, 2)), plain) < 2e-3
    on_plain, on_edge = flow.smoothness_loss(step, plain), flow.smoothness_loss(step, edged)
    assert on_plain == pytest.approx(0.5 * 2.0 / 7, abs=2e-3)
    assert on_edge < 0.05 * on_plain


def test_is_seen():
    there = jnp.zeros((1, 6, 8, 2)).at[..., 0].set(2.0)
    found = flow.is_seen(there, -there)
    np.testing.assert_array_equal(found[0, 0], [True] * 6 + [False] * 2)
    astray = -there.at[:, :3, :, 1].set(3.0)
    found = flow.is_seen(there, astray)
    assert not found[:, :3].any()
    assert found[:, 3:, :6].all()
