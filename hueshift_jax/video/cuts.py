"""Where shots begin.

A cut is where nothing of the frames before can be found in the frames after, neither in place nor
near it, so motion, a change of exposure and a flash of one or two frames are none. A frame without
any contrast begins no shot: black belongs to what it follows. Dissolves are told in
`video.dissolves`.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import cv2
import numpy as np

from hueshift_jax.video import dissolves
from hueshift_jax.video.thumbnails import FLAT, mismatch, thumbnail

Found = Literal["cut", "dissolve"]
"""How the beginning of a shot was told."""

LOOKAHEAD = max(dissolves.REACHES)
"""Frames after the one in question that the decision wants."""
HISTORY = dissolves.FRAMES_BEFORE * max(dissolves.REACHES)
"""Thumbnails of the shot so far that decide about the next frame."""

_THRESHOLD = 0.3
_UNUSUAL = 2.5
_BEFORE = 3
_AFTER = 3


class Detector:
    """Decides frame by frame, from the thumbnails of the current shot and a few that follow.

    Thumbnails are those that `thumbnails.thumbnail` makes. The state is a function of the last
    HISTORY of the shot, given as `history`.
    """

    def __init__(self, history: Sequence[np.ndarray] = ()):
        self._before: deque[np.ndarray] = deque(maxlen=HISTORY)
        self._usual: deque[float] = deque(maxlen=HISTORY // 2)
        for thumb in history:
            self.step(thumb, (), known=False)

    def step(
        self, thumb: np.ndarray, following: Sequence[np.ndarray], *, known: bool | None = None
    ) -> Found | None:
        """How `thumb` was told to begin a shot, if it does; `known` says beforehand whether."""
        change = mismatch(self._before[-1], thumb) if self._before else 0.0
        if known is None:
            found = self._judged(change, thumb, following)
        else:
            found = "cut" if known else None
        if found:
            self._before.clear()
            self._usual.clear()
        else:
            self._usual.append(change)
        self._before.append(thumb)
        return found

    def _judged(
        self, change: float, thumb: np.ndarray, following: Sequence[np.ndarray]
    ) -> Found | None:
        if not self._before:
            return "cut"
        if thumb.std() < FLAT:
            return None
        if self._is_cut(change, [thumb, *following][:_AFTER]):
            return "cut"
        return "dissolve" if dissolves.is_middle(self._before, thumb, following) else None

    def _is_cut(self, change: float, after: Sequence[np.ndarray]) -> bool:
        usual = float(np.median(self._usual)) if self._usual else 0.0
        limit = max(_THRESHOLD, _UNUSUAL * usual)
        if change < limit:
            return False
        before = list(self._before)[-_BEFORE:]
        pairs = itertools.product(reversed(before), after)
        return all(mismatch(*pair) >= limit for pair in pairs)


def with_cuts(frames: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, bool]]:
    """Frames, rgb_u8 of any size, each with whether it begins a shot. Lookahead: LOOKAHEAD."""
    detector = Detector()
    waiting: deque[tuple[np.ndarray, np.ndarray]] = deque()

    def judged() -> tuple[np.ndarray, bool]:
        frame, thumb = waiting.popleft()
        return frame, detector.step(thumb, [after for _, after in waiting]) is not None

    for frame in frames:
        waiting.append((frame, thumbnail(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))))
        if len(waiting) > LOOKAHEAD:
            yield judged()
    while waiting:
        yield judged()
