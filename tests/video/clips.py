"""Small films for tests, made on the spot."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from hueshift_jax.video.frame import Frame, Planes
from hueshift_jax.video.probe import MediaInfo, probe
from hueshift_jax.video.reader import Reader
from hueshift_jax.video.writer import Encoding, SegmentWriter, assemble, container_for

LOSSLESS = Encoding(preset="ultrafast", lossless=True, threads=1)
FAST = Encoding(preset="ultrafast", threads=1)


def pattern(index: int, height: int, width: int, bits: int = 8) -> np.ndarray:
    """Luma codes of a moving gradient within limited range."""
    y, x = np.mgrid[:height, :width]
    codes = 16 + (3 * x + 2 * y + 7 * index) % 220
    step = 2 ** (bits - 8)
    return (codes * step + (x + y) % step).astype(np.uint8 if bits == 8 else np.uint16)


def video_frame(luma: np.ndarray, pix_fmt: str, chroma: int | None = None) -> av.VideoFrame:
    """A frame with this luma and flat chroma."""
    height, width = luma.shape
    frame = av.VideoFrame(width, height, pix_fmt)
    neutral = 2 ** (frame.format.components[0].bits - 1) if chroma is None else chroma
    for index, plane in enumerate(frame.planes):
        rows = np.frombuffer(plane, luma.dtype).reshape(plane.height, -1)
        rows[:] = neutral
        if index == 0:
            rows[:, :width] = luma
    return frame


def write_film(
    path: Path,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = (48, 64),
    times: Sequence[int] | int = 10,
    time_base: Fraction = Fraction(1, 25),
    rate: Fraction = Fraction(25),
    options: dict[str, str] | None = None,
    tags: tuple[int, int, int, int] | None = None,
    aspect: Fraction | None = None,
    rotation: int = 0,
    sounds: Iterable[str] = (),
    sound_s: float | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Writes a film; `times` are pts, or a count; tags are range, primaries, transfer, matrix."""
    times = range(times) if isinstance(times, int) else times
    with av.open(str(path), "w", options=container_options or {}) as sink:
        stream = sink.add_stream(
            codec, rate=rate, width=size[1], height=size[0], time_base=time_base
        )
        stream.options = dict(options or _default_options(codec))
        context = stream.codec_context
        context.pix_fmt = pix_fmt
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        if tags is not None:
            _tag(context, tags)
        tracks = [_add_sound(sink, name, place) for place, name in enumerate(sounds)]
        end_s = sound_s if sound_s is not None else float((max(times) + 1) * time_base)
        sound = [packet for track in tracks for packet in _sound_packets(track, end_s)]
        for packet in itertools.chain(_video_packets(stream, times, time_base, tags), sound):
            sink.mux(packet)
    return path


def _default_options(codec: str) -> dict[str, str]:
    if codec == "libx264":
        return {"preset": "ultrafast", "qp": "0"}
    return {"cpu-used": "8", "deadline": "realtime"} if codec == "libvpx-vp9" else {}


def _tag(thing: av.VideoFrame | av.VideoCodecContext, tags: tuple[int, int, int, int]) -> None:
    thing.color_range, thing.color_primaries, thing.color_trc, thing.colorspace = tags


def _video_packets(stream, times, time_base, tags):
    context = stream.codec_context
    for index, pts in enumerate(times):
        bits = av.VideoFormat(context.pix_fmt).components[0].bits
        luma = pattern(index, context.height, context.width, bits)
        frame = video_frame(luma, context.pix_fmt)
        frame.pts, frame.time_base = pts, time_base
        if tags is not None:
            _tag(frame, tags)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _add_sound(sink: av.container.OutputContainer, codec: str, place: int) -> av.AudioStream:
    stream = sink.add_stream(codec, rate=48000, bit_rate=128_000)
    stream.metadata["language"] = ("eng", "deu", "fra")[place]
    return stream


def _sound_packets(stream: av.AudioStream, end_s: float):
    context = stream.codec_context
    context.open()
    size = context.frame_size or 1024
    rng = np.random.default_rng(0)
    name = context.format.name
    for start in range(0, int(end_s * 48000), size):
        count = size * (1 if name.endswith("p") else 2)
        noise = rng.uniform(-0.2, 0.2, (2 if name.endswith("p") else 1, count))
        samples = _samples(noise, name)
        frame = av.AudioFrame.from_ndarray(samples, format=name, layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _samples(noise: np.ndarray, name: str) -> np.ndarray:
    if name.startswith("flt"):
        return noise.astype(np.float32)
    return (noise * 30000).astype(np.int32 if name.startswith("s32") else np.int16)


def neutral_planes(frame: Frame, info: MediaInfo) -> Planes:
    """The frame with gray chroma."""
    height, width = frame.luma.shape
    neutral = 128 if frame.luma.dtype == np.uint8 else 2 ** (info.color.bit_depth - 1)
    chroma = np.full((-(-height // 2), -(-width // 2)), neutral, frame.luma.dtype)
    return Planes(frame.pts, frame.duration, frame.luma, chroma, chroma)


def write_segment(
    path: Path, info: MediaInfo, frames: Iterable[Frame], encoding: Encoding = LOSSLESS
) -> Path:
    """Encodes gray frames."""
    with SegmentWriter(path, info, encoding) as writer:
        for frame in frames:
            writer.write(neutral_planes(frame, info))
    return path


def read_all(path: Path, **trim: float) -> tuple[MediaInfo, list[Frame]]:
    """A film's facts and frames."""
    info = probe(path)
    with Reader(info, **trim) as reader:
        return info, list(reader)


def recolor(
    path: Path,
    folder: Path,
    *,
    suffix: str | None = None,
    encoding: Encoding = LOSSLESS,
    split: int | None = None,
    info: MediaInfo | None = None,
    **trim: float,
) -> Path:
    """Takes a film through reader, writer and assembly, in gray; `split` frames per segment."""
    info = info or probe(path)
    segments = []
    with Reader(info, **trim) as reader:
        for group in _groups(list(reader), split):
            segment = folder / f"{len(segments):04}.nut"
            segments.append(write_segment(segment, info, group, encoding))
    output = folder / f"result{suffix or container_for(info, None)[0]}"
    assemble(segments, info, output, **trim)
    return output


def _groups(frames: list[Frame], size: int | None) -> list[list[Frame]]:
    size = size or max(1, len(frames))
    return [frames[i : i + size] for i in range(0, len(frames), size)]


def times_s(info: MediaInfo, frames: Iterable[Frame]) -> list[Fraction]:
    """When frames are shown."""
    return [frame.pts * info.time_base for frame in frames]


def packets(path: Path, kind: str) -> list[tuple[int, bytes, Fraction]]:
    """(stream, bytes, time) of every packet of a kind; streams numbered among their kind."""
    with av.open(str(path)) as source:
        streams = [s for s in source.streams if s.type == kind]
        order = {stream.index: place for place, stream in enumerate(streams)}
        found = [
            (order[p.stream_index], bytes(p), p.pts * p.time_base)
            for p in source.demux()
            if p.size and p.stream_index in order
        ]
    return sorted(found, key=lambda item: (item[0], item[2]))


def with_color(info: MediaInfo, **changes) -> MediaInfo:
    """`info` with another color."""
    return replace(info, color=replace(info.color, **changes))
