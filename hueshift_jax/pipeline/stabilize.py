"""The low-frequency shot smoother: colors that do not flicker.

Chroma of each frame is split into a smooth function q(L, x, y) of gray and place and a residual.
What flickers as a whole is in q; its coefficients are averaged robustly over about a second. The
residual is averaged over few frames, only between pixels of equal gray, so that what moves leaves
no trail. Chroma that does not change in time is returned unchanged.

Source: the low-frequency part is in the spirit of blind temporal consistency (Bonneel et al. 2015).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from hueshift_jax.pipeline.color_function import Fitted, fit
from hueshift_jax.pipeline.frames import Chroma, ColorFrame, dequantize

MAX_LOOKAHEAD = 12

_BISQUARE = 4.685
_LEAST_SPREAD = 1.5
_MOST_GAIN = 1.15
_SIGMA_OF_REACH = 0.6
_RESIDUAL_REACH = 3
_SAME_GRAY = 9.0


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
    before = deque((fit(dequantize(c), c) for c in list(history)[-reach:]), maxlen=reach)
    waiting: deque[tuple[ColorFrame, Fitted]] = deque()
    for frame in frames:
        waiting.append((frame, fit(frame.ab, frame.chroma)))
        if len(waiting) > reach:
            yield _emit(before, waiting)
    while waiting:
        yield _emit(before, waiting)


def _emit(before: deque[Fitted], waiting: deque[tuple[ColorFrame, Fitted]]) -> ColorFrame:
    frame, current = waiting.popleft()
    window = [*before, current, *(fitted for _, fitted in waiting)]
    mean = _robust_mean(window, len(before), before.maxlen)
    smooth = (current.functions.T @ mean).reshape(current.residual.shape)
    steady = _steady_residual(window, len(before))
    before.append(current)
    return replace(frame, ab=smooth + steady)


def _robust_mean(window: Sequence[Fitted], place: int, reach: int) -> np.ndarray:
    """Coefficients averaged in time around `place`; frames unlike the median count less."""
    stack = np.stack([fitted.coefficients for fitted in window])
    distance = np.sqrt(np.sum((stack - np.median(stack, axis=0)) ** 2, axis=(1, 2)))
    spread = max(1.4826 * float(np.median(distance)), _LEAST_SPREAD)
    trust = np.maximum(0, 1 - (distance / (_BISQUARE * spread)) ** 2) ** 2
    time = (np.arange(len(window)) - place) / (_SIGMA_OF_REACH * reach)
    weights = np.exp(-0.5 * time**2) * np.maximum(trust, 1e-6)
    weights /= weights.sum()
    mean = np.tensordot(weights, stack, axes=1)
    lengths = np.sqrt(np.sum(stack**2, axis=(1, 2)))
    # The mean of colors that differ is paler than they are.
    gain = weights @ lengths / max(float(np.sqrt(np.sum(mean**2))), 1e-3)
    return (mean * min(gain, _MOST_GAIN)).astype(np.float32)


def _steady_residual(window: Sequence[Fitted], place: int) -> np.ndarray:
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
