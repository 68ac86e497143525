"""What of a job is done, and what is left to do."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from hueshift_jax.video.reader import Damage

FOREVER = 2**63 - 1
"""A time after every frame; its negative is before every frame."""

Mark = Callable[[int, int], str]
"""Stands for what a person gave for the frames from one time to another, both included; "" if
nothing was given there, nor then for any part of it."""


def unmarked(first_pts: int, last_pts: int) -> str:
    """The mark where a person gives nothing."""
    del first_pts, last_pts
    return ""


@dataclass(frozen=True)
class Seal:
    """What a person had given for a shot when a segment of it was encoded.

    mark stands for it. until is the shot's last time; None where that was not known yet, and the
    mark is that of everything from the shot's beginning on.
    """

    mark: str = ""
    until: int | None = None


@dataclass(frozen=True)
class Segment:
    """A segment with stored chroma: its frames, their first and last time; its seal if encoded."""

    frames: int
    starts_shot: bool
    first_pts: int
    last_pts: int
    seal: Seal | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Segment":
        """The inverse of `as_json`; raises KeyError or TypeError where values are missing."""
        names = "frames", "starts_shot", "first_pts", "last_pts"
        return cls(*(value[name] for name in names), Seal(**value["seal"]))


@dataclass(frozen=True)
class Stretch:
    """Segments without a gap that are to be encoded, up to the end of a shot.

    first and end number stored ones, end not included; goes_on says that the frames after them
    have no stored chroma yet, and are wanted too, to the end of the film.
    """

    first: int
    end: int
    goes_on: bool


@dataclass(frozen=True)
class Progress:
    """What of a job is done.

    segments are all with stored chroma, in order. complete says that they are all of the film;
    damage is then what was wrong with the source. changed counts the shots for which a person gave
    something else than before. note is a sentence to tell.
    """

    segments: tuple[Segment, ...] = ()
    complete: bool = False
    damage: Damage | None = None
    changed: int = 0
    note: str | None = None

    @property
    def frames(self) -> int:
        """All frames with stored chroma."""
        return self.frames_before(len(self.segments))

    @property
    def encoded_frames(self) -> int:
        """Frames that need not be encoded again."""
        return sum(segment.frames for segment in self.segments if segment.seal is not None)

    @property
    def continuing(self) -> str | None:
        """Where an interrupted job goes on, as a sentence; None where nothing is encoded."""
        done = self.encoded_frames
        if not done or self.changed:
            return None
        number = sum(1 for _ in itertools.takewhile(self._is_encoded, range(len(self.segments))))
        if self.frames_before(number) == done:
            return f"Continuing after frame {done}."
        return f"Continuing with what is missing; {done} frames are there."

    def frames_before(self, number: int) -> int:
        """Frames of all segments before this one."""
        return sum(segment.frames for segment in self.segments[:number])

    def shot_of(self, number: int) -> int:
        """The segment with which the shot begins to which this one, or what follows it, belongs."""
        stored = range(min(number, len(self.segments) - 1), 0, -1)
        return next((n for n in stored if self.segments[n].starts_shot), 0)

    def stretches(self) -> list[Stretch]:
        """What is to be encoded, in order."""
        count = len(self.segments)
        found = []
        for encoded, group in itertools.groupby(range(count), self._is_encoded):
            numbers = list(group)
            if not encoded:
                found.append(Stretch(numbers[0], numbers[-1] + 1, False))
        if self.complete:
            return found
        last = found.pop() if found and found[-1].end == count else Stretch(count, count, False)
        return [*found, replace(last, goes_on=True)]

    def _is_encoded(self, number: int) -> bool:
        return self.segments[number].seal is not None


def shots(segments: Sequence[Segment]) -> list[range]:
    """The numbers of each shot's segments."""
    starts = [n for n, segment in enumerate(segments) if segment.starts_shot or n == 0]
    return [range(*pair) for pair in itertools.pairwise([*starts, len(segments)])]


def checked(
    segments: Sequence[Segment], mark: Mark, *, complete: bool
) -> tuple[tuple[Segment, ...], int]:
    """The segments, without the seals of those to be encoded anew; how many shots have changed.

    A shot's encoded segments end where its seals do not agree with `mark`, or where one is not
    encoded: colors are smoothed over time, so the frames before depend on what follows.
    """
    kept: list[Segment] = []
    changed = 0
    found = shots(segments)
    for shot in found:
        part = [segments[number] for number in shot]
        ended = complete or shot is not found[-1]
        good = [_agrees(segment, part, mark, ended=ended) for segment in part]
        changed += any(s.seal is not None and not g for s, g in zip(part, good, strict=True))
        alive = sum(itertools.takewhile(bool, good))
        kept += part[:alive] + [replace(segment, seal=None) for segment in part[alive:]]
    return tuple(kept), changed


def _agrees(segment: Segment, shot: Sequence[Segment], mark: Mark, *, ended: bool) -> bool:
    """Whether a segment was encoded with what is given now."""
    seal = segment.seal
    if seal is None:
        return False
    until = seal.until
    if until is None:
        until = shot[-1].last_pts if ended and not seal.mark else FOREVER
    return mark(shot[0].first_pts, until) == seal.mark
