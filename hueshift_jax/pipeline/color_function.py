"""The low frequencies of a frame's chroma: a smooth function q(L, x, y) of gray and place.

Twenty coefficients a frame and channel, of products of Legendre polynomials up to a total degree of
three. What flickers as a whole is in them.
"""

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hueshift_jax.pipeline.frames import Chroma

_DEGREE = 3
_RIDGE = 2e-3
_CONFIDENCE_FLOOR = 0.1
_SPARSE = 3


@dataclass(frozen=True)
class Fitted:
    """One frame's split.

    coefficients (n, 2), residual (h, w, 2), the frame's functions (n, h * w), gray (h, w) float32.
    """

    coefficients: np.ndarray
    residual: np.ndarray
    functions: np.ndarray
    gray: np.ndarray


def fit(ab: np.ndarray, chroma: Chroma) -> Fitted:
    """Least squares for q over every third pixel, by confidence, held toward simplicity."""
    functions = functions_of(chroma.luma)
    some = functions[:, ::_SPARSE]
    confidence = chroma.confidence.ravel()[::_SPARSE].astype(np.float32)
    weights = confidence / 255 + _CONFIDENCE_FLOOR
    weighted = some * (weights / weights.sum())
    gram = weighted @ some.T
    right = weighted @ ab.reshape(-1, 2)[::_SPARSE]
    coefficients = np.linalg.solve(gram + np.diag(_penalty()), right)
    residual = ab - (functions.T @ coefficients).reshape(ab.shape)
    return Fitted(coefficients, residual, functions, chroma.luma.astype(np.float32))


def function_at(gray: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """ab (h, w, 2) float32 of the function with these coefficients on a frame of gray (h, w)."""
    ab = functions_of(gray).T @ np.float32(coefficients)
    return ab.reshape(*gray.shape, 2)


@lru_cache(maxsize=1)
def _degrees() -> tuple[tuple[int, int, int], ...]:
    """Degrees in (L, x, y) of the 20 products of Legendre polynomials up to a total degree of 3."""
    return tuple(d for d in itertools.product(range(_DEGREE + 1), repeat=3) if sum(d) <= _DEGREE)


@lru_cache(maxsize=1)
def _penalty() -> np.ndarray:
    total = np.float32([sum(degrees) for degrees in _degrees()])
    return (_RIDGE * total**2).astype(np.float32)


def _legendre(t: np.ndarray) -> list[np.ndarray]:
    """Legendre polynomials on -1..1, scaled to a mean square of 1."""
    raw = [np.ones_like(t), t, (3 * t * t - 1) / 2, (5 * t**3 - 3 * t) / 2]
    return [np.float32(np.sqrt(2 * n + 1)) * p for n, p in enumerate(raw)]


@lru_cache(maxsize=4)
def _places(height: int, width: int) -> np.ndarray:
    """Products of x and y alone, (n, h * w)."""
    along_y = _legendre((np.arange(height, dtype=np.float32) + 0.5) * 2 / height - 1)
    along_x = _legendre((np.arange(width, dtype=np.float32) + 0.5) * 2 / width - 1)
    return np.stack([np.outer(along_y[y], along_x[x]).ravel() for _, x, y in _degrees()])


@lru_cache(maxsize=1)
def _levels() -> np.ndarray:
    """The polynomials of gray for all 256 values, (n, 256)."""
    of_level = _legendre(np.arange(256, dtype=np.float32) / np.float32(127.5) - 1)
    return np.stack([of_level[level] for level, _, _ in _degrees()])


def functions_of(gray: np.ndarray) -> np.ndarray:
    """The functions of a frame of gray (h, w) uint8: (n, h * w)."""
    return np.take(_levels(), gray.ravel(), axis=1) * _places(*gray.shape)
