"""Colors of single points, as a person writes them into a file.

One point a line: time, x, y and color, with a header or without.

    time,x,y,color
    12.5,320,180,#c08060
    0:12.5,50%,25%,navy
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hueshift_jax.errors import UnreadableMediaError, UsageError

_NAMED = (
    "black=000000 gray=808080 silver=c0c0c0 white=ffffff maroon=800000 red=ff0000 pink=ffc0cb "
    "brown=a52a2a orange=ffa500 gold=ffd700 yellow=ffff00 beige=f5f5dc tan=d2b48c olive=808000 "
    "lime=00ff00 green=008000 turquoise=40e0d0 teal=008080 aqua=00ffff blue=0000ff navy=000080 "
    "violet=ee82ee purple=800080 fuchsia=ff00ff"
)
NAMES = {name: int(code, 16) for name, _, code in (n.partition("=") for n in _NAMED.split())}
"""Colors that may be written by name, 0xRRGGBB."""

_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?|\.\d+)s?")
_PLACE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(%?)")
_HEX = re.compile(r"#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")


@dataclass(frozen=True)
class Point:
    """A color at a place of one frame: seconds, x and y 0..1 of the frame as shown, RGB 0..255."""

    seconds: float
    x: float
    y: float
    rgb: tuple[int, int, int]
    said: str


def seconds(text: str) -> float | None:
    """From `12.5`, `12.5s`, `1:02` or `1:00:02`; None from anything else."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, rest = match.groups(default="0")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def read_points(path: Path, size: tuple[int, int]) -> list[Point]:
    """The points of a file for frames of `size`, (height, width) as shown.

    Raises:
      UnreadableMediaError: the file cannot be read.
      UsageError: a line is no point, or lies outside of the frame.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise UnreadableMediaError(f"{path} cannot be read: {why}.") from error
    found = []
    for number, row in enumerate(csv.reader(text.splitlines(), delimiter=_delimiter(text)), 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#") or (not found and _is_header(cells)):
            continue
        found.append(_point(cells, size, f"{path}, line {number}"))
    if not found:
        raise UsageError(f"{path} holds no points; write lines such as 12.5,320,180,#c08060.")
    return found


def _delimiter(text: str) -> str:
    return next((mark for mark in ";\t" if mark in text), ",")


def _is_header(cells: list[str]) -> bool:
    return cells[0].lower() == "time"


def _point(cells: list[str], size: tuple[int, int], said: str) -> Point:
    if len(cells) != 4:
        raise UsageError(f"{said}: found {len(cells)} values, expected time, x, y and color.")
    time, x, y, color = cells
    at = seconds(time)
    if at is None:
        raise UsageError(f"{said}: {time!r} is not a time such as 90, 10s or 1:30.")
    height, width = size
    places = _place(x, width, "x", said), _place(y, height, "y", said)
    return Point(at, *places, parse_color(color, said), said)


def _place(text: str, length: int, axis: str, said: str) -> float:
    """The middle of a pixel, or a fraction of the frame, as 0..1."""
    match = _PLACE.fullmatch(text)
    if match is None:
        raise UsageError(f"{said}: {axis} is {text!r}, expected pixels, 0.25 or 25%.")
    value, percent = float(match[1]), bool(match[2])
    if percent or ("." in match[1] and value <= 1):
        place = value / 100 if percent else value
        inside = place <= 1
    else:
        place, inside = (value + 0.5) / length, value < length
    if not inside:
        raise UsageError(
            f"{said}: {axis} is {text}, outside of the frame; expected 0 to {length - 1}."
        )
    return place


def parse_color(text: str, said: str) -> tuple[int, int, int]:
    """RGB 0..255 of `#c08060`, `#c86` or a name.

    Raises:
      UsageError: it is none of these.
    """
    match = _HEX.fullmatch(text)
    if match is not None:
        digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
        code = int(digits, 16)
    elif text.lower() in NAMES:
        code = NAMES[text.lower()]
    else:
        raise UsageError(
            f"{said}: {text!r} is not a color; write #rrggbb or one of {', '.join(NAMES)}."
        )
    return code >> 16, code >> 8 & 255, code & 255


def ab_of(points: list[Point]) -> np.ndarray:
    """Their ab in CIELAB units, float32 (n, 2)."""
    from hueshift_jax.pipeline.lab import lab_of

    return lab_of(np.uint8([point.rgb for point in points]))[:, 1:]
