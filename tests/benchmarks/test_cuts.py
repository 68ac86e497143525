"""The joins of the benchmark of shots are what they are said to be."""

import numpy as np

from benchmarks import cuts
from tests.pipeline.doubles import lumas


def shots():
    """Three shots of three films."""
    films = [np.stack(list(lumas(70, 96, 128, cuts=range(n)))[n:]) for n in (1, 2, 3)]
    return [cuts.Shot(str(n), frames) for n, frames in enumerate(films)]


def test_joins_are_seeded(monkeypatch):
    monkeypatch.setattr(cuts, "JOINS", 4)
    for length in (None, (8, 16)):
        first, second = (list(cuts.joins(shots(), 0, length)) for _ in range(2))
        assert len(first) == 4
        for one, other in zip(first, second, strict=True):
            np.testing.assert_array_equal(one.frames, other.frames)
            assert (one.end - one.begin in range(8, 16)) if length else one.end == one.begin
            assert 0 < one.begin <= one.end < len(one.frames)


def test_rows_say_whether_bars_are_met(monkeypatch):
    monkeypatch.setattr(cuts, "JOINS", 4)
    what, figures, bar = cuts._cut_row(shots())
    assert (what, bar) == ("cuts between 4 pairs of shots", ">= 0.97: met")
    assert figures == "F1 1.000: 4 found, 0 missed, 0 false"
    assert cuts._single_row(shots())[1:] == ("0", "0: met")


def test_frames_are_cropped_to_one_size():
    for size in ((480, 640), (360, 640), (100, 90)):
        assert cuts._middle(np.zeros(size, np.uint8)).shape == cuts.SIZE
