"""OpenCV's flow as an estimator."""

import cv2
import numpy as np
import pytest

from hueshift_jax.ops.dis_flow import DisFlow, RefinedFlow


def test_it_points_to_where_things_came_from():
    rng = np.random.default_rng(0)
    source = cv2.GaussianBlur(rng.random((96, 128), np.float32), (0, 0), 3)
    source = (source - source.min()) / (source.max() - source.min())
    target = np.roll(source, (2, 3), (0, 1))
    flow, confidence = DisFlow()(target[None], source[None])
    inner = np.asarray(flow)[0, 16:-16, 16:-16]
    np.testing.assert_allclose(np.median(inner, (0, 1)), [-3.0, -2.0], atol=0.1)
    assert confidence.shape == (1, 96, 128)


@pytest.mark.parametrize("size", [(11, 11), (12, 40), (200, 12)])
def test_small_frames(size):
    flow, _ = DisFlow()(np.zeros((2, *size)), np.zeros((2, *size)))
    assert flow.shape == (2, *size, 2)
    assert np.all(flow == 0.0)


def test_a_search_begins_with_what_is_known():
    rng = np.random.default_rng(0)
    source = cv2.GaussianBlur(rng.random((96, 128), np.float32), (0, 0), 1.5)
    source = np.uint8(255 * (source - source.min()) / (source.max() - source.min()))
    target = np.roll(source, (20, -30), (0, 1))
    begin = np.tile(np.float32([29, -21]), (96, 128, 1))
    flow = DisFlow().continued(target, source, begin)
    inner = flow[36:-16, 16:-46]
    np.testing.assert_allclose(np.median(inner, (0, 1)), [30, -20], atol=0.1)
    small = DisFlow().continued(target[:12], source[:12], begin[:12])
    assert small.shape == (12, 128, 2)


def test_a_search_goes_on_from_another_estimator():
    rng = np.random.default_rng(0)
    source = cv2.GaussianBlur(rng.random((96, 128), np.float32), (0, 0), 1.5)
    source = (source - source.min()) / (source.max() - source.min())
    target = np.roll(source, (20, -30), (0, 1))

    def rough(target, source):
        return np.tile(np.float32([29, -21]), (*target.shape, 1)), np.full(target.shape, 0.5)

    flow, confidence = RefinedFlow(rough)(target[None], source[None])
    inner = np.asarray(flow)[0, 36:-16, 16:-46]
    np.testing.assert_allclose(np.median(inner, (0, 1)), [30, -20], atol=0.1)
    np.testing.assert_array_equal(confidence, 0.5)
