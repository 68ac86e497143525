"""The evaluator of flow: figures of estimators whose result is known."""

import numpy as np
import pytest

from hueshift_jax.cli import held_out_flow
from hueshift_jax.cli.held_out_flow import FIGURES, HeldOutFlow
from tests.data.pictures import picture

PICTURES = [picture(n, 60 + 4 * n, 80) for n in range(3)]


def measured(estimator):
    evaluator = HeldOutFlow(PICTURES, lambda state: estimator(evaluator))
    return dict(evaluator(None))


def still(evaluator):
    return lambda target, source: (np.zeros((*target.shape, 2), np.float32), None)


def true(evaluator):
    flows = iter([pair.flow for pair in evaluator._pairs])
    return lambda target, source: (next(flows), None)


def test_no_motion_is_as_bad_as_no_motion():
    found = measured(still)
    assert tuple(found) == FIGURES
    assert found["flow_epe_of_zero"] == pytest.approx(1.0)
    assert found["flow_epe_fast"] > held_out_flow.FAST_PX


def test_the_truth_has_no_error():
    assert list(measured(true).values()) == [0.0, 0.0, 0.0]


def test_a_canvas_is_the_middle_of_the_picture():
    rgb = np.zeros((40, 100, 3), np.uint8)
    rgb[:, 40:60] = 255
    found = held_out_flow.canvas(rgb, (20, 30))
    assert found.shape == (20, 30)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 12:18], 1.0)
    np.testing.assert_allclose(found[:, :8], 0.0)
    assert held_out_flow.canvas(rgb, (64, 64)).shape == (64, 64)
