"""Where shots begin.

How a cut is told from motion and from a flash is in `video.cuts`.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hueshift_jax.pipeline.frames import View
from hueshift_jax.video.cuts import LOOKAHEAD, Detector
from hueshift_jax.video.thumbnails import thumbnail


@dataclass(frozen=True)
class Shot:
    """The frames of one shot; the first one may go on from an earlier run, and not start here."""

    starts: bool
    views: Iterator[View]


def split(views: Iterable[View], history: Sequence[np.ndarray] = ()) -> Iterator[Shot]:
    """The shots, each to be used up before the next is asked for. Lookahead: LOOKAHEAD frames.

    Args:
      views: all frames in order. Those with `starts_shot` are not judged again.
      history: the latest thumbnails, at most HISTORY, of the shot before the first view, if that
        shot may go on.
    """
    number = 0

    def shot_of(flagged: tuple[View, bool]) -> int:
        nonlocal number
        number += flagged[1]
        return number

    for count, shot in itertools.groupby(_flagged(views, history), shot_of):
        yield Shot(count > 0, (view for view, _ in shot))


def _flagged(views: Iterable[View], history: Sequence[np.ndarray]) -> Iterator[tuple[View, bool]]:
    detector = Detector([thumbnail(thumb) for thumb in history])
    waiting: deque[tuple[View, np.ndarray]] = deque()
    for view in views:
        waiting.append((view, thumbnail(view.thumb)))
        if len(waiting) > LOOKAHEAD:
            yield _judge(detector, waiting)
    while waiting:
        yield _judge(detector, waiting)


def _judge(detector: Detector, waiting: deque[tuple[View, np.ndarray]]) -> tuple[View, bool]:
    view, thumb = waiting.popleft()
    found = detector.step(thumb, [after for _, after in waiting], known=view.starts_shot)
    return view, found is not None
