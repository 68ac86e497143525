"""Decoded pictures as one sequence: kept in memory, or read anew at every use."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from hueshift_jax.data import sources
from hueshift_jax.data.sources import Found, Source
from hueshift_jax.errors import DataError

MOST_SKIPPED = 0.01
"""Part of the pictures that may be unreadable."""
FILM_FRAMES_APART = 24
"""Of a film, every such frame is a picture."""
_AHEAD = 256
_ASPECT = 1.5


class Skipped:
    """Pictures that could not be read: named, counted, and too many of them an error.

    total: pictures there are in all.
    """

    def __init__(self, total: int):
        self.names: list[str] = []
        self._total = total

    def add(self, name: str) -> None:
        """Notes one, once.

        Raises:
          DataError: these are more than one percent of all.
        """
        if name not in self.names:
            self.names.append(name)
            self.check()

    def check(self, total: int | None = None) -> None:
        """Raises if too many of `total` (what the constructor was told) are unreadable."""
        total = self._total if total is None else total
        if len(self.names) > MOST_SKIPPED * total:
            listed = ", ".join(self.names[:5]) + ", ..." * (len(self.names) > 5)
            raise DataError(
                f"{len(self.names)} of {total} pictures cannot be read ({listed}); at most 1 % "
                "may be: repair them, or list their names in exclude.csv"
            )


def open_pictures(
    where: str | Path, *, short_side: int = 160, limit: int = 0, memory_gb: float = 8.0
) -> "Pictures | ReadAnew":
    """The pictures of `where` (see `sources.find`), decoded once if they fit into memory.

    short_side: larger pictures are reduced to this.
    limit: at most this many pictures, 0 for all.
    memory_gb: what decoded pictures may take together, in 10^9 bytes.

    Raises:
      DataError: nothing to read, too much of it unreadable, or films that do not fit.
    """
    found, exclude = sources.find(where), sources.excluded(where)
    return opened(found, exclude, short_side=short_side, limit=limit, memory_gb=memory_gb)


def opened(
    found: Found,
    exclude: frozenset[str] = frozenset(),
    *,
    short_side: int,
    limit: int = 0,
    memory_gb: float = 8.0,
    part_of: int = 0,
) -> "Pictures | ReadAnew":
    """As `open_pictures`, of what was found already, without the names in `exclude`.

    part_of: how many pictures these are a small part of; of so many, one percent may be unreadable.
    """
    count = sum(name not in exclude for source in found.sources for name in source.names)
    count = min(count, limit) if limit else count
    if count * 3 * _ASPECT * short_side**2 <= memory_gb * 1e9:
        return Pictures(found, exclude, short_side=short_side, limit=limit, part_of=part_of)
    if found.films:
        raise DataError(
            "there are films beside more pictures than fit into memory; make one packed set of "
            "them with `hueshift pack`"
        )
    return ReadAnew(found.sources, exclude, short_side=short_side, limit=limit)


class Pictures(Sequence[np.ndarray]):
    """Pictures decoded once into memory: rgb_u8 (h, w, 3). Frames of films are among them.

    Attributes:
      skipped: what could not be read.

    Raises:
      DataError: no picture, or too many that cannot be read.
    """

    def __init__(
        self,
        found: Found,
        exclude: frozenset[str],
        *,
        short_side: int,
        limit: int = 0,
        part_of: int = 0,
    ):
        self._pictures: list[np.ndarray] = []
        self.skipped = Skipped(0)
        with ThreadPoolExecutor() as pool:
            for name, picture in _all(pool, found, exclude, short_side):
                if picture is None:
                    self.skipped.names.append(name)
                else:
                    self._pictures.append(picture)
                if limit and len(self._pictures) >= limit:
                    break
        if not self._pictures:
            raise DataError("there is no readable picture; expected pictures, films or shards")
        self.skipped.check(max(part_of, len(self._pictures) + len(self.skipped.names)))

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> np.ndarray:
        return self._pictures[index]


def _all(
    pool: ThreadPoolExecutor, found: Found, exclude: frozenset[str], short_side: int
) -> Iterator[tuple[str, np.ndarray | None]]:
    """Names and pictures in order, decoded ahead in threads; then the frames of the films."""
    wanted = (
        (source, index, name)
        for source in found.sources
        for index, name in enumerate(source.names)
        if name not in exclude
    )
    waiting: list = []
    for source, index, name in wanted:
        waiting.append((name, pool.submit(sources.decoded, source, index, short_side)))
        if len(waiting) >= _AHEAD:
            first, future = waiting.pop(0)
            yield first, future.result()
    for name, future in waiting:
        yield name, future.result()
    for film in found.films:
        if film.name not in exclude:
            yield from _frames(film, short_side)


def _frames(film: sources.Film, short_side: int) -> Iterator[tuple[str, np.ndarray | None]]:
    try:
        for number, frame in enumerate(film.frames(FILM_FRAMES_APART, short_side)):
            yield f"{film.name}:{number * FILM_FRAMES_APART}", frame
    except DataError:
        yield film.name, None


class ReadAnew(Sequence[np.ndarray]):
    """Pictures that are read and decoded at every use: rgb_u8 (h, w, 3).

    In place of one that cannot be read stands the next that can.

    Attributes:
      skipped: what could not be read so far.

    Raises:
      DataError: no picture, or, while reading, too many that cannot be read.
    """

    def __init__(
        self,
        found: Sequence[Source],
        exclude: frozenset[str] = frozenset(),
        *,
        short_side: int,
        limit: int = 0,
    ):
        places = (
            (number, index)
            for number, source in enumerate(found)
            for index, name in enumerate(source.names)
            if name not in exclude
        )
        self._places = np.array(list(itertools.islice(places, limit or None)), np.int32)
        if not len(self._places):
            raise DataError("there is no picture; expected pictures or shards of them")
        self._sources = tuple(found)
        self._short_side = short_side
        self.skipped = Skipped(len(self._places))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> np.ndarray:
        for offset in range(len(self)):
            number, place = self._places[(index + offset) % len(self)]
            source = self._sources[number]
            picture = sources.decoded(source, int(place), self._short_side)
            if picture is not None:
                return picture
            self.skipped.add(source.names[int(place)])
        raise DataError("there is no readable picture")
