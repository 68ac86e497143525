"""Repairs of hue windows as they are written: `300:340|0.4,0.2`.

A repair is `RANGES|CHANGE[,WEIGHT]`, several are separated by semicolons. RANGES are `from:to` in
degrees of HSV hue (0 red, 120 green, 240 blue; `340:20` goes through red) or names of the color
wheel, separated by commas. CHANGE is a factor of saturation, or with a sign a turn of the hue in
degrees.

Source: the chroma adjustment of dan64/vs-deoldify (README.md and vsdeoldify/vsslib/restcolor.py,
commit 21977c4). Departures: soft edges, ranges that go through red, a weight that may be missing.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

from hueshift_jax.errors import ConfigError

EDGE_DEGREES = 15.0
"""A repair fades out over so much beyond its window."""

_FULL = 360.0
_EXAMPLE = "such as 300:340|0.4,0.2"
_DEGREES = re.compile(r"(\d+(?:\.\d*)?|\.\d+):(\d+(?:\.\d*)?|\.\d+)")
_NAMES = (
    *("red", "orange", "yellow", "yellow-green", "green", "blue-green"),
    *("cyan", "blue", "blue-violet", "violet", "red-violet", "rose"),
)


@dataclass(frozen=True)
class Repair:
    """What is done to the colors whose hue is in a window.

    ranges: (from, to) in degrees of HSV hue; from may be the larger, then it goes through red.
    saturation: factor of chroma. turn: degrees that are added to the hue.
    weight: above 0, how much of the repair every other color has too (of a turn, how much of the
      color stays as it was); below 0, how much of the color stays as it was.
    """

    ranges: tuple[tuple[float, float], ...]
    saturation: float = 1.0
    turn: float = 0.0
    weight: float = 0.0

    def share(self, hue: np.ndarray) -> np.ndarray:
        """How much of the repair colors of a `hue` in degrees have, 0..1."""
        inside = np.maximum.reduce([_inside(hue, *ends) for ends in self.ranges])
        if self.weight > 0 and not self.turn:
            return inside + np.float32(self.weight) * (1 - inside)
        return inside * np.float32(1 - abs(self.weight))


def _inside(hue: np.ndarray, begin: float, end: float) -> np.ndarray:
    """1 from `begin` to `end`, smoothly 0 at EDGE_DEGREES beyond; all hues for a full turn."""
    half = ((end - begin) % _FULL or _FULL) / 2
    distance = np.abs((hue - (begin + half) + _FULL / 2) % _FULL - _FULL / 2)
    near = np.clip(1 - (distance - half) / EDGE_DEGREES, 0, 1).astype(np.float32)
    return near * near * (3 - 2 * near)


def parse(text: str) -> tuple[Repair, ...]:
    """The repairs that `text` asks for; none for an empty one.

    Raises:
      ConfigError: it is not written as a repair, or a value is out of range.
    """
    return tuple(_repair(part.strip()) for part in text.split(";") if part.strip())


def _repair(text: str) -> Repair:
    ranges, bar, change = (part.strip() for part in text.partition("|"))
    if not bar or not ranges or not change:
        raise ConfigError(f"{text!r} is not a hue repair FROM:TO|SATURATION,WEIGHT, {_EXAMPLE}.")
    windows = tuple(_range(part.strip()) for part in ranges.split(","))
    first, _, weight = (part.strip() for part in change.partition(","))
    strength = _value(weight or "0", "weight", (-1, 1))
    if first[:1] in ("+", "-"):
        return Repair(windows, turn=_value(first, "turn of hue", (-360, 360)), weight=strength)
    if first.isdigit() and int(first) > 10:
        raise ConfigError(f"A saturation of {first} is above 10; a turn of hue is +{first}.")
    return Repair(windows, _value(first, "saturation", (0, 10)), weight=strength)


def _range(text: str) -> tuple[float, float]:
    if text in _NAMES:
        place = _NAMES.index(text)
        return 30.0 * place, 30.0 * (place + 1)
    match = _DEGREES.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"{text!r} is not a range of hues; write degrees such as 300:340, or one of "
            f"{', '.join(_NAMES)}."
        )
    begin, end = float(match[1]), float(match[2])
    if max(begin, end) > _FULL or begin == end:
        raise ConfigError(f"The hues {text} are not two different degrees between 0 and 360.")
    return begin, end


def _value(text: str, name: str, limits: tuple[float, float]) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not limits[0] <= value <= limits[1]:
        raise ConfigError(
            f"The {name} {text!r} of a hue repair is not a number between {limits[0]} and "
            f"{limits[1]}."
        )
    return value
