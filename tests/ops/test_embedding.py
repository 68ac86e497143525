"""Sines and cosines of steps."""

import jax.numpy as jnp
import numpy as np

from hueshift_jax.ops.embedding import sinusoidal


def test_halves_and_periods():
    found = sinusoidal(jnp.array([0, 3, 999]), 8)
    for row, step in zip(found, (0, 3, 999)):
        angles = [step / 10000 ** (i / 4) for i in range(4)]
        np.testing.assert_allclose(row, [*np.sin(angles), *np.cos(angles)], atol=1e-4)


def test_another_longest_period():
    found = sinusoidal(jnp.array([5.0]), 4, longest=100.0)
    np.testing.assert_allclose(found[0], [*np.sin([5, 0.5]), *np.cos([5, 0.5])], atol=1e-6)
