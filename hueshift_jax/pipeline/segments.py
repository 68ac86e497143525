"""Where frames on their way to the journal are divided into segments."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np

from hueshift_jax.pipeline.facts import ShotFacts
from hueshift_jax.pipeline.frames import SEGMENT_FRAMES, Chroma, ColorFrame
from hueshift_jax.pipeline.journal import Journal
from hueshift_jax.pipeline.progress import FOREVER, Mark, Progress, Seal
from hueshift_jax.pipeline.recorder import SegmentChroma, SegmentEnd, ShotEnd
from hueshift_jax.pipeline.shots import Past, Shot
from hueshift_jax.pipeline.stored import StoredSegment
from hueshift_jax.video.cuts import HISTORY


class Keeper:
    """Divides chroma into segments and sees to it that each is stored once.

    history, past and leaves are what the journal knows of the shot before the first frame, and of
    the colorizer's memory after the last stored one.

    Args:
      journal: where the stored ones are.
      progress: what is stored.
      first: the number of the segment that comes first.
    """

    def __init__(self, journal: Journal, progress: Progress, first: int):
        self.history, _ = journal.before(first, HISTORY)
        self.past = _past(journal, progress, first, self.history)
        self.leaves = journal.before(len(progress.segments), 1)[1]
        self._stored = len(progress.segments)
        self._number = first
        self.frames = progress.frames_before(first)

    @property
    def segments(self) -> int:
        """All segments so far."""
        return self._number

    def keep(
        self, frames: Iterator[ColorFrame], shot: Shot, put: Callable[[object], None]
    ) -> Iterator[ColorFrame]:
        """The same frames; their chroma is handed over whenever a segment is full.

        shot: where they come from.
        """
        starts = shot.starts
        part: list[tuple[int, Chroma]] = []
        memory = None
        for frame in frames:
            part.append((frame.frame.pts, frame.chroma))
            memory = frame.memory
            if len(part) == SEGMENT_FRAMES:
                self._store(_segment(part, starts, memory, shot.facts), put)
                part, starts = [], False
            yield frame
        if part:
            self._store(_segment(part, starts, memory, shot.facts), put)

    def _store(self, segment: StoredSegment, put: Callable) -> None:
        if self._number >= self._stored:
            put(SegmentChroma(self._number, segment))
        self._number += 1
        self.frames += len(segment.pts)


def _segment(
    part: Sequence[tuple[int, Chroma]], starts: bool, memory: object, facts: ShotFacts
) -> StoredSegment:
    pts, chroma = zip(*part, strict=True)
    return StoredSegment(starts, pts, chroma, _leaves(memory), facts)


def _past(journal: Journal, progress: Progress, first: int, history: Sequence[Chroma]) -> Past:
    if not first:
        return Past()
    thumbs = tuple(chroma.luma for chroma in history)
    return Past(thumbs, journal.facts(first - 1), progress.segments[first - 1].last_pts)


def _leaves(memory: object) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(leaf) for leaf in jax.tree.leaves(memory))


class Divider:
    """Says after which colored frames segments and shots end, and what is given there.

    Args:
      mark: stands for what a person gives for a shot.
      progress: what is stored.
      first: the number of the segment that comes first.
    """

    def __init__(self, mark: Mark, progress: Progress, first: int):
        self._mark = mark
        self._numbers = itertools.count(first)
        self._shot = progress.shot_of(first)
        self._begin = progress.segments[self._shot].first_pts if progress.segments else 0

    def divide(
        self, frames: Iterator[ColorFrame], starts: bool
    ) -> Iterator[ColorFrame | SegmentEnd | ShotEnd]:
        """The frames of a shot, or of its rest, and the ends of its segments and of itself."""
        number, begins, pts = next(self._numbers), starts, 0
        for place, frame in enumerate(frames):
            if place and place % SEGMENT_FRAMES == 0:
                yield SegmentEnd(number, begins, Seal(self._mark(self._begin, FOREVER)))
                number, begins = next(self._numbers), False
            pts = frame.frame.pts
            if starts and not place:
                self._shot, self._begin = number, pts
            yield frame
        seal = Seal(self._mark(self._begin, pts), pts)
        yield ShotEnd(range(self._shot, number), seal)
        yield SegmentEnd(number, begins, seal)
