"""Where shots are cut.

Consecutive thumbnails are compared block by block, each block with its surroundings in the other
frame, by normalized correlation: neither motion nor a change of exposure or contrast makes blocks
unlike. A cut is where nothing of the frames before can be found in the frames after, so a flash of
one or two frames is none.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np

LOOKAHEAD = 2
"""Frames after the one in question that the decision wants."""
HISTORY = 24
"""Thumbnails of the shot so far that decide about the next frame."""
_THUMB_SIDE = 112

_THRESHOLD = 0.3
_UNUSUAL = 2.5
_UNLIKE = 0.25
_BEFORE = 3
_BLOCK = 12
_REACH = 8
_FLAT = 2.0
_FULL_WEIGHT = 20.0


class Detector:
    """Decides frame by frame, from the thumbnails of the current shot and a few that follow.

    Its state is a function of the last HISTORY thumbnails of the shot, given as `history`.
    """

    def __init__(self, history: Sequence[np.ndarray] = ()):
        self._before: deque[np.ndarray] = deque(maxlen=_BEFORE)
        self._usual: deque[float] = deque(maxlen=HISTORY // 2)
        for thumb in history:
            self.step(thumb, (), known=False)

    def step(
        self, thumb: np.ndarray, following: Sequence[np.ndarray], *, known: bool | None = None
    ) -> bool:
        """Whether `thumb` begins a shot; `known` says so beforehand."""
        change = mismatch(self._before[-1], thumb) if self._before else 0.0
        cut = self._is_cut(change, [thumb, *following]) if known is None else known
        if cut:
            self._before.clear()
            self._usual.clear()
        else:
            self._usual.append(change)
        self._before.append(thumb)
        return cut

    def _is_cut(self, change: float, after: Sequence[np.ndarray]) -> bool:
        if not self._before:
            return True
        usual = float(np.median(self._usual)) if self._usual else 0.0
        limit = max(_THRESHOLD, _UNUSUAL * usual)
        if change < limit:
            return False
        pairs = itertools.product(reversed(self._before), after)
        return all(mismatch(before, thumb) >= limit for before, thumb in pairs)


def mismatch(before: np.ndarray, after: np.ndarray) -> float:
    """How little of `after` is found near its place in `before`: 0 all of it, about 0.5 none.

    Frames that are alike as a whole are not searched and count as 0. A frame without any contrast
    is unlike every other.
    """
    before, after = before.astype(np.float32), after.astype(np.float32)
    flat = before.std() < _FLAT, after.std() < _FLAT
    if any(flat):
        return float(flat[0] != flat[1])
    if 1 - float(np.mean(_normal(before) * _normal(after))) < _UNLIKE:
        return 0.0
    return _search(before, after)


def _normal(thumb: np.ndarray) -> np.ndarray:
    return (thumb - thumb.mean()) / thumb.std()


def _search(before: np.ndarray, after: np.ndarray) -> float:
    """The mean loss of correlation of the blocks of `after`, those with contrast counting more."""
    block_h, block_w = min(_BLOCK, after.shape[0]), min(_BLOCK, after.shape[1])
    field = cv2.copyMakeBorder(before, *[_REACH] * 4, cv2.BORDER_REPLICATE)
    losses = weights = 0.0
    for y in range(0, after.shape[0] - block_h + 1, block_h):
        for x in range(0, after.shape[1] - block_w + 1, block_w):
            block = after[y : y + block_h, x : x + block_w]
            weight = min(float(block.std()), _FULL_WEIGHT)
            if weight >= _FLAT:
                near = field[y : y + block_h + 2 * _REACH, x : x + block_w + 2 * _REACH]
                losses += weight * (1 - _best_correlation(near, block))
                weights += weight
    return losses / weights if weights else 0.0


def _best_correlation(field: np.ndarray, block: np.ndarray) -> float:
    if field.std() < _FLAT:
        return 0.0
    return float(cv2.matchTemplate(field, block, cv2.TM_CCOEFF_NORMED).max())


def with_cuts(frames: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, bool]]:
    """Frames, rgb_u8 of any size, each with whether it begins a shot. Lookahead: LOOKAHEAD."""
    detector = Detector()
    waiting: deque[tuple[np.ndarray, np.ndarray]] = deque()

    def judged() -> tuple[np.ndarray, bool]:
        frame, thumb = waiting.popleft()
        return frame, detector.step(thumb, [after for _, after in waiting])

    for frame in frames:
        waiting.append((frame, _thumbnail(frame)))
        if len(waiting) > LOOKAHEAD:
            yield judged()
    while waiting:
        yield judged()


def _thumbnail(rgb_u8: np.ndarray) -> np.ndarray:
    scale = _THUMB_SIDE / min(rgb_u8.shape[:2])
    size = tuple(max(1, round(n * scale)) for n in rgb_u8.shape[1::-1])
    gray = cv2.cvtColor(rgb_u8, cv2.COLOR_RGB2GRAY)
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
