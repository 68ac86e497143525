"""Keyframes: peaks by hand, a film with two cuts."""

import numpy as np
import pytest

from hueshift_jax.data import keyframes


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([0, 5, 0], [1]),
        ([5, 0, 5], []),
        ([0, 5, 5, 0], [1]),
        ([0, 5, 5, 5, 0], [2]),
        ([0, 5, 5, 5, 5, 0], [2]),
        ([0, 5, 5, 7, 7, 0], [3]),
        ([3, 3, 5, 0, 0], [2]),
        ([2, 2, 2], []),
        ([0, 1, 0, 9, 0], [3]),
        ([], []),
        ([4], []),
    ],
)
def test_peaks(series, expected):
    assert keyframes.peaks(np.array(series)).tolist() == expected


def test_threshold_and_distance():
    series = np.array([0, 4, 0, 9, 0, 0, 7, 0])
    assert keyframes.peaks(series, threshold=0.5).tolist() == [3, 6]
    assert keyframes.peaks(series, least_distance=2).tolist() == [3, 6]
    assert keyframes.peaks(series, least_distance=3).tolist() == [3]


def test_the_baseline_of_a_parabola_lies_below_its_peaks():
    x = np.linspace(0, 1, 40)
    parabola = 20 + 30 * x - 20 * x**2
    series = parabola.copy()
    series[[7, 19, 30]] += 50
    base = keyframes.baseline(series)
    np.testing.assert_allclose(base, parabola, atol=2.0)
    assert keyframes.peaks(series - base).tolist() == [7, 19, 30]


def test_a_flat_series_is_its_own_baseline():
    np.testing.assert_array_equal(keyframes.baseline(np.zeros(5)), 0.0)


def picture(value, bright):
    """Gray with a patch of another value."""
    frame = np.full((40, 40, 3), value, np.uint8)
    frame[10:30, 10:30] = bright
    return frame


def test_only_brightening_counts_unless_both_do():
    frames = [picture(100, 100), picture(100, 50), picture(100, 100)]
    one_way, both = keyframes.changes(frames), keyframes.changes(frames, both_ways=True)
    assert one_way[0] == both[0] == 0
    assert one_way[1] == 0
    assert both[1] == both[2] == one_way[2] >= 400


def test_keyframes_of_a_film():
    film = [picture(10, 40)] * 5 + [picture(200, 90)] * 5 + [picture(210, 250)] * 5
    assert keyframes.keyframes(film) == [5, 10]
    assert keyframes.keyframes(film, most=1) == [5]
