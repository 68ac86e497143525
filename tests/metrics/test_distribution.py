"""Color distribution consistency."""

import itertools
import math

import numpy as np
import pytest

from hueshift_jax.metrics.distribution import Consistency, divergence, histograms


def merged(states):
    total = Consistency()
    for state in states:
        total = total.merge(state)
    return total


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (9, 6, 7, 3), np.uint8))


def slow(frames):
    """By the definition, in loops."""
    values = []
    for distance in (1, 2, 4):
        for channel in range(3):
            pairs = []
            for first, second in zip(frames, frames[distance:]):
                p, q = (
                    np.bincount(f[..., channel].ravel(), minlength=256) for f in (first, second)
                )
                p, q = p / p.sum(), q / q.sum()
                total = 0.0
                for a, b in zip(p.tolist(), q.tolist()):
                    middle = (a + b) / 2
                    total += a / 2 * math.log(a / middle) if a else 0.0
                    total += b / 2 * math.log(b / middle) if b else 0.0
                pairs.append(total)
            values.append(np.mean(pairs))
    return np.mean(values)


def test_it_is_its_definition(frames):
    assert merged(map(Consistency.of, frames)).compute() == pytest.approx(slow(frames), rel=1e-12)


@pytest.mark.parametrize("cuts", [(1,), (4,), (8,), (2, 3), (3, 5, 7), (0, 9)])
def test_portions_change_nothing(frames, cuts):
    whole = merged(map(Consistency.of, frames))
    ends = (0, *cuts, len(frames))
    parts = [merged(map(Consistency.of, frames[a:b])) for a, b in itertools.pairwise(ends)]
    found = merged(parts)
    np.testing.assert_allclose(found.sums, whole.sums, rtol=1e-13)
    assert found.frames == 9


def test_two_long_runs_are_joined_from_the_right_side(frames):
    left, right = (merged(map(Consistency.of, part)) for part in (frames[:4], frames[4:]))
    assert left.merge(right).compute() == pytest.approx(slow(frames), rel=1e-12)


def test_a_frozen_film_is_perfectly_consistent(frames):
    assert merged([Consistency.of(frames[0])] * 5).compute() == 0.0


def test_fewer_than_five_frames_have_none(frames):
    assert merged(map(Consistency.of, frames[:4])).compute() is None


def test_divergence():
    p, q = np.eye(4)[:2]
    assert divergence(p, q) == pytest.approx(math.log(2.0))
    assert divergence(p, p) == 0.0
    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.ones(8), 2)
    assert divergence(p, q) == pytest.approx(divergence(q, p))


def test_histograms_are_shares(frames):
    found = histograms(frames[0])
    assert found.shape == (3, 256)
    np.testing.assert_allclose(found.sum(-1), 1.0)
    assert found[1, frames[0][2, 3, 1]] > 0
