"""Few known errors say what is wrong elsewhere."""

import numpy as np

from hueshift_jax.pipeline import spread
from tests.pipeline.doubles import scene


def frame(height=12, width=16):
    gray = 255 * scene(0, height, width)[:height, :width].astype(np.float32)
    return gray, np.stack([gray / 8 - 10, 20 - gray / 10], axis=-1)


def test_more_points_are_worth_more():
    gray, ab = frame()
    true = ab + np.stack([0.1 * gray - 5, 10 - 0.05 * gray], axis=-1)
    index = np.random.default_rng(0).permutation(gray.size)
    left = [np.mean(np.square(true - ab))]
    for count in (1, 4, 16):
        some = index[:count]
        found, _ = spread.spread_points(gray, ab, some, (true - ab).reshape(-1, 2)[some])
        left.append(np.mean(np.square(true - ab - found)))
    assert left[3] < left[2] < left[0]
    assert left[3] < 0.25 * left[0]


def test_one_point_moves_its_own_place_most():
    gray, ab = frame()
    found, sure = spread.spread_points(gray, ab, np.array([5]), np.float32([[12, 12]]))
    found = found.reshape(-1, 2)
    assert np.all(found > 0)
    assert found[5, 0] == found[:, 0].max() > 10
    assert sure.argmax() == 5
    assert 0 < sure.min() < sure.max() < 1


def test_what_is_far_off_stays_around_its_point():
    gray, ab = frame()
    gray[:] = 128
    ab = np.zeros_like(ab)
    usual, _ = spread.spread_points(gray, ab, np.array([100]), np.float32([[10, 0]]))
    vivid, _ = spread.spread_points(gray, ab, np.array([100]), np.float32([[80, 0]]))
    far = (0, -1)
    assert vivid.reshape(-1, 2)[100, 0] > 70
    assert vivid[far][0] < usual[far][0]


def test_a_regular_grid_of_what_is_given():
    gray, ab = frame(60, 80)
    weight = np.ones(gray.shape, np.float32)
    weight[:, 40:] = 0
    found = spread.samples(gray, ab, ab + 7, weight, noise=4.0)
    assert 80 < len(found.noise) < 160
    assert np.allclose(found.errors, 7, atol=1e-4)
    assert np.all(found.noise == 4)
    corrected = spread.correction(found, gray, ab)
    assert abs(corrected - 7).mean() < 0.5


def test_nothing_known_changes_nothing():
    gray, ab = frame()
    nothing = spread.samples(gray, ab, ab, np.zeros(gray.shape), noise=1.0)
    assert not spread.correction(nothing, gray, ab).any()


def test_large_frames_are_corrected_at_a_smaller_size():
    gray, ab = frame(120, 160)
    found = spread.samples(gray, ab, ab + 7, np.ones(gray.shape), noise=4.0)
    corrected = spread.correction(found, gray, ab)
    assert corrected.shape == ab.shape
    assert abs(corrected - 7).max() < 1
