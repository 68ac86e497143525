"""What the writing parts share: durable files and the meaning of their failures."""

import errno
import os
from pathlib import Path

from hueshift_jax.errors import UnwritableMediaError

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would exceed the largest size allowed",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the disk is read-only",
    errno.ENOENT: "its folder does not exist",
    errno.ENOTDIR: "its folder does not exist",
    errno.EISDIR: "it is a folder",
}


def unwritable(path: Path, error: Exception) -> UnwritableMediaError:
    """The error to raise when writing `path` failed with `error`."""
    code = getattr(error, "errno", None)
    reason = _REASONS.get(code) or getattr(error, "strerror", None) or str(error)
    return UnwritableMediaError(f"{path} cannot be written: {reason}.")


def sync(path: Path) -> None:
    """Makes the content of `path` survive a power failure.

    Raises:
      OSError: the disk could not take it.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
