"""Agreement of chroma between frames."""

import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.errors import ShapeError
from hueshift_jax.losses import temporal


def chroma(seed=0):
    return jnp.asarray(np.random.default_rng(seed).uniform(-40, 40, (2, 6, 8, 2)), jnp.float32)


def shift(dx):
    return jnp.zeros((2, 6, 8, 2)).at[..., 0].set(dx)


ALL = jnp.ones((2, 6, 8))


def test_what_moves_with_the_picture_agrees():
    previous = chroma()
    present = jnp.roll(previous, -2, 2)  # shows what stood two columns farther right
    visible = ALL.at[:, :, 6:].set(0.0)
    assert temporal.carried_chroma(present, previous, shift(2.0), visible) < 1e-9
    assert temporal.carried_chroma(present, previous, shift(0.0), visible) > 0.5


def test_small_differences_count_as_squares_and_large_ones_as_themselves():
    previous = jnp.zeros((2, 6, 8, 2))
    for difference, expected in ((1.0, 0.5 * 0.04), (50.0, 9.5)):
        found = temporal.carried_chroma(previous + difference, previous, shift(0.0), ALL)
        assert found == pytest.approx(expected, rel=1e-5)


def test_what_is_hidden_does_not_count():
    previous = jnp.zeros((2, 6, 8, 2))
    present = previous.at[:, :3].set(100.0)
    visible = ALL.at[:, :3].set(0.0)
    assert temporal.carried_chroma(present, previous, shift(0.0), visible) == 0.0
    assert temporal.carried_chroma(present, previous, shift(0.0), 0.0 * ALL) == 0.0


def test_frames_of_two_sizes_are_refused():
    with pytest.raises(ShapeError):
        temporal.carried_chroma(chroma(), chroma()[:, :4], shift(0.0), ALL)


def test_reduced_motion():
    flow = jnp.zeros((1, 8, 8, 2)).at[..., 0].set(4.0)
    visible = jnp.ones((1, 8, 8), bool).at[:, :, :2].set(False)
    small, seen = temporal.reduced_motion(flow, visible, 4)
    np.testing.assert_allclose(small[..., 0], 1.0)
    np.testing.assert_allclose(seen[0, 0], [0.5, 1.0])
