"""Means that are gathered bit by bit, in any portions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Total:
    """Sum and number of finite values; infinite ones are counted apart and kept out of the mean."""

    total: float = 0.0
    count: int = 0
    infinite: int = 0

    def merge(self, other: Self) -> Self:
        """The values of both."""
        return type(self)(
            self.total + other.total, self.count + other.count, self.infinite + other.infinite
        )

    def compute(self) -> float | None:
        """The mean of the finite values; infinite if no value is finite, None if there is none."""
        if self.count:
            return self.total / self.count
        return math.inf if self.infinite else None


@dataclass(frozen=True)
class Totals:
    """A `Total` for every name."""

    by_name: dict[str, Total] = field(default_factory=dict)

    @classmethod
    def of(cls, figures: Mapping[str, float | None]) -> Self:
        """One value for each name; None stands for nothing, and the name is kept."""
        return cls({name: _total(value) for name, value in figures.items()})

    def merge(self, other: Self) -> Self:
        """The values of both."""
        names = dict.fromkeys((*self.by_name, *other.by_name))
        empty = Total()
        return type(self)(
            {n: self.by_name.get(n, empty).merge(other.by_name.get(n, empty)) for n in names}
        )

    def compute(self) -> dict[str, float | None]:
        """The mean for every name."""
        return {name: total.compute() for name, total in self.by_name.items()}


def _total(value: float | None) -> Total:
    if value is None:
        return Total()
    return Total(0.0, 0, 1) if math.isinf(value) else Total(float(value), 1)
