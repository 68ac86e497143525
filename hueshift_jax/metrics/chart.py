"""Curves and points as inline SVG: no script, no font, no address."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

_WIDTH, _HEIGHT = 460, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 12, 24
_MOST_POINTS = 240
_TICKS = 4
_LETTER, _LINE = 6.5, 13


@dataclass(frozen=True)
class Series:
    """One line of a chart: its name, its CSS class and its values; not finite where it has none."""

    name: str
    look: str
    values: Sequence[float]


@dataclass(frozen=True)
class Point:
    """One point of a chart: its name, its CSS class and where it is."""

    name: str
    look: str
    x: float
    y: float


@dataclass(frozen=True)
class _Frame:
    """Where values of both axes lie on the paper."""

    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, value: float) -> float:
        low, high = self.x
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def down(self, value: float) -> float:
        low, high = self.y
        return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)


def curves(series: Sequence[Series], label: str) -> str:
    """Lines over the numbers of frames; gaps where there is no value; "" if there is none at all.

    Long ones are drawn as means of equally many frames.
    """
    longest = max((len(line.values) for line in series), default=0)
    every = max(1, math.ceil(longest / _MOST_POINTS))
    means = [_means(line.values, every) for line in series]
    finite = [values[np.isfinite(values)] for values in means]
    if not sum(map(len, finite)):
        return ""
    ticks = _ticks(0.0, float(np.concatenate(finite).max()))
    frame = _Frame((0.0, float(max(1, longest - 1))), (ticks[0], ticks[-1]))
    drawn = [_line(line, values, every, frame) for line, values in zip(series, means, strict=True)]
    last = _text(_WIDTH - _RIGHT, _HEIGHT - 7, f"frame {longest - 1}", "end")
    first = _text(_LEFT, _HEIGHT - 7, "0", "start")
    return _paper([*_rules(ticks, frame), first, last, *drawn], label)


def points(marks: Sequence[Point], across: str, up: str) -> str:
    """Named points; `across` and `up` say what the axes are; "" if there are no points."""
    if not marks:
        return ""
    rows = _ticks(0.0, max(mark.y for mark in marks))
    columns = _ticks(0.0, max(mark.x for mark in marks))
    frame = _Frame((columns[0], columns[-1]), (rows[0], rows[-1]))
    drawn = [_text(frame.across(x), _HEIGHT - 7, _number(x), "middle") for x in columns[:-1]] + [
        _text(_WIDTH - _RIGHT, _HEIGHT - 7, across, "end")
    ]
    names: list[tuple[float, float, float]] = []
    for mark in marks:
        x, y = frame.across(mark.x), frame.down(mark.y)
        title = f"{escape(mark.name)}: {up} {mark.y:.2f}, {escape(across)} {mark.x:.2f}"
        drawn.append(
            f'<circle class="{mark.look}" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{title}</title>'
            "</circle>"
        )
        ends, width = x > 0.7 * _WIDTH, _LETTER * len(mark.name)
        left = x - 8 - width if ends else x + 8
        names.append((left, left + width, _free(left, left + width, y + 4, names)))
        anchor = "end" if ends else "start"
        drawn.append(_text(x + (-8 if ends else 8), names[-1][2], mark.name, anchor))
    return _paper([*_rules(rows, frame), *drawn], f"{up} over {across}")


def _free(left: float, right: float, y: float, names: Sequence[tuple]) -> float:
    """The nearest place below for a name, where no other one is."""
    while any(left < end and begin < right and abs(y - at) < _LINE for begin, end, at in names):
        y += _LINE
    return y


def _means(values: Sequence[float], every: int) -> np.ndarray:
    """Of each `every` values those that are finite."""
    found = np.asarray(values, np.float64)
    rows = np.full(-(-len(found) // every) * every, np.nan)
    rows[: len(found)] = np.where(np.isfinite(found), found, np.nan)
    rows = rows.reshape(-1, every)
    count = np.isfinite(rows).sum(1)
    return np.where(count > 0, np.nansum(rows, 1) / np.maximum(count, 1), np.nan)


def _line(line: Series, values: np.ndarray, every: int, frame: _Frame) -> str:
    parts, pen = [], "M"
    for number, value in enumerate(values):
        if not np.isfinite(value):
            pen = "M"
            continue
        x, y = frame.across(min(number * every + (every - 1) / 2, frame.x[1])), frame.down(value)
        # A value between two gaps is a dot: a line of no length with round ends.
        parts.append(f"{pen}{x:.1f} {y:.1f}" + ("h0" if pen == "M" else ""))
        pen = "L"
    title = f"<title>{escape(line.name)}</title>"
    return f'<path class="{line.look}" d="{"".join(parts)}">{title}</path>' if parts else ""


def _rules(ticks: Sequence[float], frame: _Frame) -> list[str]:
    drawn = []
    for tick in ticks:
        y = frame.down(tick)
        drawn.append(f'<path class="rule" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        drawn.append(_text(_LEFT - 6, y + 4, _number(tick), "end"))
    return drawn


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from below `low` to above `high`, equally far apart."""
    span = max(high - low, 1e-6)
    step = 10.0 ** math.floor(math.log10(span / _TICKS))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= _TICKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def _number(value: float) -> str:
    return f"{value:.6g}"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _paper(parts: Sequence[str], label: str) -> str:
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    return f'<svg {box} role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
