"""Errors of optical flow."""

import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.metrics.flow import flow_errors


def test_flow_errors():
    flow = jnp.array([[[[0.0, 0.5], [3.0, 4.0], [0.0, 2.0], [9.0, 9.0]]]])
    known = jnp.array([[[True, True, True, False]]])
    found = flow_errors(flow, jnp.zeros(flow.shape), known)
    np.testing.assert_allclose(found, [2.5, 1 / 3, 2 / 3, 2 / 3], rtol=1e-6)


def test_nothing_known():
    flow = jnp.ones((1, 2, 2, 2))
    errors = flow_errors(flow, flow, jnp.zeros((1, 2, 2), bool))
    assert errors.end_point == pytest.approx(0.0)
