"""When each encoded picture is decoded, shown and replaced, over all segments."""

import itertools
import math
import os
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from hueshift_jax.errors import UnwritableMediaError
from hueshift_jax.video.probe import MediaInfo, main_video
from hueshift_jax.video.source import FOREIGN_ERRORS, open_source

SHIFT_KEY = "pts_shift"
"""A segment's metadata: ticks added to its timestamps, which its format needs non-negative."""

_SEEK_MARGIN_S = 2


@dataclass(frozen=True)
class Timeline:
    """Timestamps of all packets in decoding order, in ticks of the source's time base.

    durations belong to pts: each picture lasts until the next one is shown.
    """

    pts: tuple[int, ...]
    dts: tuple[int, ...]
    durations: dict[int, int]

    @property
    def last(self) -> int:
        """The timestamp of the picture shown last."""
        return max(self.pts)


def plan(segments: Sequence[Path], info: MediaInfo) -> Timeline:
    """The timeline of the segments, read from their packets.

    Raises:
      UnwritableMediaError: no pictures, or segments that do not follow one another.
    """
    _check_settings(segments)
    pts = [time for path in segments for time, _ in segment_packets(path, info.time_base)]
    shown = sorted(pts)
    if not shown:
        raise UnwritableMediaError("There is no encoded frame to write.")
    if len(set(shown)) != len(shown):
        raise UnwritableMediaError("Two encoded frames have the same time; encode the film anew.")
    steps = [after - before for before, after in itertools.pairwise(shown)]
    usual = round(statistics.median(steps)) if steps else _nominal_step(info)
    steps.append(_last_duration(info, shown[-1]) or usual)
    return Timeline(tuple(pts), _decoding_times(pts, shown, usual), dict(zip(shown, steps)))


def _check_settings(segments: Sequence[Path]) -> None:
    """The parameter sets are written once, for all segments."""
    settings = set()
    for path in segments:
        with open_segment(path) as container:
            settings.add(container.streams.video[0].codec_context.extradata)
    if len(settings) > 1:
        raise UnwritableMediaError(
            "The segments were encoded with different settings; encode the film anew."
        )


def open_segment(path: Path) -> av.container.InputContainer:
    """Opens an encoded segment.

    Raises:
      UnwritableMediaError: it is missing or damaged.
    """
    try:
        return av.open(os.path.abspath(path), format="nut")
    except FOREIGN_ERRORS as error:
        raise UnwritableMediaError(f"The segment {path} is damaged; encode it anew.") from error


def segment_packets(path: Path, time_base: Fraction) -> Iterator[tuple[int, av.Packet]]:
    """The packets of one segment with their presentation times in ticks of `time_base`."""
    with open_segment(path) as container:
        stream = container.streams.video[0]
        shift = int(container.metadata.get(SHIFT_KEY, 0))
        for packet in container.demux(stream):
            if packet.size:
                yield round(packet.pts * stream.time_base / time_base) - shift, packet


def _nominal_step(info: MediaInfo) -> int:
    return max(1, round(1 / (info.average_rate * info.time_base)))


def _decoding_times(pts: Sequence[int], shown: Sequence[int], step: int) -> tuple[int, ...]:
    """Increasing times, none later than its picture's showing.

    The n-th decoded picture gets the n-th shown picture's time, delayed by the largest number of
    places by which any picture is shown before its turn. Segments are encoded with delays of
    their own, which need not fit one another where frame durations vary.
    """
    rank = {time: place for place, time in enumerate(shown)}
    delay = max(place - rank[time] for place, time in enumerate(pts))
    lead = [shown[0] - step * (delay - place) for place in range(delay)]
    return tuple(lead) + tuple(shown[: len(shown) - delay])


def _last_duration(info: MediaInfo, pts: int) -> int | None:
    """How long the source says its frame at `pts` is shown."""
    if info.kind != "film":
        return None
    margin = math.ceil(_SEEK_MARGIN_S / info.time_base)
    with open_source(info.path) as container:
        stream = main_video(container, info.path)
        try:
            container.seek(pts - margin, stream=stream)
            for packet in container.demux(stream):
                if packet.pts == pts:
                    return packet.duration or None
        except av.FFmpegError:
            return None
    return None
