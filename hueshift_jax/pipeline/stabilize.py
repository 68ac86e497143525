"""The low-frequency shot smoother: colors that do not flicker.

Chroma of each frame is split into a smooth function q(L, x, y) of gray and place and a residual.
What flickers as a whole is in q; its coefficients are averaged robustly over about a second. The
residual is averaged over few frames, only between pixels of equal gray, so that what moves leaves
no trail. Chroma that does not change in time is returned unchanged.

Source: the low-frequency part is in the spirit of blind temporal consistency (Bonneel et al. 2015).
"""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from hueshift_jax.pipeline.frames import Chroma, ColorFrame, dequantize

MAX_LOOKAHEAD = 12

_DEGREE = 3
_RIDGE = 2e-3
_CONFIDENCE_FLOOR = 0.1
_BISQUARE = 4.685
_LEAST_SPREAD = 1.5
_SIGMA_OF_REACH = 0.6
_RESIDUAL_REACH = 3
_SAME_GRAY = 9.0
_SPARSE = 3


@dataclass(frozen=True)
class _Fitted:
    """One frame's split: coefficients (n, 2), residual (h, w, 2), its functions (n, h * w)."""

    coefficients: np.ndarray
    residual: np.ndarray
    functions: np.ndarray
    gray: np.ndarray


def reach_for(frames_per_s: float) -> int:
    """Frames on either side that cover about a second."""
    return max(1, min(MAX_LOOKAHEAD, round(frames_per_s / 2)))


def stabilize(
    frames: Iterable[ColorFrame], reach: int, history: Sequence[Chroma] = ()
) -> Iterator[ColorFrame]:
    """Smooths the chroma of one shot. Lookahead: `reach` frames.

    Args:
      frames: the shot, or the rest of it.
      reach: frames on either side that take part.
      history: stored chroma of the shot before the first frame; the last `reach` are used.
    """
    before = deque((_fit(dequantize(c), c) for c in list(history)[-reach:]), maxlen=reach)
    waiting: deque[tuple[ColorFrame, _Fitted]] = deque()
    for frame in frames:
        waiting.append((frame, _fit(frame.ab, frame.chroma)))
        if len(waiting) > reach:
            yield _emit(before, waiting)
    while waiting:
        yield _emit(before, waiting)


def _emit(before: deque[_Fitted], waiting: deque[tuple[ColorFrame, _Fitted]]) -> ColorFrame:
    frame, current = waiting.popleft()
    window = [*before, current, *(fitted for _, fitted in waiting)]
    mean = _robust_mean(window, len(before), before.maxlen)
    smooth = (current.functions.T @ mean).reshape(current.residual.shape)
    steady = _steady_residual(window, len(before))
    before.append(current)
    return replace(frame, ab=smooth + steady)


def _fit(ab: np.ndarray, chroma: Chroma) -> _Fitted:
    """Least squares for q over every third pixel, by confidence, held toward simplicity."""
    functions = _functions(chroma.luma)
    some = functions[:, ::_SPARSE]
    confidence = chroma.confidence.ravel()[::_SPARSE].astype(np.float32)
    weights = confidence / 255 + _CONFIDENCE_FLOOR
    weighted = some * (weights / weights.sum())
    gram = weighted @ some.T
    right = weighted @ ab.reshape(-1, 2)[::_SPARSE]
    coefficients = np.linalg.solve(gram + np.diag(_penalty()), right)
    residual = ab - (functions.T @ coefficients).reshape(ab.shape)
    return _Fitted(coefficients, residual, functions, chroma.luma.astype(np.float32))


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


def _functions(gray: np.ndarray) -> np.ndarray:
    return np.take(_levels(), gray.ravel(), axis=1) * _places(*gray.shape)


def _robust_mean(window: Sequence[_Fitted], place: int, reach: int) -> np.ndarray:
    """Coefficients averaged in time around `place`; frames unlike the median count less."""
    stack = np.stack([fitted.coefficients for fitted in window])
    distance = np.sqrt(np.sum((stack - np.median(stack, axis=0)) ** 2, axis=(1, 2)))
    spread = max(1.4826 * float(np.median(distance)), _LEAST_SPREAD)
    trust = np.maximum(0, 1 - (distance / (_BISQUARE * spread)) ** 2) ** 2
    time = (np.arange(len(window)) - place) / (_SIGMA_OF_REACH * reach)
    weights = np.exp(-0.5 * time**2) * np.maximum(trust, 1e-6)
    mean = np.tensordot(weights / weights.sum(), stack, axes=1)
    return mean.astype(np.float32)


def _steady_residual(window: Sequence[_Fitted], place: int) -> np.ndarray:
    """The residual averaged over the nearest frames, where their gray is the same."""
    current = window[place]
    total = current.residual.copy()
    weights = np.ones(current.gray.shape, np.float32)
    for other in window[max(0, place - _RESIDUAL_REACH) : place + _RESIDUAL_REACH + 1]:
        if other is not current:
            unlike = (other.gray - current.gray) * np.float32(1 / _SAME_GRAY)
            alike = np.square(np.maximum(0, 1 - np.square(unlike)))
            total += alike[..., None] * other.residual
            weights += alike
    return total / weights[..., None]
