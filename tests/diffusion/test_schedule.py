"""Variances of the noise."""

import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.diffusion import schedule


@pytest.mark.parametrize(("steps", "left"), [(1000, 4.04e-5), (200, 0.13218), (100, 0.36356)])
def test_what_is_left_of_the_sample(steps, left):
    known = schedule.linear(steps)
    assert known.steps == steps
    np.testing.assert_allclose(known.kept[-1], left, rtol=2e-3)
    np.testing.assert_allclose(known.kept, np.cumprod(1 - np.float64(known.added)), rtol=1e-4)


def test_ends_are_included():
    known = schedule.linear(5, 0.1, 0.5)
    np.testing.assert_allclose(known.added, [0.1, 0.2, 0.3, 0.4, 0.5], rtol=1e-6)


def test_noised_samples_keep_a_variance_of_one():
    rng = np.random.default_rng(0)
    clean, noise = (jnp.asarray(rng.standard_normal((3, 4000)), jnp.float32) for _ in range(2))
    found = schedule.noised(schedule.linear(), clean, noise, jnp.array([0, 300, 999]))
    np.testing.assert_allclose(found.std(1), 1.0, atol=0.05)
    np.testing.assert_allclose(found[0], clean[0], atol=0.1)
    np.testing.assert_allclose(found[2], noise[2], atol=0.1)
