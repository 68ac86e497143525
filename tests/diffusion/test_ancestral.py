"""Steps back undo steps forth."""

import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.diffusion import ancestral, schedule


def test_the_first_step_is_undone_by_its_own_noise():
    rng = np.random.default_rng(0)
    clean, noise = (jnp.asarray(rng.standard_normal((2, 5)), jnp.float32) for _ in range(2))
    known = schedule.linear()
    state = schedule.noised(known, clean, noise, jnp.array([0, 0]))
    np.testing.assert_allclose(ancestral.step_back(known, state, noise, 0, 0.0), clean, atol=1e-5)


def test_fresh_noise_has_the_added_variance():
    known = schedule.linear(10, 0.1, 0.4)
    zeros = jnp.zeros((1, 3))
    found = ancestral.step_back(known, zeros, zeros, 4, jnp.ones((1, 3)))
    np.testing.assert_allclose(found, jnp.sqrt(known.added[4]), rtol=1e-6)


def perfect(known, mean, deviation):
    """The best guess of the noise when clean samples are normal."""

    def denoise(state, steps):
        kept = known.kept[steps][:, None]
        variance = kept * deviation**2 + 1 - kept
        return jnp.sqrt(1 - kept) * (state - jnp.sqrt(kept) * mean) / variance

    return denoise


def test_a_perfect_denoiser_samples_the_distribution(key):
    known = schedule.linear(400, 1e-4, 0.05)
    start = jax.random.normal(key, (2000, 1))
    denoise = perfect(known, 2.0, 0.5)
    found = ancestral.sample(denoise, known, start, key=jax.random.key(1))
    np.testing.assert_allclose([found.mean(), found.std()], [2.0, 0.5], atol=0.05)


def test_steps_below_the_last_are_left_out(key):
    known = schedule.linear(3, 0.1, 0.4)
    start = jnp.ones((1, 2))
    found = ancestral.sample(lambda x, steps: 0 * x, known, start, until=1, key=key)
    fresh = jax.random.normal(jax.random.fold_in(key, 2), (1, 2))
    state = ancestral.step_back(known, start, 0 * start, 2, fresh)
    expected = ancestral.step_back(known, state, 0 * start, 1, 0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
