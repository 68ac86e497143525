"""The stored progress of one job, in a folder beside its result.

    job.json             what is colored, with which settings, and what became of it
    chroma-000012.npz    what the network said of the frames of one segment
    seg-000012.nut       the segment, encoded
    seg-000012.ok        says that the segment is whole: frames, times, mark, checksums
    lock                 who is at work

A segment is a run of frames of one shot, at most 250 long. It counts once its `.ok` is there;
encoders are started anew for each, so a job that was interrupted and continued gives the same
bytes as one that was not. Chroma is kept after the job is done. Where a person has given colors,
encoded segments are kept too, each with a mark of what was given for its shot: when that
changes, only this shot is encoded again.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from hueshift_jax.pipeline import durable
from hueshift_jax.pipeline.facts import ShotFacts
from hueshift_jax.pipeline.frames import Chroma
from hueshift_jax.pipeline.lock import Lock
from hueshift_jax.pipeline.progress import Mark, Progress, Seal, Segment, checked, shots, unmarked
from hueshift_jax.pipeline.stored import StoredSegment, stored_facts, stored_segment
from hueshift_jax.video.files import unwritable
from hueshift_jax.video.reader import Damage

FORMAT = 3
"""Raised when journals of earlier versions can no longer be continued."""
SUFFIX = ".hueshift"
OF_SHOTS = ("cuts", "keep-color")
"""The names of the network's settings that say where shots begin and which keep their colors."""

_DRAFTS = ("*" + durable.DRAFT, "*" + durable.DRAFT + ".*")

Settings = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What decides the result; plain JSON values.

    source identifies the input; network is all that decides what the network says; appearance is
    what is decided after it, for all shots alike; given is the mark of all that a person gave.
    """

    source: Settings
    network: Settings
    appearance: Settings
    given: str = ""


def folder_for(output: Path) -> Path:
    """The journal's folder of a result."""
    return output.with_name(output.name + SUFFIX)


class Journal:
    """A job's folder, locked while the context is open.

    Raises, on entering:
      JournalError: another process works on it.
      UnwritableMediaError: the folder cannot be made.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._lock = Lock(folder / "lock")
        self._state: Settings = {}

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        self._lock.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove(*_DRAFTS)
        if not self._state.get("output") and not any(self.folder.glob("chroma-*")):
            self._remove("job.json")
        self._lock.__exit__(kind, error, trace)
        with contextlib.suppress(OSError):
            self.folder.rmdir()  # succeeds only if nothing was stored

    def begin(self, job: Job, *, mark: Mark = unmarked, fresh: bool = False) -> Progress:
        """Finds what can be kept for `job`, deletes the rest, and notes the job.

        Args:
          job: what is to be done.
          mark: stands for what a person gives for a shot.
          fresh: keep nothing.
        """
        state = durable.read_json(self.folder / "job.json") or {}
        wanted = {"format": FORMAT, **asdict(job)}
        self._remove(*_DRAFTS)
        note = None if fresh else _difference(state, wanted)
        if fresh or note is not None or not state:
            self._remove("chroma-*", "seg-*", "side-*", "job.json")
            state = {}
        elif state["appearance"] != wanted["appearance"]:
            note = "The colors are made anew from the stored chroma."
            self._remove("seg-*", "side-*")
        self._state = {**state, **wanted}
        self._save()
        return self._progress(mark, note)

    def _progress(self, mark: Mark, note: str | None) -> Progress:
        found: list[Segment] = []
        while (segment := self._found(len(found))) is not None:
            found.append(segment)
        self._remove_from(len(found))
        total = self._state.get("total", {})
        count = len(found), sum(segment.frames for segment in found)
        complete = count == (total.get("segments"), total.get("frames"))
        kept, changed = checked(found, mark, complete=complete)
        for number, segment in enumerate(kept):
            if segment.seal is None:
                self._remove(f"seg-{number:06d}.*", f"side-{number:06d}.*")
        damage = Damage(**total["damage"]) if complete else None
        note = note or self._news(kept, changed, complete)
        return Progress(kept, complete, damage, changed, note)

    def _news(self, kept: Sequence[Segment], changed: int, complete: bool) -> str | None:
        """What becomes of the shots because of what a person gives, as a sentence."""
        if changed:
            have = "has changed and is" if changed == 1 else "have changed and are"
            return f"{changed} of {len(shots(kept))} shots {have} made anew."
        encoded = any(segment.seal is not None for segment in kept)
        if self._state["given"] and complete and not encoded:
            return "All shots are encoded once more; from now on only those that change."
        return None

    def _found(self, number: int) -> Segment | None:
        """A stored segment, with its seal if it is encoded; None if it is not stored."""
        return self._verified(number) or stored_segment(self.chroma_path(number))

    def _verified(self, number: int) -> Segment | None:
        """An encoded segment all of whose files are whole."""
        confirmed = durable.read_json(self._path("seg", number, "ok"))
        if confirmed is None:
            return None
        try:
            sums = {n: durable.checksum(self.folder / n) for n in confirmed["checksums"]}
            segment = Segment.from_json(confirmed)
        except (OSError, KeyError, TypeError):
            return None
        return segment if sums == confirmed["checksums"] else None

    def chroma_path(self, number: int) -> Path:
        """Where a segment's chroma is."""
        return self._path("chroma", number, "npz")

    def segment_path(self, number: int, kind: str = "seg") -> Path:
        """Where an encoded segment is; kind "side" is its side-by-side companion."""
        return self._path(kind, number, "nut")

    def _path(self, kind: str, number: int, suffix: str) -> Path:
        return self.folder / f"{kind}-{number:06d}.{suffix}"

    def draft_path(self, number: int, kind: str = "seg") -> Path:
        """Where to write an encoded segment before `confirm`."""
        path = self.segment_path(number, kind)
        return path.with_name(path.name + durable.DRAFT)

    def confirm(self, number: int, segment: Segment, kinds: tuple[str, ...]) -> None:
        """Takes a segment's drafts over.

        Raises:
          UnwritableMediaError: the disk could not take it.
        """
        paths = [self.segment_path(number, kind) for kind in kinds]
        try:
            for kind, path in zip(kinds, paths, strict=True):
                durable.commit(self.draft_path(number, kind), path)
            files = [self.chroma_path(number), *paths]
            sums = {path.name: durable.checksum(path) for path in files}
        except OSError as error:
            raise unwritable(self.folder, error) from error
        value = {**segment.as_json(), "checksums": sums}
        durable.write_json(self._path("seg", number, "ok"), value)

    def seal(self, numbers: range, seal: Seal) -> None:
        """Notes the mark of a whole shot with those of its segments that were encoded before.

        Raises:
          UnwritableMediaError: the disk could not take it.
        """
        for number in numbers:
            path = self._path("seg", number, "ok")
            confirmed = durable.read_json(path)
            if confirmed["seal"]["mark"] and confirmed["seal"]["until"] is None:
                durable.write_json(path, {**confirmed, "seal": asdict(seal)})

    def completed(self, segments: int, frames: int, damage: Damage) -> None:
        """Notes that the chroma of all frames is stored, and what was wrong with the source."""
        total = {"segments": segments, "frames": frames, "damage": asdict(damage)}
        if self._state.get("total") != total:
            self._state["total"] = total
            self._save()

    def about_to_replace(self, draft: Path) -> None:
        """Notes what the result will look like, before it gets its name."""
        self._state["pending"] = {**_stamp(draft), "settings": self._settings()}
        self._save()

    def finished(self) -> None:
        """Notes that the result has its name.

        Gives the segments' space back, unless a person is at work on the shots.
        """
        self._state["output"] = self._state.pop("pending")
        self._save()
        if not self._state["given"]:
            self._remove("seg-*", "side-*")

    def encoded_bytes(self) -> int:
        """Size of all encoded segments."""
        return sum(path.stat().st_size for path in self.folder.glob("seg-*.nut"))

    def _settings(self) -> Settings:
        return {name: self._state[name] for name in ("source", "network", "appearance", "given")}

    def _save(self) -> None:
        durable.write_json(self.folder / "job.json", self._state)

    def stored(self, numbers: range) -> Iterator[tuple[int, Chroma, bool, ShotFacts]]:
        """Time and stored chroma of each frame, whether it begins a shot, the facts of its shot."""
        for number in numbers:
            segment = StoredSegment.load(self.chroma_path(number))
            for place, known in enumerate(zip(segment.pts, segment.chroma, strict=True)):
                yield *known, segment.starts_shot and place == 0, segment.facts

    def facts(self, number: int) -> ShotFacts:
        """The facts of the shot to which segment `number` belongs."""
        return stored_facts(self.chroma_path(number)) or ShotFacts()

    def before(self, number: int, count: int) -> tuple[list[Chroma], tuple[np.ndarray, ...]]:
        """Chroma of up to `count` frames before segment `number`, back to their shot's beginning.

        Returns:
          The chroma in order, and the arrays of the colorizer's memory after the last frame.
        """
        history: list[Chroma] = []
        leaves: tuple[np.ndarray, ...] = ()
        for earlier in reversed(range(number)):
            segment = StoredSegment.load(self.chroma_path(earlier))
            leaves = leaves if history else segment.leaves
            history = [*segment.chroma, *history]
            if segment.starts_shot or len(history) >= count:
                break
        return history[-count:], leaves

    def _remove(self, *patterns: str) -> None:
        for pattern in patterns:
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

    def _remove_from(self, number: int) -> None:
        for kind in ("chroma", "seg", "side"):
            for path in self.folder.glob(f"{kind}-*"):
                if path.stem.partition("-")[2] >= f"{number:06d}":
                    path.unlink(missing_ok=True)


def _difference(state: Settings, wanted: Settings) -> str | None:
    """Why stored progress cannot be used, as a sentence; None if it can, or there is none."""
    if not state:
        return None
    if state.get("format") != wanted["format"]:
        return "The stored progress is of another version; starting anew."
    if state.get("source") != wanted["source"]:
        return "The input has changed since; starting anew."
    if state.get("network") != wanted["network"]:
        names = [n for n, v in wanted["network"].items() if state["network"].get(n) != v]
        return f"Other settings than before ({', '.join(names)}); starting anew."
    return None


def outcome(folder: Path, output: Path, job: Job) -> str:
    """How an existing `output` relates to the journal in `folder`.

    Returns:
      "same": it is the untouched result of this very job. "ours": it is the untouched result of
      this journal with another appearance, other colors given, or other shots. "foreign": anything
      else.
    """
    state = durable.read_json(folder / "job.json") or {}
    for name in ("output", "pending"):
        record = state.get(name)
        if record and all(record.get(k) == v for k, v in _stamp(output).items()):
            made = record.get("settings", {})
            if made == asdict(job):
                return "same"
            if made.get("source") == job.source and _asked(made.get("network", {})) == _asked(
                job.network
            ):
                return "ours"
    return "foreign"


def _asked(network: Settings) -> Settings:
    """The settings without what a person says about the shots."""
    return {name: value for name, value in network.items() if name not in OF_SHOTS}


def _stamp(path: Path) -> dict[str, int]:
    found = os.stat(path)
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns}


def free_bytes(folder: Path) -> int:
    """Space left for files in `folder`."""
    return shutil.disk_usage(folder).free
