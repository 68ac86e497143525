"""The inputs of the reference files of optical flow: two frames cut from a picture, flows."""

import re

import numpy as np

from hueshift_jax.errors import ParityError
from hueshift_jax.parity import recipes
from hueshift_jax.parity.case import Case

_CUT = re.compile(r"(first|second)\s*=\s*big\[\.\.\.,\s*(\d+):\d+\+h,\s*(\d+):\d+\+w\]")


def frame_pair(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The first and the second frame, (b, 3, h, w), as `first=big[...,8:8+h,8:8+w]` says.

    Raises:
      ParityError: no input is made so.
    """
    for line in case.lines:
        sentence = case.lines[line]
        cuts = {name: (int(row), int(column)) for name, row, column in _CUT.findall(sentence)}
        if len(cuts) == 2:
            sizes = dict(recipes.read_symbols(sentence))
            big = case.recipes_of(line)[0].draw(case.key)
            return tuple(_cut(big, cuts[name], sizes) for name in ("first", "second"))
    raise ParityError(f"{case.name} does not say how its two frames are cut")


def shifted(case: Case, name: str) -> np.ndarray:
    """The input `name` as its sentence scales it, `20*(image(...)-0.5)`; (b, c, h, w)."""
    draw = rf"image\(key,\s*'{name}',[^'\"]*?\)\s*"
    scaled = re.compile(rf"([\d.]+)\s*\*\s*\({draw}-\s*([\d.]+)\)")
    found = [match for line in case.lines.values() if (match := scaled.search(line))]
    scale, middle = (float(n) for n in found[0].groups()) if found else (1.0, 0.0)
    return scale * (case.draw(name) - middle)


def _cut(big: np.ndarray, start: tuple[int, int], sizes: dict[str, int]) -> np.ndarray:
    rows, columns = (slice(n, n + sizes[side]) for n, side in zip(start, "hw", strict=True))
    return big[..., rows, columns]
