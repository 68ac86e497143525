"""SIGTERM, which schedulers send some time before they kill."""

import signal
import threading
from types import TracebackType
from typing import Self

import jax
from jax.experimental import multihost_utils


class Stop:
    """Notes SIGTERM while it is entered; a second one ends the process at once.

    Of several processes all stop after the same step: JAX's own service agrees on it.
    """

    def __init__(self):
        self._noted = threading.Event()
        self._before = None

    def __enter__(self) -> Self:
        alone = jax.process_count() == 1
        if alone and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _note(self, number: int, frame: object) -> None:
        del frame
        self._noted.set()
        signal.signal(number, signal.SIG_DFL)

    def noted(self) -> bool:
        """Whether this process was told to stop."""
        return self._noted.is_set()

    def agreed(self, step: int) -> bool:
        """Whether all processes are to stop after this step; each asks once for every step."""
        if jax.process_count() == 1:
            return self.noted()
        return multihost_utils.reached_preemption_sync_point(step)
