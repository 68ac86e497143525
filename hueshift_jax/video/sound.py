"""The source's sound tracks, packet by packet and unchanged, in step with the picture."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

import av

from hueshift_jax.video.clock import JUMP_S
from hueshift_jax.video.source import FOREIGN_ERRORS

_PATIENCE = 100


class Sound:
    """Packets for the output's sound tracks, in the order of the source file.

    Args:
      source: the open source.
      copies: the output stream for each copied stream of the source, by its index.
      origin_s: the source time that becomes zero.
      start_s, end_s: source times outside of which packets are left out.
    """

    def __init__(
        self,
        source: av.container.InputContainer,
        copies: Mapping[int, av.stream.Stream],
        *,
        origin_s: Fraction,
        start_s: Fraction | None,
        end_s: Fraction | None,
    ):
        self._source = source
        self._copies = copies
        self._origin_s = origin_s
        self._start_s = start_s
        self._end_s = end_s
        self._latest: dict[int, int] = {}
        self._offsets: dict[int, int] = {}
        self._packets = self._prepared()
        self._next: tuple[av.Packet, Fraction] | None = next(self._packets, None)

    def until(self, time_s: Fraction) -> list[av.Packet]:
        """The packets up to the output time `time_s` that were not handed out before."""
        due = []
        while self._next is not None and self._next[1] <= time_s:
            due.append(self._next[0])
            self._next = next(self._packets, None)
        return due

    def rest(self) -> Iterator[av.Packet]:
        """The packets not handed out so far."""
        while self._next is not None:
            yield self._next[0]
            self._next = next(self._packets, None)

    def _prepared(self) -> Iterator[tuple[av.Packet, Fraction]]:
        for packet in self._demuxed():
            if packet.dts is None or not packet.size:
                continue
            index = packet.stream_index
            self._continue_after_jump(packet, index)
            if packet.dts > self._latest.get(index, packet.dts - 1):
                self._latest[index] = packet.dts
                if self._wanted(packet):
                    yield self._moved(packet, index)

    def _continue_after_jump(self, packet: av.Packet, index: int) -> None:
        """Where recordings were joined and time falls back, the sound goes on, as frames do."""
        offset, latest = self._offsets.get(index, 0), self._latest.get(index)
        jump = JUMP_S / packet.time_base
        if latest is not None and packet.dts + offset < latest - jump:
            offset = self._offsets[index] = latest + max(1, packet.duration or 0) - packet.dts
        packet.dts += offset
        if packet.pts is not None:
            packet.pts += offset

    def _demuxed(self) -> Iterator[av.Packet]:
        """Reads on after errors, like a player."""
        tracks = [self._source.streams[index] for index in self._copies]
        failures = 0
        while failures < _PATIENCE:
            try:
                for packet in self._source.demux(tracks):
                    failures = 0
                    yield packet
                return
            except FOREIGN_ERRORS:
                failures += 1

    def _wanted(self, packet: av.Packet) -> bool:
        time = packet.dts if packet.pts is None else packet.pts
        begin_s = time * packet.time_base
        end_s = begin_s + (packet.duration or 0) * packet.time_base
        before = self._start_s is not None and end_s <= self._start_s
        after = self._end_s is not None and begin_s >= self._end_s
        return not (before or after)

    def _moved(self, packet: av.Packet, index: int) -> tuple[av.Packet, Fraction]:
        time_base = packet.time_base
        ticks = round(self._origin_s / time_base)
        packet.stream = self._copies[index]
        packet.time_base = time_base
        packet.dts -= ticks
        if packet.pts is not None:
            packet.pts -= ticks
        return packet, packet.dts * time_base
