"""Where one shot melts into the next.

While a dissolve lasts, every frame is the same mixture of the frames before and after it all over,
and the share of the one that comes grows steadily. A moving camera or a moving thing does not mix
frames: what it uncovers is wholly there. Thumbnails are blurred first, so that shots may move a
little while they dissolve.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from hueshift_jax.video.thumbnails import FLAT, UNLIKE, alikeness, mismatch

REACHES = (6, 12)
"""Frames on either side of the middle that are compared; a dissolve is longer than the smaller."""
FRAMES_BEFORE = 2
"""A shot has to be so many reaches long before a dissolve can end it, which keeps it to one."""

_REPLACED = 0.32
_RESIDUAL = 0.16
_LARGEST_STEP = 0.3
_LEAST_STEP = -0.05
_LEAST_SIDE = 24
_SIDE = 16
_BLUR = 0.5


def is_middle(
    before: Sequence[np.ndarray], thumb: np.ndarray, following: Sequence[np.ndarray]
) -> bool:
    """Whether a dissolve, at `thumb`, shows more of what comes than of what was.

    Never in thumbnails that are too small to tell.

    Args:
      before: thumbnails of the shot so far, the latest last.
      thumb: the frame in question.
      following: thumbnails of the frames after it.
    """
    if min(thumb.shape) < _LEAST_SIDE:
        return False
    return any(
        len(before) >= FRAMES_BEFORE * reach
        and len(following) >= reach
        and _mixes([*list(before)[-reach:], thumb, *following[:reach]])
        for reach in REACHES
    )


def _mixes(window: Sequence[np.ndarray]) -> bool:
    """Whether the frames turn from the first into the last by mixing, half of it at the middle."""
    first, last = window[0], window[-1]
    if min(first.std(), last.std()) < FLAT or alikeness(first, last) > 1 - UNLIKE:
        return False
    coarse = [_coarse(thumb) for thumb in window]
    middle = coarse[len(window) // 2]
    if alikeness(middle, coarse[-1]) < alikeness(middle, coarse[0]):
        return False
    return _is_mixture(np.stack(coarse)) and mismatch(first, last) >= _REPLACED


def _coarse(thumb: np.ndarray) -> np.ndarray:
    step = max(1, min(thumb.shape) // _SIDE)
    soft = cv2.GaussianBlur(thumb.astype(np.float32), (0, 0), _BLUR * step)
    return soft[step // 2 :: step, step // 2 :: step]


def _is_mixture(frames: np.ndarray) -> bool:
    """Whether all frames lie near the line from the first to the last, one after the other."""
    offsets = (frames - frames[0]).reshape(len(frames), -1)
    whole = offsets[-1]
    energy = float(whole @ whole)
    if not energy:
        return False
    shares = offsets @ whole / energy
    steps = np.diff(shares)
    if steps.max() >= _LARGEST_STEP or steps.min() <= _LEAST_STEP:
        return False
    residuals = np.sum(np.square(offsets - shares[:, None] * whole), axis=1) / energy
    return bool(residuals.max() <= _RESIDUAL)
