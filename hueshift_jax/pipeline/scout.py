"""A first look over a film: when its frames are, and where its shots begin."""

import bisect
import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from hueshift_jax.pipeline import durable, events
from hueshift_jax.pipeline.frames import View, look
from hueshift_jax.pipeline.shot_list import ShotList
from hueshift_jax.pipeline.shots import split
from hueshift_jax.video.frame import Frame
from hueshift_jax.video.prefetch import prefetch
from hueshift_jax.video.probe import MediaInfo
from hueshift_jax.video.reader import Reader

_FILE = "layout.json"
_AHEAD = 8


@dataclass(frozen=True)
class Part:
    """A film, or the part of it that is colored.

    size is the working size; shots is a person's own list of shots.
    """

    info: MediaInfo
    size: tuple[int, int]
    start_s: float | None = None
    end_s: float | None = None
    shots: ShotList | None = None

    def look(self, frame: Frame) -> View:
        """What the network would see of a frame."""
        return look(frame, self.info.color, self.info.rotation, self.size)


@dataclass(frozen=True)
class Layout:
    """Times of all frames, in order, and the numbers of those that begin shots.

    sound says that the film could be read without any repair.
    """

    pts: tuple[int, ...]
    starts: tuple[int, ...]
    sound: bool

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict`; raises KeyError or TypeError."""
        return cls(tuple(value["pts"]), tuple(value["starts"]), value["sound"])

    def shot_of(self, number: int) -> range:
        """The numbers of the frames of the shot that has this one."""
        place = bisect.bisect_right(self.starts, number)
        first = self.starts[place - 1] if place else 0
        return range(first, self.starts[place] if place < len(self.starts) else len(self.pts))

    def nearest(self, pts: int) -> int:
        """The number of the frame whose time is nearest, of two the earlier one."""
        place = bisect.bisect_left(self.pts, pts)
        around = range(max(0, place - 1), min(len(self.pts), place + 1))
        return min(around, key=lambda number: abs(self.pts[number] - pts))

    def number_of(self, pts: int) -> int | None:
        """The number of the frame of this time, if there is one."""
        place = bisect.bisect_left(self.pts, pts)
        return place if place < len(self.pts) and self.pts[place] == pts else None


def known_layout(
    part: Part,
    folder: Path,
    identity: dict[str, Any],
    *,
    tell: events.Listener = lambda event: None,
) -> Layout:
    """The layout, from an earlier look if `folder` has it; raises as `scout`.

    Args:
      part: the film.
      folder: where layouts are kept.
      identity: what tells the film from others.
      tell: called with a note if the film has to be read.
    """
    asked = {"film": identity, "size": part.size, "trim": [part.start_s, part.end_s]}
    asked["shots"] = part.shots and part.shots.digest()
    asked = {name: list(v) if isinstance(v, tuple) else v for name, v in asked.items()}
    stored = durable.read_json(folder / _FILE) or {}
    if stored.get("asked") == asked:
        with contextlib.suppress(KeyError, TypeError):
            return Layout.from_json(stored["layout"])
    tell(events.Note("A first look over the film finds its shots."))
    layout = scout(part)
    durable.write_json(folder / _FILE, {"asked": asked, "layout": asdict(layout)})
    return layout


def scout(part: Part) -> Layout:
    """Reads the film once.

    Raises:
      UnreadableMediaError, UnsupportedMediaError: from the reader.
    """
    pts: list[int] = []
    starts: list[int] = []
    with Reader(part.info, start_s=part.start_s, end_s=part.end_s) as reader:
        views = prefetch(map(part.look, reader), _AHEAD)
        with contextlib.closing(views):
            for shot in split(views, given=part.shots):
                starts.append(len(pts))
                pts.extend(view.frame.pts for view in shot.views)
        damage = reader.damage
    return Layout(tuple(pts), tuple(starts), not damage and not damage.repaired_timestamps)


def frames_of(part: Part, layout: Layout, shot: range) -> Iterator[Frame]:
    """The frames of one shot."""
    info = part.info
    after = None
    if shot.start and (layout.sound or info.kind != "film"):
        after = layout.pts[shot.start - 1]
    trim = {"start_s": part.start_s, "end_s": part.end_s}
    with Reader(info, skip=shot.start, after_pts=after, **trim) as reader:
        yield from itertools.islice(reader, len(shot))
