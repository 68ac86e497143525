"""What is packed as one: a picture, or all frames of a film or of a folder of numbered frames."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from hueshift_jax.data import sources
from hueshift_jax.data.decode import decode, reduce
from hueshift_jax.data.keyframes import keyframes
from hueshift_jax.data.records import Record
from hueshift_jax.data.sources import Film, Source
from hueshift_jax.errors import DataError
from hueshift_jax.video.cuts import with_cuts

_SEQUENCE_WEIGHT = 50


class Settings(Protocol):
    """The part of a packing's configuration that units read."""

    short_side: int
    quality: int
    clip: int
    every: int
    keyframes: bool


class Unit(Protocol):
    """Something that gives records.

    name: what it is called if it cannot be read.
    weight: about how many pictures it is.
    identity: of the file or files behind it, without reading them.
    """

    name: str
    weight: int
    identity: str

    def records(self, settings: Settings) -> Iterator[Record]:
        """Its records.

        Raises:
          DataError: it cannot be read.
        """
        ...


@dataclass(frozen=True)
class Picture:
    """One picture of a source."""

    source: Source
    index: int
    weight: int = 1

    @property
    def name(self) -> str:
        """As its source calls it."""
        return self.source.names[self.index]

    identity = name

    def records(self, settings: Settings) -> Iterator[Record]:
        """One, with the picture's own bytes if they are a small enough JPEG."""
        content = self.source.read(self.index)
        picture = decode(content)
        if picture is None:
            raise DataError(f"{self.name} cannot be decoded")
        small = min(picture.shape[:2]) <= settings.short_side
        if not (small and content.startswith(b"\xff\xd8")):
            content = encode(reduce(picture, settings.short_side), settings.quality)
        yield Record(self.name, (content,))


@dataclass(frozen=True)
class FilmUnit:
    """A film."""

    film: Film
    weight: int = _SEQUENCE_WEIGHT

    @property
    def name(self) -> str:
        """Its path from the folder that is packed."""
        return self.film.name

    identity = name

    def records(self, settings: Settings) -> Iterator[Record]:
        """Single frames, keyframes or clips, as the settings say."""
        every = settings.every if not (settings.clip or settings.keyframes) else 1
        frames = self.film.frames(every, settings.short_side)
        yield from _of_frames(self.name, frames, settings, every)


@dataclass(frozen=True)
class FolderUnit:
    """A folder of numbered frames, as `video/00000.jpg`."""

    source: Source
    indices: tuple[int, ...]
    name: str
    weight: int = _SEQUENCE_WEIGHT

    @property
    def identity(self) -> str:
        """Its name and how many frames it has."""
        return f"{self.name}:{len(self.indices)}"

    def records(self, settings: Settings) -> Iterator[Record]:
        """Keyframes or clips, as the settings say."""
        yield from _of_frames(self.name, self._frames(settings.short_side), settings, 1)

    def _frames(self, short_side: int) -> Iterator[np.ndarray]:
        for index in self.indices:
            picture = decode(self.source.read(index), short_side)
            if picture is None:
                raise DataError(f"{self.source.names[index]} cannot be decoded")
            yield picture


def find(where: str, *, whole_sequences: bool) -> list[Unit]:
    """The units of `where`, those named in its `exclude.csv` left out.

    whole_sequences: folders of numbered frames are units, and lone pictures are not.

    Raises:
      DataError: as `sources.find`.
    """
    found, exclude = sources.find(where), sources.excluded(where)
    units: list[Unit] = []
    for source in found.sources:
        wanted = [n for n, name in enumerate(source.names) if name not in exclude]
        units += (
            _folders(source, wanted) if whole_sequences else [Picture(source, n) for n in wanted]
        )
    return units + [FilmUnit(film) for film in found.films if film.name not in exclude]


def _folders(source: Source, wanted: Sequence[int]) -> Iterator[FolderUnit]:
    numbered = [n for n in wanted if Path(source.names[n]).stem.isdecimal()]
    numbered.sort(key=lambda n: (_folder(source, n), int(Path(source.names[n]).stem)))
    for folder, group in itertools.groupby(numbered, lambda n: _folder(source, n)):
        indices = tuple(group)
        if len(indices) > 1:
            yield FolderUnit(source, indices, folder)


def _folder(source: Source, index: int) -> str:
    return str(Path(source.names[index]).parent)


def _of_frames(
    name: str, frames: Iterator[np.ndarray], settings: Settings, every: int
) -> Iterator[Record]:
    def record(number: int, *pictures: np.ndarray) -> Record:
        encoded = (encode(picture, settings.quality) for picture in pictures)
        return Record(f"{name}:{number}", tuple(encoded))

    if settings.clip:
        for number, clip in _clips(frames, settings.clip):
            yield record(number, *clip)
    elif settings.keyframes:
        whole = list(frames)
        for number in keyframes(frame[..., ::-1] for frame in whole):
            yield record(number, whole[number])
    else:
        for number, frame in enumerate(frames):
            yield record(number * every, frame)


def _clips(frames: Iterator[np.ndarray], length: int) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Consecutive runs of `length` frames that no cut divides, and the number of their first."""
    clip: list[np.ndarray] = []
    for number, (frame, starts) in enumerate(with_cuts(frames)):
        if starts:
            clip = []
        clip.append(frame)
        if len(clip) == length:
            yield number + 1 - length, clip
            clip = []


def encode(rgb_u8: np.ndarray, quality: int) -> bytes:
    """A JPEG without reduced chroma."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    return cv2.imencode(".jpg", np.ascontiguousarray(rgb_u8[..., ::-1]), options)[1].tobytes()
