"""Packed pictures: array_record shards of (name, one or more encoded pictures).

A record is its name's length, the name, and for each picture its length and its bytes; lengths
are little-endian 32-bit. A single picture and a clip are the same thing, one longer than the other.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from array_record.python.array_record_module import ArrayRecordReader

from hueshift_jax.errors import DataError

SUFFIX = ".array_record"
_LENGTH = struct.Struct("<I")


class Record(NamedTuple):
    """One packed thing: its name and its pictures, encoded."""

    name: str
    pictures: tuple[bytes, ...]


def pack(record: Record) -> bytes:
    """The bytes of a record."""
    parts = [record.name.encode(), *record.pictures]
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def unpack(content: bytes) -> Record:
    """The record of these bytes.

    Raises:
      DataError: they are none.
    """
    parts, place = [], 0
    while place < len(content):
        begin = place + _LENGTH.size
        if begin > len(content):
            raise DataError("a record ends in the middle of a length")
        (size,) = _LENGTH.unpack_from(content, place)
        place = begin + size
        if place > len(content):
            raise DataError("a record ends in the middle of a picture")
        parts.append(content[begin:place])
    if len(parts) < 2:
        raise DataError("a record holds no picture")
    return Record(parts[0].decode(errors="replace"), tuple(parts[1:]))


class Shard(Sequence[Record]):
    """The records of one file, read one by one at random; can be sent to other processes.

    Raises:
      DataError: no array_record file, or the record asked for is damaged.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self._reader = self._open()
        self._count = self._reader.num_records()
        if not self._reader.ok():
            raise DataError(f"{self.path} is no readable array_record file")

    def _open(self) -> ArrayRecordReader:
        try:
            return ArrayRecordReader(str(self.path), "readahead_buffer_size:0")
        except Exception as exc:  # the library raises whatever it finds
            raise DataError(f"{self.path} is no readable array_record file: {exc}") from exc

    def __len__(self) -> int:
        return self._count

    def content(self, index: int) -> bytes:
        """The bytes of a record."""
        if not 0 <= index < self._count:
            raise IndexError(f"record {index} of {self._count}")
        try:
            return self._reader.read([index])[0]
        except Exception as exc:  # the library raises whatever it finds
            raise DataError(f"record {index} of {self.path} is damaged: {exc}") from exc

    def __getitem__(self, index: int) -> Record:
        return unpack(self.content(index))

    def __getstate__(self) -> dict:
        return {"path": self.path}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["path"])
