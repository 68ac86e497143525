"""Where training pictures come from: folders, tar files, packed shards, films, TFDS.

A source knows its pictures by name without decoding them and gives each one's bytes at random.
Films are the exception: they can only be read from the front.
"""

import csv
import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from hueshift_jax.data.decode import SUFFIXES, decode
from hueshift_jax.data.records import SUFFIX as RECORDS
from hueshift_jax.data.records import Shard
from hueshift_jax.errors import DataError, MediaError
from hueshift_jax.video.color_frames import FILM_SUFFIXES, color_frames

TFDS = "tfds:"


class Source(Protocol):
    """Encoded pictures by number."""

    names: Sequence[str]

    def read(self, index: int) -> bytes:
        """The bytes of one picture file.

        Raises:
          DataError: they cannot be read.
        """
        ...


class Files:
    """Picture files below a folder; named by their paths from there."""

    def __init__(self, folder: Path, paths: Sequence[Path]):
        self._folder = folder
        self.names = [str(path.relative_to(folder)) for path in paths]

    def read(self, index: int) -> bytes:
        """The bytes of one file."""
        path = self._folder / self.names[index]
        try:
            return path.read_bytes()
        except OSError as exc:
            raise DataError(f"{path} cannot be read: {exc.strerror}") from exc


class Tar:
    """The pictures of one tar file, in place: its headers are read once, then only pictures."""

    def __init__(self, path: Path):
        self._path = path
        self._file: int | None = None
        try:
            with tarfile.open(path, "r:") as tar:
                members = [m for m in tar if m.isfile() and m.name.lower().endswith(SUFFIXES)]
        except (tarfile.TarError, OSError) as exc:
            raise DataError(f"{path} is no readable tar file: {exc}") from exc
        self.names = [member.name for member in members]
        self._places = [(member.offset_data, member.size) for member in members]
        size = path.stat().st_size
        if any(offset + length > size for offset, length in self._places):
            raise DataError(f"{path} is no readable tar file: it was cut off")

    def read(self, index: int) -> bytes:
        """The bytes of one member."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDONLY)
        offset, length = self._places[index]
        return os.pread(self._file, length, offset)

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_file": None}


class Packed:
    """The first pictures of the records of a packed shard."""

    def __init__(self, path: Path):
        self._shard = Shard(path)
        self.names = [f"{path.name}:{number}" for number in range(len(self._shard))]

    def read(self, index: int) -> bytes:
        """The bytes of one record's first picture."""
        return self._shard[index].pictures[0]


class Tfds:
    """Pictures of a prepared TensorFlow dataset, through its random-access source."""

    def __init__(self, name: str, folder: Path | None = None):
        try:
            import tensorflow_datasets as tfds
        except ImportError as exc:
            raise DataError(
                f"{TFDS}{name} needs tensorflow-datasets: pip install 'hueshift-jax[tfds]'"
            ) from exc
        name, _, split = name.partition(":")
        try:
            self._rows = tfds.data_source(
                name,
                split=split or "train",
                data_dir=folder,
                decoders={"image": tfds.decode.SkipDecoding()},
                download=False,
            )
        except Exception as exc:  # the library raises whatever it finds
            raise DataError(f"the dataset {name} cannot be opened: {exc}") from exc
        self.names = [f"{name}:{number}" for number in range(len(self._rows))]

    def read(self, index: int) -> bytes:
        """The bytes of one row's `image`."""
        return self._rows[index]["image"]


class Film(NamedTuple):
    """A film whose frames are pictures too, once somebody reads it from the front."""

    path: Path
    name: str

    def frames(self, every: int, short_side: int) -> Iterator[np.ndarray]:
        """Every n-th frame; a film that cannot be read gives none."""
        try:
            yield from color_frames(self.path, every=every, short_side=short_side)
        except MediaError as exc:
            raise DataError(str(exc)) from exc


class Found(NamedTuple):
    """What is in a folder: sources in the order of their names, and films."""

    sources: tuple[Source, ...]
    films: tuple[Film, ...]


def find(where: str | Path) -> Found:
    """Everything to train on in a folder of any depth, or in `tfds:NAME[:SPLIT]`.

    A file `exclude.csv` in the folder lists names (first column) that callers leave out.

    Raises:
      DataError: no such folder or dataset, a damaged tar file or shard, or nothing in it.
    """
    if str(where).startswith(TFDS):
        return Found((Tfds(str(where).removeprefix(TFDS)),), ())
    folder = Path(where).expanduser()
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; --data takes a folder of pictures")
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    sources: list[Source] = []
    loose: list[Path] = []
    for path in paths:
        suffix = path.suffix.lower()
        if suffix in SUFFIXES:
            loose.append(path)
            continue
        opened = {".tar": Tar, RECORDS: Packed}.get(suffix)
        if opened:
            sources += [Files(folder, loose)] * bool(loose)
            loose = []
            sources.append(opened(path))
    sources += [Files(folder, loose)] * bool(loose)
    films = [Film(p, str(p.relative_to(folder))) for p in paths if _is_film(p)]
    return Found(tuple(sources), tuple(films))


def _is_film(path: Path) -> bool:
    return path.suffix.lower() in FILM_SUFFIXES


def excluded(where: str | Path) -> frozenset[str]:
    """Names in the first column of the folder's `exclude.csv`, if there is one."""
    path = Path(where).expanduser() / "exclude.csv"
    if str(where).startswith(TFDS) or not path.is_file():
        return frozenset()
    with path.open(newline="", encoding="utf-8") as file:
        return frozenset(row[0] for row in csv.reader(file) if row)


def decoded(source: Source, index: int, short_side: int) -> np.ndarray | None:
    """One picture, or None if it cannot be read or decoded."""
    try:
        return decode(source.read(index), short_side)
    except DataError:
        return None
