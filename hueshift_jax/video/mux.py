"""Joining encoded segments and the source's own sound into the finished film."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from hueshift_jax.errors import MediaError, UnwritableMediaError
from hueshift_jax.video.containers import container_for, format_of
from hueshift_jax.video.files import sync, unwritable
from hueshift_jax.video.probe import MediaInfo, StreamInfo, main_video, pts_at
from hueshift_jax.video.sound import Sound
from hueshift_jax.video.source import open_source
from hueshift_jax.video.timeline import Timeline, open_segment, plan, segment_packets

CAN_WRITE_ROTATION = hasattr(av.VideoStream, "set_display_rotation")
"""Whether the installed library can mark a film as turned; if not, turn the pixels instead."""

_MOVIE_TICKS_PER_S = 90_000
_MAX_TIMESCALE = 2**31 - 1
_FILE_FACTS = frozenset(
    ["major_brand", "minor_version", "compatible_brands", "encoder", "duration"]
)
_STREAM_FACTS = frozenset(["encoder", "vendor_id", "duration", "handler_name", "timecode"])


@dataclass(frozen=True)
class _Job:
    """One film to write; origin is the source tick that becomes zero."""

    info: MediaInfo
    output: Path
    timeline: Timeline
    origin: int
    start_s: float | None
    end_s: float | None

    @property
    def trimmed(self) -> bool:
        return bool(self.start_s) or self.end_s is not None


def assemble(
    segments: Sequence[Path],
    info: MediaInfo,
    output: Path,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
) -> list[str]:
    """Writes the film: the segments' pictures in order, untouched, and the source's sound.

    Timestamps are the source's, within one tick of the container. If start_s is given, everything
    is moved earlier by it; a film that starts before zero is moved to zero. Sound is copied packet
    by packet, in step with the picture, and trimmed to the range. Rotation, pixel shape,
    languages, dispositions and tags are kept. On return the file is on the disk.

    Returns:
      Lines to tell the person, such as which streams could not be carried.

    Raises:
      UnsupportedMediaError: the container cannot hold a stream.
      UnwritableMediaError: no frames, no folder, no permission, no space, segments of different
        encodings, or the finished file is not whole.
      UnreadableMediaError: the source has gone.
    """
    output = Path(output)
    container_for(info, output)
    try:
        job = _plan_job(segments, info, output, start_s, end_s)
        misfits = _write(job, segments)
        sync(output)
        _check_whole(job)
    except MediaError:
        raise
    except (av.FFmpegError, OSError) as error:
        raise unwritable(output, error) from error
    return _remarks(job, misfits)


def _plan_job(
    segments: Sequence[Path],
    info: MediaInfo,
    output: Path,
    start_s: float | None,
    end_s: float | None,
) -> _Job:
    timeline = plan(segments, info)
    moved = pts_at(info, start_s) - info.start_pts if start_s else 0
    origin = moved + min(0, min(timeline.pts) - moved)
    return _Job(info, output, timeline, origin, start_s, end_s)


def _write(job: _Job, segments: Sequence[Path]) -> list[StreamInfo]:
    """Writes the file; returns the sound tracks that no container can hold."""
    with ExitStack() as stack:
        first = stack.enter_context(open_segment(segments[0]))
        sink = stack.enter_context(_open_sink(job))
        video = _add_video(sink, first.streams.video[0], job)
        sound, misfits = None, []
        if job.info.kind == "film":
            source = stack.enter_context(open_source(job.info.path))
            _copy_description(job, source, sink, video)
            copies, misfits = _add_tracks(job, source, sink)
            sound = _sound(job, source, copies) if copies else None
        _mux_all(job, segments, sink, video, sound)
    return misfits


def _open_sink(job: _Job) -> av.container.OutputContainer:
    name = format_of(job.output)
    return av.open(os.path.abspath(job.output), "w", format=name, options=_options(job, name))


def _options(job: _Job, name: str) -> dict[str, str]:
    if name == "matroska":
        return {}
    ticks = job.info.time_base.denominator
    options = {"movflags": "+faststart"}
    if ticks <= _MAX_TIMESCALE // 2:
        movie_ticks = ticks * -(-_MOVIE_TICKS_PER_S // ticks)
        options["video_track_timescale"] = str(ticks)
        options["movie_timescale"] = str(movie_ticks)
    return options


def _add_video(
    sink: av.container.OutputContainer, template: av.VideoStream, job: _Job
) -> av.VideoStream:
    stream = sink.add_stream_from_template(template, opaque=True)
    stream.time_base = job.info.time_base
    stream.codec_context.framerate = job.info.average_rate
    if job.info.rotation and CAN_WRITE_ROTATION:
        stream.set_display_rotation(job.info.rotation)
    return stream


def _copy_description(
    job: _Job,
    source: av.container.InputContainer,
    sink: av.container.OutputContainer,
    video: av.VideoStream,
) -> None:
    sink.metadata.update(_without(source.metadata, _FILE_FACTS))
    _describe_stream(main_video(source, job.info.path), video)
    if not job.trimmed:
        sink.set_chapters(source.chapters())


def _describe_stream(source: av.stream.Stream, copy: av.stream.Stream) -> None:
    copy.metadata.update(_without(source.metadata, _STREAM_FACTS))
    copy.disposition = source.disposition


def _without(metadata: dict[str, str], facts: frozenset[str]) -> dict[str, str]:
    """Tags that say what the film is, without those that count or measure the file."""
    return {
        key: value
        for key, value in metadata.items()
        if key.lower() not in facts
        and not key.upper().startswith(("_STATISTICS", "NUMBER_OF_", "BPS", "DURATION"))
    }


def _add_tracks(
    job: _Job, source: av.container.InputContainer, sink: av.container.OutputContainer
) -> tuple[dict[int, av.stream.Stream], list[StreamInfo]]:
    copies, misfits = {}, []
    for track in job.info.audio:
        template = source.streams[track.index]
        try:
            copies[track.index] = sink.add_stream_from_template(template)
        except ValueError:
            misfits.append(track)
            continue
        _describe_stream(template, copies[track.index])
    return copies, misfits


def _sound(
    job: _Job, source: av.container.InputContainer, copies: dict[int, av.stream.Stream]
) -> Sound:
    info, tick_s = job.info, job.info.time_base
    start_s = pts_at(info, job.start_s) * tick_s if job.start_s else None
    end_s = pts_at(info, job.end_s) * tick_s if job.end_s is not None else None
    return Sound(source, copies, origin_s=job.origin * tick_s, start_s=start_s, end_s=end_s)


def _mux_all(
    job: _Job,
    segments: Sequence[Path],
    sink: av.container.OutputContainer,
    video: av.VideoStream,
    sound: Sound | None,
) -> None:
    for packet, time_s in _video_packets(job, segments, video):
        if sound is not None:
            sink.mux(sound.until(time_s))
        sink.mux(packet)
    if sound is not None:
        for packet in sound.rest():
            sink.mux(packet)


def _video_packets(
    job: _Job, segments: Sequence[Path], video: av.VideoStream
) -> Iterator[tuple[av.Packet, Fraction]]:
    """Packets ready for the muxer, with their decoding times in seconds."""
    time_base = job.info.time_base
    decoding = iter(job.timeline.dts)
    for path in segments:
        for pts, packet in segment_packets(path, time_base):
            dts = next(decoding) - job.origin
            packet.stream = video
            packet.time_base = time_base
            packet.pts = pts - job.origin
            packet.dts = dts
            packet.duration = job.timeline.durations[pts]
            yield packet, dts * time_base


def _check_whole(job: _Job) -> None:
    """Looks at the finished file's count of pictures, or at its end where it states none."""
    with open_source(job.output) as container:
        stream = main_video(container, job.output)
        count = len(job.timeline.pts)
        whole = stream.frames == count if stream.frames else _reaches_end(job, container, stream)
    if not whole:
        raise UnwritableMediaError(
            f"{job.output} is not whole after writing: {count} frames were expected; "
            "check the disk."
        )


def _reaches_end(job: _Job, container: av.container.InputContainer, stream: av.VideoStream) -> bool:
    last = round((job.timeline.last - job.origin) * job.info.time_base / stream.time_base)
    container.seek(last, stream=stream)
    times = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
    return bool(times) and max(times) >= last - 1


def _remarks(job: _Job, misfits: Sequence[StreamInfo]) -> list[str]:
    lines = [
        f"Not carried over: {_name(track)}, which {job.output.suffix} cannot hold."
        for track in misfits
    ]
    lines += [f"Not carried over: {_name(stream)}." for stream in job.info.other]
    if job.info.rotation and not CAN_WRITE_ROTATION:
        lines.append("The mark that the film is turned could not be written.")
    return lines


def _name(stream: StreamInfo) -> str:
    facts = ", ".join(fact for fact in (stream.codec, stream.language) if fact)
    return f"{stream.kind} stream #{stream.index}" + (f" ({facts})" if facts else "")
