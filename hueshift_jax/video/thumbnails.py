"""How alike two small gray frames are, whatever moved in them and however the light changed."""

import cv2
import numpy as np

FLAT = 2.0
"""A frame or block whose standard deviation is less shows nothing."""
UNLIKE = 0.25
"""Frames that differ by less than this share as a whole are alike without a search."""

THUMB_SIDE = 48
"""Short side of a thumbnail: fine enough for motion, coarse enough for grain and speed."""

_BLANK = 6.0
_LEAST_PICTURE = 0.25
_BLOCK = 12
_REACH = 8
_FULL_WEIGHT = 20.0


def thumbnail(gray: np.ndarray) -> np.ndarray:
    """Gray (h, w) uint8 reduced to the size at which frames are compared; never enlarged."""
    scale = THUMB_SIDE / min(gray.shape)
    if scale >= 1:
        return gray
    size = tuple(max(1, round(n * scale)) for n in gray.shape[::-1])
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA)


def mismatch(before: np.ndarray, after: np.ndarray) -> float:
    """How little of `after` is found near its place in `before`: 0 all of it, about 0.5 none.

    Blocks are compared by normalized correlation, each with its surroundings in the other frame:
    neither motion nor a change of exposure or contrast makes them unlike. Frames that are alike as
    a whole are not searched and count as 0. A frame without any contrast is unlike every other.
    """
    before, after = _pictures(before, after)
    flat = before.std() < FLAT, after.std() < FLAT
    if any(flat):
        return float(flat[0] != flat[1])
    if 1 - _correlation(before, after) < UNLIKE:
        return 0.0
    return _search(before, after)


def alikeness(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two frames as a whole, -1..1; 0 where one shows nothing."""
    return _correlation(*_pictures(first, second))


def _pictures(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both without the borders that are black in both: bars would make all frames alike."""
    lightest = np.maximum(first, second)
    shown = lightest > np.minimum(first, second).min() + _BLANK
    parts = []
    for axis, size in enumerate(lightest.shape):
        places = np.flatnonzero(shown.any(axis=1 - axis))
        if len(places) < _LEAST_PICTURE * size:
            return first.astype(np.float32), second.astype(np.float32)
        parts.append(slice(places[0], places[-1] + 1))
    return tuple(frame[tuple(parts)].astype(np.float32) for frame in (first, second))


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.mean(_normal(first) * _normal(second)))


def _normal(thumb: np.ndarray) -> np.ndarray:
    deviation = thumb.std()
    return (thumb - thumb.mean()) / deviation if deviation else np.zeros_like(thumb)


def _search(before: np.ndarray, after: np.ndarray) -> float:
    """The mean loss of correlation of the blocks of `after`, those with contrast counting more."""
    block_h, block_w = min(_BLOCK, after.shape[0]), min(_BLOCK, after.shape[1])
    field = cv2.copyMakeBorder(before, *[_REACH] * 4, cv2.BORDER_REPLICATE)
    losses = weights = 0.0
    for y in range(0, after.shape[0] - block_h + 1, block_h):
        for x in range(0, after.shape[1] - block_w + 1, block_w):
            block = after[y : y + block_h, x : x + block_w]
            weight = min(float(block.std()), _FULL_WEIGHT)
            if weight >= FLAT:
                near = field[y : y + block_h + 2 * _REACH, x : x + block_w + 2 * _REACH]
                losses += weight * (1 - _best_correlation(near, block))
                weights += weight
    return losses / weights if weights else 0.0


def _best_correlation(field: np.ndarray, block: np.ndarray) -> float:
    if field.std() < FLAT:
        return 0.0
    return float(cv2.matchTemplate(field, block, cv2.TM_CCOEFF_NORMED).max())
