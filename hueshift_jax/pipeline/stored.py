"""The stored chroma of one segment: a compressed numpy archive, checked when read."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hueshift_jax.pipeline import durable
from hueshift_jax.pipeline.facts import ShotFacts
from hueshift_jax.pipeline.frames import Chroma
from hueshift_jax.pipeline.progress import Segment

_DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class StoredSegment:
    """What is kept of a segment's frames.

    starts_shot says whether its first frame is the first of a shot; leaves are the arrays of the
    colorizer's memory after its last frame; facts are those of its shot.
    """

    starts_shot: bool
    pts: tuple[int, ...]
    chroma: tuple[Chroma, ...]
    leaves: tuple[np.ndarray, ...] = ()
    facts: ShotFacts = field(default_factory=ShotFacts)

    def save(self, path: Path) -> None:
        """Writes the segment; raises as `durable.write`."""
        memory = {f"memory_{place:03d}": leaf for place, leaf in enumerate(self.leaves)}
        file = io.BytesIO()
        np.savez_compressed(
            file,
            starts_shot=np.array(self.starts_shot),
            facts=np.array(json.dumps(self.facts.as_json())),
            pts=np.array(self.pts, np.int64),
            ab=np.stack([chroma.ab for chroma in self.chroma]),
            confidence=np.stack([chroma.confidence for chroma in self.chroma]),
            luma=np.stack([chroma.luma for chroma in self.chroma]),
            **memory,
        )
        durable.write(path, file.getvalue())

    @classmethod
    def load(cls, path: Path) -> "StoredSegment | None":
        """The segment at `path`; None if it is missing or damaged."""
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return cls._from(arrays)
        except _DAMAGED:
            return None

    @classmethod
    def _from(cls, arrays: dict[str, np.ndarray]) -> "StoredSegment":
        parts = zip(arrays["ab"], arrays["confidence"], arrays["luma"], strict=True)
        names = sorted(name for name in arrays if name.startswith("memory_"))
        return cls(
            starts_shot=bool(arrays["starts_shot"]),
            pts=tuple(int(time) for time in arrays["pts"]),
            chroma=tuple(Chroma(*part) for part in parts),
            leaves=tuple(arrays[name] for name in names),
            facts=_facts(arrays),
        )


def _facts(arrays: Mapping[str, np.ndarray]) -> ShotFacts:
    return ShotFacts.from_json(json.loads(str(arrays["facts"])))


def stored_facts(path: Path) -> ShotFacts | None:
    """The facts of the shot to which the segment at `path` belongs; None as `StoredSegment.load`.

    Nothing else of the segment is read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return _facts(file)
    except _DAMAGED:
        return None


def stored_segment(path: Path) -> Segment | None:
    """What is to be known of the segment at `path`; None if it is missing or damaged."""
    content = StoredSegment.load(path)
    if content is None:
        return None
    return Segment(len(content.pts), content.starts_shot, content.pts[0], content.pts[-1])
