"""Files that are there whole, or not at all, whenever the power fails.

Written under another name, synced, renamed, and the folder synced: a rename alone may survive a
power failure without the data (Pillai et al., OSDI 2014).
"""

import contextlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

from hueshift_jax.video.files import sync, unwritable

DRAFT = ".part"
"""Suffix of a file that is being written."""


def write(path: Path, data: bytes) -> None:
    """Puts `data` at `path`.

    Raises:
      UnwritableMediaError: no permission or no space; nothing is left behind.
    """
    draft = path.with_name(path.name + DRAFT)
    try:
        draft.write_bytes(data)
        commit(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise unwritable(path, error) from error


def commit(draft: Path, path: Path) -> None:
    """Gives a finished draft its name, replacing what was there.

    Raises:
      OSError: the disk could not take it.
    """
    sync(draft)
    os.replace(draft, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames in `folder` survive a power failure, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    """Puts `value` at `path`; raises as `write`."""
    write(path, json.dumps(value, indent=1, sort_keys=True).encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """The object at `path`; None if there is none that can be read."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def checksum(path: Path) -> int:
    """CRC-32 of a file's content.

    Raises:
      OSError: it cannot be read.
    """
    crc = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            crc = zlib.crc32(block, crc)
    return crc
