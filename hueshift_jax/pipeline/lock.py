"""One run per job: a file that names the process which works on it."""

import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from hueshift_jax.errors import JournalError
from hueshift_jax.pipeline import durable
from hueshift_jax.video.files import unwritable

_SETTLE_S = 0.05


class Lock:
    """Holds `path` while the context is open; takes over what a dead process left.

    Raises, on entering:
      JournalError: another process is at work.
      UnwritableMediaError: the file cannot be written.
    """

    def __init__(self, path: Path):
        self._path = path
        self._owner = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": _started(os.getpid()),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }

    def __enter__(self) -> Self:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            self._check_dead()
        except OSError as error:
            raise unwritable(self._path, error) from error
        else:
            os.close(descriptor)
        self._claim()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if durable.read_json(self._path) == self._owner:
            self._path.unlink(missing_ok=True)

    def _check_dead(self) -> None:
        owner = durable.read_json(self._path)
        if owner and owner != self._owner and _is_alive(owner):
            raise JournalError(
                f"{self._path.parent} is being worked on by process {owner.get('pid')} on "
                f"{owner.get('host')} since {owner.get('since')}; wait for it, or delete "
                f"{self._path} if it is gone."
            )

    def _claim(self) -> None:
        """Writes our name, and sees whether another process has written its own since."""
        durable.write_json(self._path, self._owner)
        time.sleep(_SETTLE_S)
        if durable.read_json(self._path) != self._owner:
            raise JournalError(f"{self._path.parent} was just taken by another process; wait.")


def _is_alive(owner: dict) -> bool:
    """Whether the process is, or cannot be known not to be, at work."""
    if owner.get("host") != socket.gethostname():
        return True
    pid = owner.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return _started(pid) == owner.get("started")


def _started(pid: int) -> str:
    """When a process began, so that a number used again is not mistaken; "" where unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
