"""Decode, compute and encode side by side: the only threads of the program's own.

Queues are bounded, so that memory is; an exception on either side reaches the other.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")

_POLL_S = 0.1


class _End:
    """Closes a queue; carries the exception that ended the producer, if one did."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


def prefetch(iterator: Iterator[T], depth: int) -> Iterator[T]:
    """Yields what `iterator` yields, which runs in a thread up to `depth` items ahead.

    The thread starts at the first `next`, ends with the iterator, and is stopped and joined when
    the consumer closes this generator. `iterator` is closed in its own thread if it can be.

    Raises:
      Whatever `iterator` raises, after the items that came before it.
    """
    items: queue.Queue = queue.Queue(max(1, depth))
    stop = threading.Event()
    thread = threading.Thread(target=_produce, args=(iterator, items, stop), daemon=True)
    thread.start()
    try:
        while not isinstance(item := items.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()


def _produce(iterator: Iterator, items: queue.Queue, stop: threading.Event) -> None:
    end = _End()
    try:
        for item in iterator:
            if not _offer(items, item, stop):
                break
    except BaseException as error:
        end = _End(error)
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
        _offer(items, end, stop)


def _offer(items: queue.Queue, item: object, stop: threading.Event) -> bool:
    """Puts `item` unless `stop` is set first; says whether it did."""
    while not stop.is_set():
        try:
            items.put(item, timeout=_POLL_S)
        except queue.Full:
            continue
        return True
    return False


class Background(Generic[T]):
    """Calls `consume(item)` for each item put, in order, in one thread.

    A context manager: leaving it waits for what was put; leaving it by an exception drops it.
    After `consume` raises, the items that follow are dropped and the exception is raised once,
    by the next `put` or `close`.
    """

    def __init__(self, consume: Callable[[T], object], depth: int):
        self._consume = consume
        self._items: queue.Queue = queue.Queue(max(1, depth))
        self._error: BaseException | None = None
        self._failed = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Hands `item` over, waiting for room in the queue.

        Raises:
          Whatever an earlier call of `consume` raised.
        """
        if not _offer(self._items, item, self._failed):
            self.close()

    def close(self) -> None:
        """Waits until everything put has been consumed, and ends the thread.

        Raises:
          Whatever `consume` raised, if no `put` has raised it already.
        """
        if self._thread.is_alive():
            _offer(self._items, _End(), self._failed)
            self._thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _work(self) -> None:
        try:
            while not isinstance(item := self._items.get(), _End):
                if not self._failed.is_set():
                    self._consume(item)
        except BaseException as error:
            self._error = error
            self._failed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._abandon()

    def _abandon(self) -> None:
        self._failed.set()
        while self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._items.put_nowait(_End())
            self._thread.join(_POLL_S)
