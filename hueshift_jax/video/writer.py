"""Encoding: H.264 segments that stand alone and keep every timestamp."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np

from hueshift_jax.video.containers import container_for
from hueshift_jax.video.files import sync, unwritable
from hueshift_jax.video.frame import Planes, enlarge_chroma, plane_depth, requantize
from hueshift_jax.video.mux import CAN_WRITE_ROTATION, assemble
from hueshift_jax.video.probe import MediaInfo
from hueshift_jax.video.timeline import SHIFT_KEY

__all__ = ["CAN_WRITE_ROTATION", "Encoding", "SegmentWriter", "assemble", "container_for"]

_CHROMA_LOCATION = {"left": 0, "center": 1, "topleft": 2}


@dataclass(frozen=True)
class Encoding:
    """How frames are encoded.

    crf: constant rate factor of x264; 0 best, 51 worst, 17 about transparent.
    preset: x264's name for a balance of time and size.
    lossless: every code value is kept (up to 10 bits); crf is then ignored.
    threads: of the encoder. One, because with several the bytes can depend, if rarely, on how the
      threads are scheduled, and a resumed film is to equal an uninterrupted one. Decoding,
      networks and encoding run side by side all the same.
    """

    crf: int = 17
    preset: str = "veryfast"
    lossless: bool = False
    threads: int = 1


class SegmentWriter:
    """Encodes consecutive frames into one self-contained NUT file; a context manager.

    The first frame is an IDR, groups of pictures are closed, and nothing depends on other
    segments, so that segments written by different runs join into the same film. Frames are
    4:2:0, 8 bits, or 10 bits when lossless and the source has more than 8. H.264 cannot crop
    4:2:0 to odd sizes, so those are encoded as 4:4:4.

    Raises, on entering, writing and leaving:
      UnwritableMediaError: no folder, no permission, no space, or the encoder refuses.
    """

    def __init__(self, path: Path, info: MediaInfo, encoding: Encoding):
        self._path = Path(path)
        self._info = info
        self._encoding = encoding
        self._depth = 10 if encoding.lossless and info.color.bit_depth > 8 else 8
        self._full_chroma = bool(info.width % 2 or info.height % 2)
        self._shift = 0
        self._container: av.container.OutputContainer | None = None
        self._stream: av.VideoStream | None = None
        self.frames = 0

    def __enter__(self) -> Self:
        return self

    def write(self, planes: Planes) -> None:
        """Encodes one frame; its pts must exceed that of the frame before.

        Raises:
          UnwritableMediaError: as said of the class.
          ValueError: the planes do not have the film's size.
        """
        _check_shapes(planes, self._info.height, self._info.width)
        try:
            if self._stream is None:
                self._open(planes.pts)
            self._mux(self._picture(planes))
            self.frames += 1
        except (av.FFmpegError, OSError) as error:
            self._discard()
            raise unwritable(self._path, error) from error

    def close(self) -> None:
        """Flushes the encoder and makes the file durable."""
        if self._container is None:
            return
        try:
            self._mux(None)
            self._container.close()
            self._container = None
            sync(self._path)
        except (av.FFmpegError, OSError) as error:
            self._discard()
            raise unwritable(self._path, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._discard()

    def _discard(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(av.FFmpegError, OSError):
                container.close()

    def _open(self, first_pts: int) -> None:
        self._shift = max(0, -first_pts)
        self._container = av.open(
            os.path.abspath(self._path),
            "w",
            format="nut",
            options={"avoid_negative_ts": "disabled"},
        )
        self._container.metadata[SHIFT_KEY] = str(self._shift)
        self._stream = self._container.add_stream(
            "libx264",
            rate=self._info.average_rate,
            width=self._info.width,
            height=self._info.height,
            time_base=self._info.time_base,
            options=self._options(),
        )
        self._configure(self._stream.codec_context)

    def _options(self) -> dict[str, str]:
        encoding = self._encoding
        quality = {"qp": "0"} if encoding.lossless else {"crf": str(encoding.crf)}
        location = _CHROMA_LOCATION[self._info.color.siting]
        return {
            "preset": encoding.preset,
            "x264-params": f"chromaloc={location}:open-gop=0",
            **quality,
        }

    def _configure(self, context: av.VideoCodecContext) -> None:
        color = self._info.color
        context.pix_fmt = self._pix_fmt
        context.thread_type = "FRAME"
        context.thread_count = self._encoding.threads
        context.color_range = 2 if color.full_range else 1
        context.color_primaries = color.primaries
        context.color_trc = color.transfer
        context.colorspace = color.matrix_tag
        context.sample_aspect_ratio = self._info.sample_aspect_ratio

    @property
    def _pix_fmt(self) -> str:
        base = "yuv444p" if self._full_chroma else "yuv420p"
        return base if self._depth == 8 else f"{base}10le"

    def _picture(self, planes: Planes) -> av.VideoFrame:
        height, width = self._info.height, self._info.width
        chroma = [self._coded(planes.cb), self._coded(planes.cr)]
        if self._full_chroma:
            chroma = [self._enlarged(plane) for plane in chroma]
        frame = av.VideoFrame(width, height, self._pix_fmt)
        for plane, codes in zip(frame.planes, [self._coded(planes.luma), *chroma], strict=True):
            _fill(plane, codes)
        frame.pts = planes.pts + self._shift
        frame.time_base = self._info.time_base
        self._tag(frame)
        return frame

    def _tag(self, frame: av.VideoFrame) -> None:
        color = self._info.color
        frame.color_range = 2 if color.full_range else 1
        frame.color_primaries = color.primaries
        frame.color_trc = color.transfer
        frame.colorspace = color.matrix_tag

    def _coded(self, codes: np.ndarray) -> np.ndarray:
        color = self._info.color
        bits = plane_depth(codes, color)
        return requantize(codes, bits, self._depth, full_range=color.full_range)

    def _enlarged(self, codes: np.ndarray) -> np.ndarray:
        info = self._info
        smooth = enlarge_chroma(codes, info.height, info.width, info.color.siting)
        return np.floor(smooth + 0.5).astype(codes.dtype)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)


def _check_shapes(planes: Planes, height: int, width: int) -> None:
    chroma = (-(-height // 2), -(-width // 2))
    if planes.luma.shape != (height, width) or {planes.cb.shape, planes.cr.shape} != {chroma}:
        raise ValueError(
            f"Planes of {planes.luma.shape}, {planes.cb.shape} and {planes.cr.shape} were handed "
            f"over for frames of {(height, width)} with chroma {chroma}."
        )


def _fill(plane: av.video.plane.VideoPlane, codes: np.ndarray) -> None:
    """Copies codes into a plane whose rows may be padded."""
    height, width = codes.shape
    rows = np.frombuffer(plane, codes.dtype).reshape(height, -1)
    rows[:, :width] = codes
