"""The mean color of a frame kept within what photographs have."""

import numpy as np

MEAN_AB = np.float32([1.9, 5.8])
"""Mean of the mean ab of 10 223 photographs of many kinds, those that the bundled weights saw."""
COVARIANCE = np.float32([[66.4, 8.3], [8.3, 147.5]])
"""Covariance of their mean ab."""
FREE, MOST = 0.5, 1.44
"""Mahalanobis distances: nothing is changed within the first, where a quarter of the photographs
are, and nothing is left beyond the second, within which are three quarters."""

_DARK, _LIGHT = 0.1, 0.95
_LEAST_SHARE = 0.25


def limited(ab: np.ndarray, gray: np.ndarray, amount: float) -> np.ndarray:
    """ab (h, w, 2) float32 moved so that its mean comes nearer to that of photographs.

    All colors of the frame move alike, but less toward black and white, which have none. A
    continuous function of this frame alone: as steady as the colors that it is given.

    amount: 0 none .. 1 the mean is brought within the ellipse.
    """
    mean = ab.mean((0, 1))
    level = gray.astype(np.float32) / 255
    share = np.clip(level / _DARK, 0, 1) * np.clip((1 - level) / (1 - _LIGHT), 0, 1)
    share = share / max(float(share.mean()), _LEAST_SHARE)
    return ab + np.float32(amount) * share[..., None] * (within(mean) - mean)


def within(mean: np.ndarray) -> np.ndarray:
    """The mean ab (2,) inside the ellipse that `mean` is brought to."""
    from_center = mean - MEAN_AB
    distance = float(np.sqrt(from_center @ np.linalg.solve(COVARIANCE, from_center)))
    if distance <= FREE:
        return mean
    near = FREE + (MOST - FREE) * np.tanh((distance - FREE) / (MOST - FREE))
    return MEAN_AB + from_center * np.float32(near / distance)
