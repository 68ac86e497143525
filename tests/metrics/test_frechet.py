"""Fréchet distances of Gaussians."""

import itertools

import numpy as np
import pytest

from hueshift_jax.metrics.frechet import Gaussian


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(40, 6)) @ np.diag([1, 2, 3, 0.5, 0.1, 1])


def test_moments(rows):
    found = Gaussian.of(rows)
    np.testing.assert_allclose(found.mean, rows.mean(0))
    np.testing.assert_allclose(found.scatter / 39, np.cov(rows.T), rtol=1e-12)


@pytest.mark.parametrize("cuts", [(1,), (17,), (0, 40), tuple(range(1, 40))])
def test_portions_change_nothing(rows, cuts):
    found, ends = Gaussian(), (0, *cuts, 40)
    for part in (rows[a:b] for a, b in itertools.pairwise(ends) if b > a):
        found = found.merge(Gaussian.of(part))
    whole = Gaussian.of(rows)
    assert found.count == 40
    np.testing.assert_allclose(found.mean, whole.mean, atol=1e-14)
    np.testing.assert_allclose(found.scatter, whole.scatter, atol=1e-11)


def test_a_set_and_itself(rows):
    assert Gaussian.of(rows).distance(Gaussian.of(rows)) == pytest.approx(0.0, abs=1e-5)


def test_known_gaussians():
    """|m - n|^2 + sum (s - t)^2 where both covariances are diagonal."""
    s, t = np.array([1.0, 2.0, 0.5]), np.array([3.0, 1.0, 0.5])
    first = Gaussian(101, np.zeros(3), 100 * np.diag(s**2))
    second = Gaussian(51, np.array([1.0, 0.0, 2.0]), 50 * np.diag(t**2))
    assert first.distance(second) == pytest.approx(5.0 + np.sum((s - t) ** 2))
    assert second.distance(first) == pytest.approx(first.distance(second))


def test_covariances_that_do_not_commute(rows):
    """The trace of the root of a product, by its eigenvalues."""
    other = np.random.default_rng(1).normal(size=(30, 6))
    ours, theirs = np.cov(rows.T), np.cov(other.T)
    roots = np.sqrt(np.linalg.eigvals(ours @ theirs).real)
    step = rows.mean(0) - other.mean(0)
    expected = step @ step + np.trace(ours) + np.trace(theirs) - 2 * roots.sum()
    assert Gaussian.of(rows).distance(Gaussian.of(other)) == pytest.approx(expected)


def test_one_row_has_no_covariance(rows):
    assert Gaussian.of(rows[:1]).distance(Gaussian.of(rows)) is None
    assert Gaussian().distance(Gaussian.of(rows)) is None
