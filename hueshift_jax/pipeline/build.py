"""The chain from reader to recorder, built anew for each shot."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import jax
import numpy as np

from hueshift_jax.pipeline.clockwork import Shares
from hueshift_jax.pipeline.colorize import Painter, colorize
from hueshift_jax.pipeline.compose import Composer
from hueshift_jax.pipeline.controls import Controls, control
from hueshift_jax.pipeline.frames import SEGMENT_FRAMES, Chroma, ColorFrame, View, look
from hueshift_jax.pipeline.journal import Journal, Progress
from hueshift_jax.pipeline.recorder import Composed, Products, Recorder, SegmentChroma, SegmentEnd
from hueshift_jax.pipeline.shots import Shot, split
from hueshift_jax.pipeline.stabilize import stabilize
from hueshift_jax.pipeline.stored import StoredSegment
from hueshift_jax.video.cuts import HISTORY
from hueshift_jax.video.prefetch import Background, prefetch
from hueshift_jax.video.probe import MediaInfo
from hueshift_jax.video.reader import Damage, Reader

_AHEAD = 8
_BEHIND = 4


@dataclass(frozen=True)
class Plan:
    """What to do with a film.

    painter colors frames without stored chroma; it may be missing where there are none. reach is
    that of the smoother, 0 for none. start_s and end_s trim the film.
    """

    info: MediaInfo
    painter: Painter | None
    controls: Controls = field(default_factory=Controls)
    reach: int = 0
    products: Products = field(default_factory=Products)
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class Tally:
    """What was done: segments and frames in all, and what was wrong with the source."""

    segments: int
    frames: int
    damage: Damage
    shares: Shares


def run(plan: Plan, journal: Journal, progress: Progress, on_frame: Callable[[], None]) -> Tally:
    """Encodes every segment that is not encoded yet.

    Raises:
      UnreadableMediaError, UnsupportedMediaError: from the reader.
      UnwritableMediaError: from the writers; finished segments stay.
    """
    shares = plan.painter.shares if plan.painter is not None else Shares()
    first = progress.encoded
    recorder = Recorder(
        journal, plan.info, plan.products, number=first, shares=shares, on_frame=on_frame
    )
    skip = progress.encoded_frames
    with Reader(plan.info, start_s=plan.start_s, end_s=plan.end_s, skip=skip) as reader:
        stored = journal.stored(range(first, len(progress.frames)))
        views = shares.timed(_views(plan, iter(reader), stored), "decode")
        keeper = _Keeper(journal, progress)
        thumbs = [chroma.luma for chroma in keeper.history]
        try:
            with (
                contextlib.closing(prefetch(views, _AHEAD)) as ahead,
                Background(recorder.consume, _BEHIND) as encoded,
                Background(_composing(plan, shares, encoded.put), _BEHIND) as sink,
            ):
                _run_shots(plan, split(ahead, thumbs), keeper, sink.put)
        except BaseException:
            recorder.abandon()
            raise
        return Tally(keeper.segments, keeper.frames, reader.damage, shares)


def _composing(
    plan: Plan, shares: Shares, put: Callable[[object], None]
) -> Callable[[object], None]:
    """Hands frames on composed, and everything else as it is."""
    info, deep = plan.info, plan.products.encoding.lossless
    composer = Composer(info.height, info.width, info.color, rotation=info.rotation, deep=deep)

    def compose(item: object) -> None:
        if isinstance(item, ColorFrame):
            with shares.during("compose"):
                planes = composer(item)
            item = Composed(planes, item.frame.index)
        put(item)

    return compose


def _views(plan: Plan, frames: Iterator, stored: Iterator[tuple[Chroma, bool]]) -> Iterator[View]:
    """Frames with their stored chroma first, then those that the network is to see."""
    for (chroma, starts), frame in zip(stored, frames):
        yield View(frame, chroma.luma, chroma=chroma, starts_shot=starts)
    if plan.painter is not None:
        info = plan.info
        for frame in frames:
            yield look(frame, info.color, info.rotation, plan.painter.size)


def _run_shots(
    plan: Plan, shots: Iterator[Shot], keeper: "_Keeper", put: Callable[[object], None]
) -> None:
    for shot in shots:
        history = () if shot.starts else keeper.history
        colored = colorize(shot, plan.painter, keeper.leaves)
        kept = keeper.keep(colored, shot.starts, put)
        smooth = stabilize(kept, plan.reach, history) if plan.reach else kept
        for place, frame in enumerate(control(smooth, plan.controls)):
            if place and place % SEGMENT_FRAMES == 0:
                put(SegmentEnd(keeper.next_end()))
            put(frame)
        put(SegmentEnd(keeper.next_end()))


class _Keeper:
    """Divides chroma into segments and sees to it that each is stored once.

    history and leaves are what the journal knows of the shot before the first frame, and of the
    colorizer's memory after the last stored one.
    """

    def __init__(self, journal: Journal, progress: Progress):
        self.history, _ = journal.before(progress.encoded, HISTORY)
        self.leaves = journal.before(len(progress.frames), 1)[1]
        self._stored = len(progress.frames)
        self._number = progress.encoded
        self._ends = itertools.count(progress.encoded)
        self.frames = progress.encoded_frames

    @property
    def segments(self) -> int:
        """All segments so far."""
        return self._number

    def next_end(self) -> int:
        """The number of the segment that ends now."""
        return next(self._ends)

    def keep(
        self, frames: Iterator[ColorFrame], starts: bool, put: Callable[[object], None]
    ) -> Iterator[ColorFrame]:
        """The same frames; their chroma is handed over whenever a segment is full."""
        part: list[tuple[int, Chroma]] = []
        memory = None
        for frame in frames:
            part.append((frame.frame.pts, frame.chroma))
            memory = frame.memory
            if len(part) == SEGMENT_FRAMES:
                self._store(part, starts, memory, put)
                part, starts = [], False
            yield frame
        if part:
            self._store(part, starts, memory, put)

    def _store(
        self, part: Sequence[tuple[int, Chroma]], starts: bool, memory: object, put: Callable
    ) -> None:
        if self._number >= self._stored:
            pts, chroma = zip(*part, strict=True)
            put(SegmentChroma(self._number, StoredSegment(starts, pts, chroma, _leaves(memory))))
        self._number += 1
        self.frames += len(part)


def _leaves(memory: object) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(leaf) for leaf in jax.tree.leaves(memory))
