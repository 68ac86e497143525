"""Timestamps that can be relied on: one per frame, strictly increasing."""

from fractions import Fraction

JUMP_S = Fraction(1, 2)
"""Time that falls back by more than this marks the join of two recordings."""


class Clock:
    """Repairs timestamps in presentation order.

    A missing one follows its predecessor by the latest known frame duration. One that does not
    increase becomes its predecessor plus one tick; if it falls back by more than half a second, as
    where recordings were joined, that and all later ones are moved to continue from there.
    """

    def __init__(self, time_base: Fraction, rate: Fraction, start: int = 0):
        self._step = max(1, round(1 / (rate * time_base)))
        self._jump = max(1, int(JUMP_S / time_base))
        self._offset = 0
        self._last: int | None = None
        self._start = start
        self.repairs = 0

    def next(self, pts: int | None, duration: int) -> int:
        """The timestamp of the next frame, from what the decoder says of it."""
        expected = None if pts is None else pts + self._offset
        repaired = self._repair(pts)
        self.repairs += repaired != expected
        self._step = duration or self._step
        self._last = repaired
        return repaired

    def _repair(self, pts: int | None) -> int:
        if self._last is None:
            return self._start if pts is None else pts
        if pts is None:
            return self._last + self._step
        if pts + self._offset < self._last - self._jump:
            self._offset = self._last + self._step - pts
        return max(pts + self._offset, self._last + 1)
