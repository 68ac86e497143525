"""What a film, a folder of frames or a picture is, before any work is spent on it."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av

from hueshift_jax.errors import UnreadableMediaError, UnsupportedMediaError
from hueshift_jax.video.color import guess_color, picture_color
from hueshift_jax.video.frame import ColorSpec
from hueshift_jax.video.picture import is_picture, list_pictures, read_picture_rgb
from hueshift_jax.video.source import FOREIGN_ERRORS, check_source, open_source, translate_read

PICTURE_RATE = Fraction(24)
_PATIENCE = 100
_MAX_PIXELS = 2**28
_STATING = ("mov", "matroska", "avi")
_TAGGED_DURATION = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


@dataclass(frozen=True)
class StreamInfo:
    """One stream beside the picture: its index in the file, codec and language ("" if unsaid)."""

    index: int
    kind: str
    codec: str
    language: str


@dataclass(frozen=True)
class MediaInfo:
    """What `probe` found.

    width and height are coded pixels, before rotation; rotation is how far counter-clockwise the
    picture is to be turned for display: 0, 90, 180 or 270. start_pts is the first frame's, in
    time_base. `audio` streams are carried into the result, `other` ones are not. interlaced is
    that of the first frame. gray says that the source has no chroma planes. at_least_s is what a
    whole film must last by its own header; None where nothing is stated.
    """

    path: Path
    kind: Literal["film", "frames", "picture"]
    container: str
    width: int
    height: int
    rotation: int
    sample_aspect_ratio: Fraction
    time_base: Fraction
    start_pts: int
    average_rate: Fraction
    frame_count_estimate: int | None
    duration_s: float | None
    color: ColorSpec
    pix_fmt: str
    codec: str
    interlaced: bool
    audio: tuple[StreamInfo, ...]
    other: tuple[StreamInfo, ...]
    gray: bool
    at_least_s: float | None = None


def probe(path: Path, *, frames_rate: Fraction = PICTURE_RATE) -> MediaInfo:
    """Finds out what `path` is, decoding its first frame.

    Args:
      path: a film, a folder of pictures of one size, or one picture.
      frames_rate: frames per second of a folder of pictures.

    Raises:
      UnreadableMediaError: missing, empty, damaged beyond reading, without a frame, or a folder
        without pictures.
      UnsupportedMediaError: an address or playlist, sound only, or high dynamic range.
    """
    path = Path(path)
    if path.is_dir():
        return _probe_folder(path, Fraction(frames_rate))
    check_source(path)
    if is_picture(path):
        return _describe_pictures(path, "picture", [path], Fraction(frames_rate))
    return _probe_film(path)


def _probe_folder(path: Path, rate: Fraction) -> MediaInfo:
    pictures = list_pictures(path)
    if not pictures:
        raise UnreadableMediaError(
            f"The folder {path} holds no pictures (png, jpg, webp, tif, bmp)."
        )
    return _describe_pictures(path, "frames", pictures, rate)


def _describe_pictures(
    path: Path, kind: Literal["frames", "picture"], pictures: Sequence[Path], rate: Fraction
) -> MediaInfo:
    height, width = read_picture_rgb(pictures[0]).shape[:2]
    return MediaInfo(
        path=path,
        kind=kind,
        container=kind,
        width=width,
        height=height,
        rotation=0,
        sample_aspect_ratio=Fraction(1),
        time_base=1 / rate,
        start_pts=0,
        average_rate=rate,
        frame_count_estimate=len(pictures),
        duration_s=float(len(pictures) / rate),
        color=picture_color(height),
        pix_fmt="rgb24",
        codec=pictures[0].suffix.lower().lstrip("."),
        interlaced=False,
        audio=(),
        other=(),
        gray=False,
    )


def _probe_film(path: Path) -> MediaInfo:
    with open_source(path) as container:
        stream = main_video(container, path)
        try:
            frame = _first_frame(container, stream)
        except FOREIGN_ERRORS as error:
            raise translate_read(path, error) from error
        if frame is None:
            raise UnreadableMediaError(f"{path} holds no frame that can be decoded.")
        info = _describe(path, container, stream, frame)
    _refuse_hdr(info)
    return info


def main_video(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """The film itself: the first video stream that is no cover picture.

    Raises:
      UnsupportedMediaError: there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context:
            return stream
    kinds = sorted({stream.type for stream in container.streams})
    found = f"only {', '.join(kinds)}" if kinds else "nor anything else"
    raise UnsupportedMediaError(f"{path} has no moving picture, {found}.")


def _first_frame(
    container: av.container.InputContainer, stream: av.VideoStream
) -> av.VideoFrame | None:
    failures = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            failures += 1
            if failures >= _PATIENCE:
                return None
            continue
        if frames:
            return frames[0]
    return None


def _describe(
    path: Path,
    container: av.container.InputContainer,
    stream: av.VideoStream,
    frame: av.VideoFrame,
) -> MediaInfo:
    rate = _rate(stream)
    duration_s = _duration_s(container, stream)
    audio, other = _companions(container, stream)
    name = frame.format.name
    if frame.width * frame.height > _MAX_PIXELS:
        raise UnsupportedMediaError(
            f"{path} has frames of {frame.width}x{frame.height}, more than can be handled."
        )
    return MediaInfo(
        path=path,
        kind="film",
        container=container.format.name,
        width=frame.width,
        height=frame.height,
        rotation=round(frame.rotation) % 360,
        sample_aspect_ratio=_aspect(stream),
        time_base=Fraction(stream.time_base or 1 / rate),
        start_pts=_start(stream, frame),
        average_rate=rate,
        frame_count_estimate=_frame_count(stream, duration_s, rate),
        duration_s=duration_s,
        color=guess_color(stream.codec_context, frame),
        pix_fmt=name,
        codec=stream.codec_context.name,
        interlaced=bool(frame.interlaced_frame),
        audio=audio,
        other=other,
        gray=name.startswith(("gray", "mono", "ya")),
        at_least_s=_at_least_s(container, stream),
    )


def _rate(stream: av.VideoStream) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return Fraction(rate)
    return PICTURE_RATE


def _aspect(stream: av.VideoStream) -> Fraction:
    ratio = stream.sample_aspect_ratio
    return Fraction(ratio) if ratio and ratio > 0 else Fraction(1)


def _start(stream: av.VideoStream, frame: av.VideoFrame) -> int:
    for pts in (frame.pts, frame.dts, stream.start_time):
        if pts is not None:
            return pts
    return 0


def _duration_s(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    own_s = _own_duration_s(container, stream)
    if own_s is not None:
        return own_s
    if container.duration and container.duration > 0:
        return container.duration / av.time_base
    return None


def _own_duration_s(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    """What is said of this stream itself; Matroska says it in a tag.

    The library shortens the duration of an AVI that was cut off, but not its count of frames.
    """
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    match = _TAGGED_DURATION.fullmatch(stream.metadata.get("DURATION", ""))
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds) or None


def _at_least_s(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    """A little less than the stated length; much less where sound may be what lasts so long."""
    if not container.format.name.startswith(_STATING):
        return None
    duration_s = _duration_s(container, stream)
    if duration_s is None:
        return None
    own = _own_duration_s(container, stream) is not None
    frames_s = 2 / float(_rate(stream))
    return duration_s - max(0.1, frames_s) if own else 0.95 * duration_s - 1


def _frame_count(stream: av.VideoStream, duration_s: float | None, rate: Fraction) -> int | None:
    if stream.frames > 0:
        return stream.frames
    if duration_s is None:
        return None
    return max(1, round(duration_s * rate))


def _companions(
    container: av.container.InputContainer, video: av.VideoStream
) -> tuple[tuple[StreamInfo, ...], tuple[StreamInfo, ...]]:
    streams = [_stream_info(s) for s in container.streams if s.index != video.index]
    audio = tuple(s for s in streams if s.kind == "audio" and s.codec)
    return audio, tuple(s for s in streams if s not in audio)


def _stream_info(stream: av.stream.Stream) -> StreamInfo:
    context = stream.codec_context
    codec = context.name if context else ""
    return StreamInfo(stream.index, stream.type, codec, stream.language or "")


def _refuse_hdr(info: MediaInfo) -> None:
    names = {16: "PQ", 18: "HLG"}
    if info.color.transfer in names:
        raise UnsupportedMediaError(
            f"{info.path} is high dynamic range ({names[info.color.transfer]}), which is not "
            "handled; tone-map it to BT.709 first."
        )


def pts_at(info: MediaInfo, seconds: float) -> int:
    """The timestamp `seconds` after the first frame, rounded up to a tick."""
    exact = Fraction(seconds).limit_denominator(1_000_000) / info.time_base
    return info.start_pts + math.ceil(exact)
