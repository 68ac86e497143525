"""Lists of shots: the one that a person gives, and the one that is written beside the progress.

A line per shot. Without a header a line holds the number of the shot's first frame, counted from
0, or its time (12.5 or 0:00:12.500), or number and time. With a header the columns `first_frame`,
`time` and `color` are read and all others ignored; the number counts where there is one. `color`
is `kept` or `colored`, or empty where that is to be found out.
"""

import bisect
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hueshift_jax.errors import UsageError
from hueshift_jax.pipeline.facts import ShotFacts
from hueshift_jax.video.frame import Frame
from hueshift_jax.video.probe import MediaInfo, pts_at

HEADER = ("shot", "first_frame", "time", "frames", "found", "color")

_COLORS = {"kept": True, "colored": False, "": None}
_FRAME_NAMES = ("first_frame", "frame", "first_frame_of_new_shot")
_NUMBER = re.compile(r"\d{1,9}")
_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)s?")
_ROUNDING_S = 0.0005


@dataclass(frozen=True)
class Entry:
    """Where a shot begins: at a frame's number, or at a time; `kept` is what is said of colors."""

    frame: int | None
    time_s: float | None
    kept: bool | None = None


class ShotList:
    """The beginnings of shots as a person gives them.

    Args:
      entries: in order.
      info: the film.
      from_start: whether frames are counted from the film's beginning, and not from that of a
        part; in a part, numbers become times.
    """

    def __init__(self, entries: Sequence[Entry], info: MediaInfo, *, from_start: bool = True):
        self._entries = tuple(entries)
        self._frames: dict[int, Entry] = {}
        timed: list[tuple[int, Entry]] = []
        for entry in entries:
            if entry.frame is not None and (from_start or info.kind != "film"):
                self._frames[entry.frame] = entry
            else:
                seconds = _seconds(entry, info, by_time=True)
                timed.append((pts_at(info, max(0.0, seconds - _ROUNDING_S)), entry))
        timed.sort(key=lambda pair: pair[0])
        self._times = [pts for pts, _ in timed]
        self._timed = [entry for _, entry in timed]

    def begins(self, frame: Frame, before_pts: int) -> bool:
        """Whether a shot begins at `frame`; before_pts is the time of the frame before it."""
        return self._entry(frame, before_pts) is not None

    def kept(self, frame: Frame, before_pts: int | None) -> bool | None:
        """What is said of the colors of the shot that begins at `frame`; None if nothing is."""
        entry = self._entry(frame, -(2**63) if before_pts is None else before_pts)
        return None if entry is None else entry.kept

    def digest(self) -> str:
        """Stands for all that is given."""
        return hashlib.sha256(repr(self._entries).encode()).hexdigest()[:16]

    def _entry(self, frame: Frame, before_pts: int) -> Entry | None:
        if frame.index in self._frames:
            return self._frames[frame.index]
        place = bisect.bisect_right(self._times, frame.pts)
        if place and self._times[place - 1] > before_pts:
            return self._timed[place - 1]
        return None


def read_shot_list(path: Path, info: MediaInfo, *, from_start: bool = True) -> ShotList:
    """The list in a file, checked against its film.

    Raises:
      UsageError: the file cannot be read, a line says nothing, or starts do not rise or lie beyond
        the film.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"The list of shots {path} cannot be read: {reason}.") from error
    entries = list(_parsed(text, path))
    if not entries:
        raise UsageError(f"{path} names no shot; give the first frame or the time of each.")
    latest = -1.0
    for line, entry in entries:
        seconds = _seconds(entry, info)
        if seconds <= latest:
            raise UsageError(
                f"{path}, line {line}: this shot does not begin after the one before it; "
                "list shots in the order of the film."
            )
        latest = seconds
        _check_within(entry, info, f"{path}, line {line}")
    return ShotList([entry for _, entry in entries], info, from_start=from_start)


def _parsed(text: str, path: Path) -> Iterable[tuple[int, Entry]]:
    rows = csv.reader(io.StringIO(text), skipinitialspace=True)
    columns = None
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if columns is None:
            columns = _columns(cells)
            if columns:
                continue
            columns = {}
        where = f"{path}, line {rows.line_num}"
        yield rows.line_num, _named(cells, columns, where) if columns else _plain(cells, where)


def _columns(cells: Sequence[str]) -> dict[str, int]:
    """The places of the columns that are read; none where the cells are no header."""
    names = [cell.lower().replace(" ", "_") for cell in cells]
    names = ["frame" if name in _FRAME_NAMES else name for name in names]
    found = {n: names.index(n) for n in ("frame", "time", "color") if n in names}
    return found if {"frame", "time"} & found.keys() else {}


def _named(cells: Sequence[str], columns: dict[str, int], where: str) -> Entry:
    cell = {n: cells[place] for n, place in columns.items() if place < len(cells)}
    color = cell.get("color", "").lower()
    if color not in _COLORS:
        raise UsageError(f"{where}: {color!r} is no color; write kept, colored or nothing.")
    frame = _frame(cell["frame"], where) if cell.get("frame") else None
    time_s = _time(cell["time"], where) if cell.get("time") else None
    if frame is None and time_s is None:
        raise UsageError(f"{where}: neither a first frame nor a time is given.")
    return Entry(frame, time_s, _COLORS[color])


def _plain(cells: Sequence[str], where: str) -> Entry:
    if len(cells) > 2:
        raise UsageError(
            f"{where}: {len(cells)} columns need a header with first_frame or time among them."
        )
    if len(cells) == 2:
        return Entry(_frame(cells[0], where), _time(cells[1], where))
    if _NUMBER.fullmatch(cells[0]):
        return Entry(int(cells[0]), None)
    return Entry(None, _time(cells[0], where))


def _frame(text: str, where: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise UsageError(f"{where}: {text!r} is not the number of a frame.")
    return int(text)


def _time(text: str, where: str) -> float:
    match = _TIME.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{where}: {text!r} is neither a frame's number nor a time as 0:01:02.500."
        )
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds


def _seconds(entry: Entry, info: MediaInfo, *, by_time: bool = False) -> float:
    """When an entry begins; numbers are converted by the film's average rate."""
    if entry.frame is None or (by_time and entry.time_s is not None):
        return entry.time_s
    return float(entry.frame / info.average_rate)


def _check_within(entry: Entry, info: MediaInfo, where: str) -> None:
    count = info.frame_count_estimate
    if entry.frame is not None and count is not None and entry.frame >= count:
        raise UsageError(
            f"{where}: frame {entry.frame} lies beyond the film, which has {count} frames."
        )
    if entry.frame is None and info.duration_s is not None and entry.time_s >= info.duration_s:
        raise UsageError(
            f"{where}: {clock(entry.time_s)} lies beyond the film, "
            f"which ends at {clock(info.duration_s)}."
        )


def clock(seconds: float) -> str:
    """h:mm:ss.mmm."""
    thousandths = round(1000 * seconds)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


@dataclass(frozen=True)
class Row:
    """One shot of a film: its first frame's number and time, its length, its facts."""

    first_frame: int
    first_pts: int
    frames: int
    facts: ShotFacts


def as_csv(rows: Iterable[Row], info: MediaInfo, *, from_start: bool = True) -> str:
    """The list as `read_shot_list` reads it; numbers are left out in a part of a film."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    for number, row in enumerate(rows, start=1):
        seconds = float((row.first_pts - info.start_pts) * info.time_base)
        first = row.first_frame if from_start or info.kind != "film" else ""
        color = "kept" if row.facts.kept else "colored"
        writer.writerow([number, first, clock(seconds), row.frames, row.facts.found, color])
    return file.getvalue()
