"""Where the time goes."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

STAGES = ("decode", "network", "compose", "encode")

_MARK_S = 0.5
_MARKS = 60
_LEAST_MARKS = 3


@dataclass
class Shares:
    """Seconds that each stage was busy or waited for its own work; stages overlap."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """Counts the time inside the block for `stage`."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - begin

    def timed(self, items: Iterator, stage: str) -> Iterator:
        """The same items; the time to get each is counted for `stage`."""
        while True:
            with self.during(stage):
                item = next(items, None)
            if item is None:
                return
            yield item

    def fractions(self) -> dict[str, float]:
        """Shares of the sum, rounded to a hundredth."""
        total = sum(self.seconds.values()) or 1.0
        return {stage: round(spent / total, 2) for stage, spent in self.seconds.items()}


class Meter:
    """Frames per second of late, and the time left, from the moments at which frames are done."""

    def __init__(self, done: int, total: int | None):
        self.done = done
        self.total = total
        self._marks: deque[tuple[float, int]] = deque(maxlen=_MARKS)

    def advance(self) -> None:
        """One more frame is done."""
        self.done += 1
        now = time.perf_counter()
        if not self._marks or now - self._marks[-1][0] >= _MARK_S:
            self._marks.append((now, self.done))

    @property
    def frames_per_s(self) -> float | None:
        """Over about the last half minute; the first frame, which waits for all, counts not."""
        if len(self._marks) < _LEAST_MARKS:
            return None
        (begin, before), (end, after) = self._marks[0], self._marks[-1]
        return (after - before) / (end - begin)

    @property
    def left_s(self) -> float | None:
        """Seconds until all frames are done."""
        rate = self.frames_per_s
        if rate is None or self.total is None:
            return None
        return max(0, self.total - self.done) / rate
