"""The list of a film's shots beside its progress, and the one that a person gives instead."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from hueshift_jax.pipeline import durable
from hueshift_jax.pipeline.journal import Journal
from hueshift_jax.pipeline.shot_list import Row, ShotList, as_csv, read_shot_list
from hueshift_jax.pipeline.stored import StoredSegment
from hueshift_jax.video.probe import MediaInfo

FILE = "shots.csv"


class Asked(Protocol):
    """The options that matter here; see `film.ColorizeOptions`."""

    cuts: Path | None
    start_s: float | None


def shot_list_for(info: MediaInfo, asked: Asked) -> ShotList | None:
    """What a person says about the shots of a film; raises as `shot_list.read_shot_list`."""
    if asked.cuts is None:
        return None
    return read_shot_list(asked.cuts, info, from_start=not asked.start_s)


def write_shots(
    journal: Journal, segments: int, info: MediaInfo, *, from_start: bool = True
) -> str | None:
    """Lists all shots in the journal's folder, and says which were in color already.

    Raises:
      UnwritableMediaError: the disk could not take it.
    """
    rows = list(_rows(journal, segments))
    text = as_csv(rows, info, from_start=from_start)
    path = journal.folder / FILE
    if not path.exists() or path.read_bytes() != text.encode():
        durable.write(path, text.encode())
    return _news(sum(row.facts.kept for row in rows), len(rows))


def _news(kept: int, count: int) -> str | None:
    if not kept:
        return None
    if kept == count:
        return "The film is in color already and is kept; --keep-color no colors it."
    if kept == 1:
        return f"1 of {count} shots is in color already and is kept; --keep-color no colors it too."
    return (
        f"{kept} of {count} shots are in color already and are kept; "
        "--keep-color no colors them too."
    )


def _rows(journal: Journal, segments: int) -> Iterator[Row]:
    row = None
    done = 0
    for number in range(segments):
        segment = StoredSegment.load(journal.chroma_path(number))
        if row is None or segment.starts_shot:
            if row is not None:
                yield row
            row = Row(done, segment.pts[0], 0, segment.facts)
        row = replace(row, frames=row.frames + len(segment.pts))
        done += len(segment.pts)
    if row is not None:
        yield row
