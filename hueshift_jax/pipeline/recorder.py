"""The end of the pipeline: frames are encoded, segment by segment, in a thread of their own."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hueshift_jax.pipeline.clockwork import Shares
from hueshift_jax.pipeline.frames import upright
from hueshift_jax.pipeline.journal import Journal
from hueshift_jax.pipeline.progress import Seal, Segment
from hueshift_jax.pipeline.stored import StoredSegment
from hueshift_jax.video.frame import Planes, ycbcr_scale, yuv_to_rgb
from hueshift_jax.video.picture import write_picture
from hueshift_jax.video.probe import MediaInfo
from hueshift_jax.video.writer import Encoding, SegmentWriter


@dataclass(frozen=True)
class Products:
    """What is made of the frames.

    encoding is that of the film; side_by_side adds a film of gray and color in one picture;
    frames_folder takes each frame as a picture too.
    """

    encoding: Encoding = field(default_factory=Encoding)
    side_by_side: bool = False
    frames_folder: Path | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of encoded segments."""
        return ("seg", "side") if self.side_by_side else ("seg",)


@dataclass(frozen=True)
class Composed:
    """A frame ready to be encoded; index counts the frames of the film."""

    planes: Planes
    index: int


@dataclass(frozen=True)
class SegmentEnd:
    """After the last frame of an encoded segment."""

    number: int
    starts_shot: bool
    seal: Seal


@dataclass(frozen=True)
class ShotEnd:
    """After the last frame of a shot; its segments so far get the seal of the whole shot."""

    numbers: range
    seal: Seal


@dataclass(frozen=True)
class SegmentChroma:
    """All chroma of a segment, to be stored."""

    number: int
    content: StoredSegment


class Recorder:
    """Consumes frames and segment ends in order; the chroma of a segment precedes its end.

    Args:
      journal: where segments go.
      info: the film.
      products: what to make.
      number: of the first segment.
      shares: takes the time that is spent.
      on_frame: called after each encoded frame.
    """

    def __init__(
        self,
        journal: Journal,
        info: MediaInfo,
        products: Products,
        *,
        number: int,
        shares: Shares,
        on_frame: Callable[[], None],
    ):
        self._journal = journal
        self._info = info
        self._products = products
        self._number = number
        self._shares = shares
        self._on_frame = on_frame
        self._writers = contextlib.ExitStack()
        self._open: dict[str, SegmentWriter] = {}
        self._pts: list[int] = []

    def consume(self, item: Composed | SegmentEnd | ShotEnd | SegmentChroma) -> None:
        """Does what the item asks for."""
        if isinstance(item, Composed):
            self._frame(item)
        elif isinstance(item, SegmentChroma):
            item.content.save(self._journal.chroma_path(item.number))
        elif isinstance(item, ShotEnd):
            self._journal.seal(item.numbers, item.seal)
        else:
            self._end(item)

    def abandon(self) -> None:
        """Drops the unfinished segment."""
        self._writers.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        self._open.clear()

    def _frame(self, frame: Composed) -> None:
        with self._shares.during("encode"):
            self._write(frame.planes, frame.index)
        self._pts.append(frame.planes.pts)
        self._on_frame()

    def _write(self, planes: Planes, index: int) -> None:
        if not self._open:
            self._start()
        self._open["seg"].write(planes)
        if self._products.side_by_side:
            self._open["side"].write(beside_gray(planes, self._info))
        if self._products.frames_folder is not None:
            rgb = upright(yuv_to_rgb(planes, self._info.color), self._info.rotation)
            write_picture(self._products.frames_folder / f"{index + 1:06d}.png", rgb)

    def _start(self) -> None:
        infos = {"seg": self._info, "side": side_by_side_info(self._info)}
        for kind in self._products.kinds:
            path = self._journal.draft_path(self._number, kind)
            writer = SegmentWriter(path, infos[kind], self._products.encoding)
            self._open[kind] = self._writers.enter_context(writer)

    def _end(self, end: SegmentEnd) -> None:
        with self._shares.during("encode"):
            self._writers.close()
        times = self._pts[0], self._pts[-1]
        segment = Segment(len(self._pts), end.starts_shot, *times, end.seal)
        self._journal.confirm(end.number, segment, self._products.kinds)
        self._open.clear()
        self._pts.clear()
        self._number = end.number + 1


def side_by_side_info(info: MediaInfo) -> MediaInfo:
    """The film that shows `info` twice, gray on the left."""
    if info.rotation % 180:
        return replace(info, height=2 * even(info.height))
    return replace(info, width=2 * even(info.width))


def even(size: int) -> int:
    """The largest even number not above `size`."""
    return size - size % 2


def beside_gray(planes: Planes, info: MediaInfo) -> Planes:
    """The frame twice, gray first in the direction of reading; odd sizes lose one line there."""
    axis = 0 if info.rotation % 180 else 1
    gray_first = info.rotation in (0, 90)
    size = even(planes.luma.shape[axis])
    neutral = ycbcr_scale(info.color, 8 if planes.cb.dtype == np.uint8 else info.color.bit_depth)
    luma = _part(planes.luma, size, axis)
    cb, cr = (_part(plane, -(-size // 2), axis) for plane in (planes.cb, planes.cr))
    pairs = []
    for colored in (cb, cr):
        gray = np.full_like(colored, round(neutral.neutral))
        pairs.append(np.concatenate([gray, colored] if gray_first else [colored, gray], axis))
    doubled = np.concatenate([luma, luma], axis)
    return Planes(planes.pts, planes.duration, doubled, *pairs)


def _part(plane: np.ndarray, size: int, axis: int) -> np.ndarray:
    return plane[:size] if axis == 0 else plane[:, :size]
