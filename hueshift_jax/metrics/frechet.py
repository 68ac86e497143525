"""The Fréchet distance of two sets of features, each taken for a Gaussian.

With the 2048 features of the Inception network of pytorch-fid it is FID; of any other network it
is not, and must not be called so. Small sets are overestimated, the more the more features there
are: below 2048 pictures it only ranks results of one and the same set.

Source: Heusel et al. 2017 (1706.08500).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Gaussian:
    """Moments of vectors: how many, their mean (d), and the sum of products of deviations (d, d).

    None stands for those of no vector.
    """

    count: int = 0
    mean: np.ndarray | None = None
    scatter: np.ndarray | None = None

    @classmethod
    def of(cls, features: np.ndarray) -> Self:
        """The rows of (n, d)."""
        features = np.asarray(features, np.float64)
        mean = features.mean(0)
        return cls(len(features), mean, (features - mean).T @ (features - mean))

    def merge(self, other: Self) -> Self:
        """The vectors of both."""
        if not (self.count and other.count):
            return self if self.count else other
        count = self.count + other.count
        step = other.mean - self.mean
        scatter = self.scatter + other.scatter
        scatter += np.outer(step, step) * (self.count * other.count / count)
        return type(self)(count, self.mean + step * (other.count / count), scatter)

    def distance(self, other: Self) -> float | None:
        """Squared distance of two Gaussians, unbiased covariances; None of fewer than two rows."""
        if min(self.count, other.count) < 2:
            return None
        ours, theirs = (one.scatter / (one.count - 1) for one in (self, other))
        root = _root(ours)
        shared = np.linalg.eigvalsh(root @ theirs @ root)
        crossed = np.sum(np.sqrt(np.maximum(shared, 0.0)))
        step = self.mean - other.mean
        value = step @ step + np.trace(ours) + np.trace(theirs) - 2.0 * crossed
        return float(max(value, 0.0))


def _root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric square root of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
