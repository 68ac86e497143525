"""There and back again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.errors import ShapeError
from hueshift_jax.ops.consistency import is_consistent, round_trip


def constant(dx, dy, h=6, w=8):
    return jnp.broadcast_to(jnp.array([dx, dy], jnp.float32), (1, h, w, 2))


def test_opposite_flows_lead_home():
    distance = jax.jit(round_trip)(constant(2.0, 1.0), constant(-2.0, -1.0))[0, ..., 0]
    np.testing.assert_allclose(distance[:5, :6], 0.0, atol=1e-6)
    # Outside the second flow is zero.
    np.testing.assert_allclose(distance[:, 6:], np.sqrt(5), rtol=1e-6)


def test_threshold():
    there = constant(1.0, 0.0).at[0, 2, 3].set(jnp.array([1.5, 0.9]))
    found = is_consistent(there, constant(-1.0, 0.0))[0, :, :-1, 0]
    assert found.sum() == found.size - 1
    assert not found[2, 3]
    assert is_consistent(there, constant(-1.0, 0.0), threshold=1.1)[0, 2, 3, 0]


def test_rounded_positions():
    back = jnp.zeros((1, 1, 8, 2)).at[0, 0, :, 0].set(-jnp.arange(8.0))
    there = jnp.full((1, 1, 8, 2), 0.0).at[0, 0, 0, 0].set(2.51)
    # At 2.51 the way back is -2.51, rounded to quarters -2.5.
    np.testing.assert_allclose(round_trip(there, back)[0, 0, 0], 0.0, atol=1e-6)
    np.testing.assert_allclose(round_trip(there, back, parts=4)[0, 0, 0], 0.01, atol=1e-6)


def test_sizes():
    with pytest.raises(ShapeError, match="two flows"):
        round_trip(constant(0, 0), constant(0, 0, 6, 9))
