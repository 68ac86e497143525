"""Given colors go where their things go."""

import numpy as np
import pytest

from hueshift_jax.ops.dis_flow import DisFlow
from hueshift_jax.pipeline.follow import Anchor, Arrived, follow
from hueshift_jax.pipeline.motion import Motion
from tests.pipeline.doubles import scene

GRID, SMALL = (56, 80), (28, 40)
STEP = 2


@pytest.fixture(scope="module")
def pan():
    """Motion grays of a pan to the right, and the true ab of each frame."""
    still = scene(0, 56, 100)
    color = np.stack([scene(1, 56, 100), scene(2, 56, 100)], axis=-1) * 60 - 30
    shifts = [STEP * n for n in range(8)]
    grays = [np.uint8(255 * still[:56, s : s + 80]) for s in shifts]
    return grays, [np.float32(color[:56:2, s : s + 80 : 2]) for s in shifts]


def go(grays, anchors, back=False):
    return dict(follow(grays, anchors, Motion(DisFlow()), back=back))


def whole(ab):
    return Anchor(ab, np.ones(SMALL, np.float32))


def error(arrived, true):
    inner = np.s_[4:-4, :22]
    return np.sqrt(np.mean(np.square(arrived.ab[inner] - true[inner])))


def test_colors_arrive_at_the_last_frame(pan):
    grays, true = pan
    found = go(grays, {0: whole(true[0])})
    assert list(found) == list(range(8))
    np.testing.assert_array_equal(found[0].ab, true[0])
    assert np.all(found[0].weight == 1)
    moved = np.sqrt(np.mean(np.square(true[0] - true[7])))
    assert error(found[7], true[7]) < 0.35 * moved
    assert found[7].weight[4:-4, :22].mean() > 0.8
    assert found[7].weight[:, -4:].mean() < found[7].weight[:, :22].mean()


def test_colors_arrive_at_the_first_frame_too(pan):
    grays, true = pan
    found = go(grays, {7: whole(true[7])}, back=True)
    assert sorted(found) == list(range(8))
    inner = np.s_[4:-4, 16:-4]
    left = np.sqrt(np.mean(np.square(found[0].ab[inner] - true[0][inner])))
    assert left < 0.35 * np.sqrt(np.mean(np.square(true[0] - true[7])))


def test_frames_before_the_anchor_are_left_out(pan):
    grays, true = pan
    assert list(go(grays, {5: whole(true[5])})) == [5, 6, 7]


def test_a_whole_picture_ends_the_reach_of_those_before(pan):
    grays, true = pan
    other = whole(np.zeros_like(true[0]) + 50)
    found = go(grays, {0: whole(true[0]), 4: other})
    np.testing.assert_allclose(found[6].ab[found[6].weight > 0.1], 50, atol=1e-3)
    part = Anchor(other.ab, np.where(np.arange(40) < 20, np.float32(1), 0) * np.ones((28, 1)))
    found = go(grays, {0: whole(true[0]), 4: part})
    assert error(found[6], true[6]) > 1
    right = np.s_[4:-4, 24:32]
    assert abs(found[6].ab[right] - true[6][right]).mean() < 4


def test_what_comes_from_both_sides_is_weighed():
    ones = np.ones((2, 2), np.float32)
    near = Arrived(10 * np.ones((2, 2, 2)), 3 * ones, ones)
    far = Arrived(np.zeros((2, 2, 2)), ones, 0.5 * ones)
    both = Arrived.together([near, far])
    np.testing.assert_allclose(both.ab, 7.5)
    np.testing.assert_array_equal(both.weight, 1)
