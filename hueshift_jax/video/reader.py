"""Frames of a film, a folder or a picture, in order, whatever the file has suffered."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import av
import numpy as np

from hueshift_jax.errors import UnreadableMediaError, UnsupportedMediaError
from hueshift_jax.video.clock import Clock
from hueshift_jax.video.color import luma_depth
from hueshift_jax.video.frame import Frame, chroma_from_rgb
from hueshift_jax.video.picture import list_pictures, read_picture_rgb
from hueshift_jax.video.planes import frame_chroma, frame_luma, rgb_luma
from hueshift_jax.video.probe import MediaInfo, main_video, pts_at
from hueshift_jax.video.source import FOREIGN_ERRORS, open_source

_PATIENCE = 100
_SEEK_MARGIN_S = 1
_SEEK_FROM_S = 3
_SEEKABLE = ("mov", "matroska")


@dataclass
class Damage:
    """What was wrong with the source so far.

    undecodable_packets gave no frame (pictures of a folder count as packets); corrupt_frames were
    decoded with errors and are kept; repaired_timestamps were missing or did not increase;
    stopped_early says that reading ended because too much in a row failed; missing_s is by how
    much the film ends before the length that its header states.
    """

    undecodable_packets: int = 0
    corrupt_frames: int = 0
    repaired_timestamps: int = 0
    stopped_early: bool = False
    missing_s: float = 0.0

    def __bool__(self) -> bool:
        lost = self.undecodable_packets or self.stopped_early or self.missing_s
        return bool(lost or self.corrupt_frames)


class Reader:
    """Iterates over the frames of `info`; a context manager, to be iterated once.

    Args:
      info: what `probe` found.
      start_s: seconds after the first frame from which frames are wanted; they keep their pts and
        are numbered from 0.
      end_s: seconds after the first frame before which they are wanted.
      skip: so many wanted frames are decoded but not converted nor yielded; the frames that
        follow are those of an unskipped read, index and pts included.
      after_pts: the time of the last skipped frame, where it is known and no timestamp of a film
        needs repair; skipped frames are then left undecoded as far as possible.
      chroma: frames carry their own chroma planes too.

    Raises, while iterating:
      UnreadableMediaError: not a single frame could be decoded.
      UnsupportedMediaError: the size or depth changes on the way; the frames before it are
        yielded first.
    """

    def __init__(
        self,
        info: MediaInfo,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        skip: int = 0,
        after_pts: int | None = None,
        chroma: bool = False,
    ):
        self.damage = Damage()
        self._info = info
        self._chroma = chroma and not info.gray
        self._skip = skip
        self._after_pts = after_pts
        self._first_pts = -math.inf if not start_s else pts_at(info, start_s)
        self._end_pts = math.inf if end_s is None else pts_at(info, end_s)
        self._number = 0
        self._frames: Iterator[Frame] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file back; iterating ends."""
        if self._frames is not None:
            self._frames.close()

    def __iter__(self) -> Iterator[Frame]:
        if self._frames is None:
            film = self._info.kind == "film"
            self._frames = self._read_film() if film else self._read_pictures()
        return self._frames

    def _read_film(self) -> Iterator[Frame]:
        for pts, frame in self._wanted():
            self._check_same(frame, pts)
            index, self._number = self._number, self._number + 1
            if index >= self._skip:
                luma, excursion = frame_luma(frame, self._info.color)
                chroma = frame_chroma(frame, self._info.color) if self._chroma else None
                yield Frame(index, pts, frame.duration or 0, luma, excursion, chroma)

    def _wanted(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decoded frames within the trim, with repaired timestamps."""
        for pts, frame in self._timed():
            if pts >= self._end_pts:
                return
            if pts >= self._first_pts:
                yield pts, frame

    def _timed(self) -> Iterator[tuple[int, av.VideoFrame]]:
        clock = Clock(self._info.time_base, self._info.average_rate, self._info.start_pts)
        for frame in self._decoded():
            pts = frame.pts if frame.pts is not None else frame.dts
            yield (time := clock.next(pts, frame.duration or 0)), frame
            self.damage.repaired_timestamps = clock.repairs
        self.damage.missing_s = self._missing_s(time + (frame.duration or 0))

    def _missing_s(self, end_pts: int) -> float:
        """How much should have followed the last frame, which ends at `end_pts`."""
        info = self._info
        end_s = float((end_pts - min(0, info.start_pts)) * info.time_base)
        if info.at_least_s is None or end_s >= info.at_least_s:
            return 0.0
        return round(info.duration_s - end_s, 3)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        if self._after_pts is not None and self._may_seek(self._after_pts):
            frames = self._decode_from(self._after_pts)
            if self._pass(frames, self._after_pts):
                self._number = self._skip
                yield from frames
                return
        elif self._first_pts > -math.inf and self._may_seek(self._first_pts):
            frames = self._decode_from(self._first_pts)
            first = next(frames, None)
            if first is not None and first.pts is not None and first.pts <= self._first_pts:
                yield first
                yield from frames
                return
            frames.close()
        self.damage = Damage()
        yield from self._decode_from(None)

    def _may_seek(self, pts: int) -> bool:
        info = self._info
        far = (pts - info.start_pts) * info.time_base >= _SEEK_FROM_S
        return far and info.container.startswith(_SEEKABLE)

    def _pass(self, frames: Iterator[av.VideoFrame], last_pts: int) -> bool:
        """Takes frames up to the one at `last_pts`, and says whether it is among them."""
        for frame in frames:
            if frame.pts is None or frame.pts > last_pts:
                break
            if frame.pts == last_pts:
                return True
        frames.close()
        return False

    def _decode_from(self, pts: int | None) -> Iterator[av.VideoFrame]:
        """Frames from about a second before `pts` at the latest, or from the beginning."""
        path = self._info.path
        with open_source(path) as container:
            stream = main_video(container, path)
            stream.thread_type = "AUTO"
            if pts is not None:
                self._seek(container, stream, pts)
            found = False
            for frame in self._decode(container, stream):
                found = True
                self.damage.corrupt_frames += bool(frame.is_corrupt)
                yield frame
        if not found and pts is None:
            raise UnreadableMediaError(f"{path} holds no frame that can be decoded.")

    def _seek(
        self, container: av.container.InputContainer, stream: av.VideoStream, pts: int
    ) -> None:
        margin = math.ceil(_SEEK_MARGIN_S / self._info.time_base)
        try:
            container.seek(pts - margin, stream=stream)
        except av.FFmpegError:
            container.seek(0)

    def _decode(
        self, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Iterator[av.VideoFrame]:
        failures = 0
        for packet in self._packets(container, stream):
            try:
                frames = stream.decode(packet)
            except FOREIGN_ERRORS:
                failures += 1
                self.damage.undecodable_packets += 1
                if failures >= _PATIENCE:
                    self.damage.stopped_early = True
                    return
                continue
            failures = 0 if frames else failures
            yield from frames

    def _packets(
        self, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Iterator[av.Packet | None]:
        """Packets, reading on after errors; the last one, which flushes the decoder, is empty."""
        failures = 0
        while failures < _PATIENCE:
            try:
                for packet in container.demux(stream):
                    failures = 0
                    yield packet
                return
            except FOREIGN_ERRORS:
                failures += 1
                self.damage.undecodable_packets += 1
        self.damage.stopped_early = True
        yield None

    def _check_same(self, frame: av.VideoFrame, pts: int) -> None:
        info = self._info
        if (frame.width, frame.height) != (info.width, info.height):
            self._refuse_change(pts, f"{frame.width}x{frame.height}", f"{info.width}x{info.height}")
        depth = luma_depth(frame.format.name, frame.format.components[0].bits)
        if depth != info.color.bit_depth:
            self._refuse_change(pts, f"{depth} bits", f"{info.color.bit_depth} bits")

    def _refuse_change(self, pts: int, found: str, expected: str) -> None:
        time_s = float((pts - self._info.start_pts) * self._info.time_base)
        raise UnsupportedMediaError(
            f"{self._info.path} changes from {expected} to {found} at {time_s:.2f} s; "
            "cut the film there and process the parts one by one."
        )

    def _read_pictures(self) -> Iterator[Frame]:
        info = self._info
        pictures = [info.path] if info.kind == "picture" else list_pictures(info.path)
        wanted = [pts for pts in range(len(pictures)) if self._first_pts <= pts < self._end_pts]
        found = False
        for index, pts in enumerate(wanted):
            if self._is_skipped(index, pts):
                continue
            try:
                rgb = read_picture_rgb(pictures[pts])
            except UnreadableMediaError:
                self.damage.undecodable_packets += 1
                continue
            found = True
            self._check_picture(rgb, pts)
            chroma = chroma_from_rgb(rgb, info.color.matrix) if self._chroma else None
            yield Frame(index, pts, 1, *rgb_luma(rgb, info.color), chroma)
        if wanted and not found and not self._skip:
            raise UnreadableMediaError(f"{info.path} holds no picture that can be decoded.")

    def _is_skipped(self, index: int, pts: int) -> bool:
        """Of a picture, which keeps its number where others cannot be decoded."""
        return index < self._skip if self._after_pts is None else pts <= self._after_pts

    def _check_picture(self, rgb: np.ndarray, pts: int) -> None:
        height, width = rgb.shape[:2]
        info = self._info
        if (height, width) != (info.height, info.width):
            self._refuse_change(pts, f"{width}x{height}", f"{info.width}x{info.height}")
