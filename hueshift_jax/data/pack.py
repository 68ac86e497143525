"""Packing: pictures, films and folders of frames become shards that are read at random.

    OUT/shard-00000.array_record   records, see `data.records`
    OUT/shard-00000.json           their names and checksums, and what the shard was made from
    OUT/manifest.json              all shards; written last

Each shard is made by itself, in a process of its own, and appears whole or not at all, so a packing
that was killed goes on with the shards that are missing.
"""

import dataclasses
import hashlib
import itertools
import json
import multiprocessing
import os
import threading
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from array_record.python.array_record_module import ArrayRecordWriter

from hueshift_jax.data import records, units
from hueshift_jax.data.pictures import Skipped
from hueshift_jax.data.records import SUFFIX, Shard
from hueshift_jax.data.units import Unit
from hueshift_jax.errors import ConfigError, DataError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class PackConfig:
    """How pictures are packed."""

    short_side: int = 256
    """Larger pictures are reduced to this, in pixels."""
    quality: int = 95
    """Of JPEG, 1 to 100; JPEG files that are small enough already keep their own bytes."""
    clip: int = 0
    """Frames in a clip, taken from one shot; 0 packs single pictures."""
    every: int = 24
    """Of films, every n-th frame becomes a picture (not with clips or keyframes)."""
    keyframes: bool = False
    """Of films and folders of frames, only the frames where the content changes."""
    per_shard: int = 1000
    """Pictures in a shard; a film or a folder of frames counts as 50."""
    workers: int = 2
    """Processes."""

    def __post_init__(self):
        for name in ("short_side", "every", "per_shard", "workers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1")
        if not 1 <= self.quality <= 100:
            raise ConfigError(f"quality is {self.quality}, expected 1 to 100")
        if self.clip < 0 or (self.clip and self.keyframes):
            raise ConfigError("clip is a number of frames, and clips do not go with keyframes")

    @property
    def content(self) -> dict[str, Any]:
        """The settings on which the bytes of a shard depend."""
        return {k: v for k, v in dataclasses.asdict(self).items() if k != "workers"}


class Summary(NamedTuple):
    """What was packed: shards, of these how many anew, records, names that could not be read."""

    shards: int
    written: int
    records: int
    skipped: tuple[str, ...]


class _Job(NamedTuple):
    """One shard to make."""

    path: Path
    units: tuple[Unit, ...]
    config: PackConfig

    @property
    def digest(self) -> str:
        """Of all that the shard depends on, the contents of files apart."""
        told = json.dumps([self.config.content, [unit.identity for unit in self.units]])
        return hashlib.sha256(told.encode()).hexdigest()


def pack(where: str, folder: Path, config: PackConfig, *, report=lambda text: None) -> Summary:
    """Packs everything of `where` (see `sources.find`) into `folder`; goes on if it was begun.

    report: called with one line after each shard.

    Raises:
      DataError: nothing to pack, more than one percent unreadable, or a shard cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = list(_jobs(where, folder, config))
    missing = [job for job in jobs if _sidecar(job.path).get("digest") != job.digest]
    for count, job in enumerate(_made(missing, config.workers), start=1):
        report(f"{len(jobs) - len(missing) + count} of {len(jobs)} shards: {job.path.name}")
    told = [_sidecar(job.path) for job in jobs]
    count = sum(len(one["records"]) for one in told)
    skipped = Skipped(0)
    skipped.names = [name for one in told for name in one["skipped"]]
    skipped.check(count + len(skipped.names))
    _write_json(folder / MANIFEST, _manifest(jobs, told, config))
    return Summary(len(jobs), len(missing), count, tuple(skipped.names))


def _jobs(where: str, folder: Path, config: PackConfig) -> Iterator[_Job]:
    found = units.find(where, whole_sequences=bool(config.clip or config.keyframes))
    if not found:
        raise DataError(f"{where} holds nothing to pack; expected pictures or films")
    weights = itertools.accumulate(unit.weight for unit in found)
    grouped = itertools.groupby(
        zip(found, weights), lambda pair: (pair[1] - pair[0].weight) // config.per_shard
    )
    for number, (_, group) in enumerate(grouped):
        path = folder / f"shard-{number:05d}{SUFFIX}"
        yield _Job(path, tuple(unit for unit, _ in group), config)


def _made(jobs: Sequence[_Job], workers: int) -> Iterator[_Job]:
    """Makes the shards; yields each when it is whole."""
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            _make(job)
            yield job
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), context, _end_with_parent) as pool:
        for job, _ in zip(jobs, pool.map(_make, jobs)):
            yield job


def _end_with_parent() -> None:
    """Ends this process as soon as the one that started it is gone.

    Else the processes of a killed packing would finish their shards while the same command, run
    again, makes the same ones, and then wait for work forever.
    """
    parent = multiprocessing.parent_process()

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _make(job: _Job) -> None:
    """Writes one shard and, after it, its sidecar."""
    partial = job.path.with_name(f".{job.path.name}.part")
    told, skipped = [], []
    try:
        writer = ArrayRecordWriter(str(partial), "group_size:1,uncompressed")
        for unit in job.units:
            try:
                for record in unit.records(job.config):
                    content = records.pack(record)
                    writer.write(content)
                    told.append([record.name, len(content), zlib.crc32(content)])
            except DataError:
                skipped.append(unit.name)
        writer.close()
        _sync(partial)
        if told and len(Shard(partial)) != len(told):
            raise DataError("it is shorter than what was written")
    except (OSError, RuntimeError, ValueError) as exc:  # what the writer raises on a full disk
        partial.unlink(missing_ok=True)
        raise DataError(f"{job.path} cannot be written: {exc}") from exc
    sha256 = _sha256(partial)
    os.replace(partial, job.path)
    _write_json(
        job.path.with_suffix(".json"),
        {"digest": job.digest, "sha256": sha256, "records": told, "skipped": skipped},
    )


def _manifest(jobs: Sequence[_Job], told: Sequence[dict], config: PackConfig) -> dict[str, Any]:
    shards = [
        {"file": job.path.name, "records": len(one["records"]), "sha256": one["sha256"]}
        for job, one in zip(jobs, told, strict=True)
    ]
    skipped = [name for one in told for name in one["skipped"]]
    return {"format": 1, "config": config.content, "shards": shards, "skipped": skipped}


def verify(folder: Path) -> list[str]:
    """One sentence for everything in a packed folder that is not as it was written.

    Raises:
      DataError: no packed folder, or its packing was not finished.
    """
    manifest = _read_json(folder / MANIFEST)
    if not manifest:
        raise DataError(f"{folder} holds no {MANIFEST}; pack it, or let the packing finish")
    return [problem for shard in manifest["shards"] for problem in _problems(folder, shard)]


def _problems(folder: Path, shard: dict[str, Any]) -> Iterator[str]:
    path = folder / shard["file"]
    if not path.is_file():
        yield f"{path.name} is missing"
        return
    if _sha256(path) == shard["sha256"]:
        return
    named = list(_damaged(path, _sidecar(path).get("records", [])))
    yield from named or [f"{path.name} is damaged outside its records"]


def _damaged(path: Path, told: Sequence[list]) -> Iterator[str]:
    try:
        shard = Shard(path)
    except DataError as exc:
        yield str(exc)
        return
    for number, (name, size, checksum) in enumerate(told):
        try:
            content = shard.content(number)
        except (DataError, IndexError):
            content = b""
        if len(content) != size or zlib.crc32(content) != checksum:
            yield f"record {number} of {path.name} is damaged: {name}"


def _sidecar(path: Path) -> dict[str, Any]:
    """What is told of a shard, empty if it or its telling is not there."""
    return _read_json(path.with_suffix(".json")) if path.is_file() else {}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(json.dumps(content), encoding="utf-8")
    _sync(partial)
    os.replace(partial, path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
