"""Black bars around the picture: found, hidden from the network, and kept neutral.

A bar is black without structure along a whole border, ends in a straight edge, and stays as it is.
A dark scene is black in some places only, ends nowhere sharply, and moves.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from hueshift_jax.pipeline.frames import as_coded, upright
from hueshift_jax.video.frame import NO_BARS, Bars, ColorSpec, Frame, ycbcr_scale

_DARK = 12.0
_STEP = 8.0
_ODD_SHARE = 0.02
_LEAST_SHARE = 0.015
_MOST_SHARE = 0.4
_LOOSE = 0.005
_UNEQUAL = 0.03
_PAIR_EDGE = 0.3
_LONE_EDGE = 0.85
_MARGIN = 3
_LATEST = 5
_REFUTED = 0.25


def find_bars(frames: Sequence[Frame], color: ColorSpec, before: Bars = NO_BARS) -> Bars:
    """The bars of a shot, told from some of its first frames.

    Where these are too dark to tell, the shot has those of the one before.
    """
    latest = frames[-_LATEST:]
    lights = [_light(frame.luma, color) for frame in latest]
    rows = _pair([_borders(light) for light in lights], lights[0].shape[0])
    columns = _pair([_borders(light.T) for light in lights], lights[0].shape[1])
    found = Bars(*rows, *columns)
    if found == NO_BARS and all(still_there(frame.luma, color, before) for frame in latest):
        return before
    return found


def still_there(luma: np.ndarray, color: ColorSpec, bars: Bars) -> bool:
    """Whether a frame has no picture where its shot has bars; a line of text is none."""
    height, width = luma.shape
    strips = luma[: bars.top], luma[height - bars.bottom :]
    strips += luma[:, : bars.left], luma[:, width - bars.right :]
    limit = ycbcr_scale(color, color.bit_depth).black + _DARK * 2 ** (color.bit_depth - 8)
    return all(np.mean(strip > limit) <= _REFUTED for strip in strips if strip.size)


def _light(luma: np.ndarray, color: ColorSpec) -> np.ndarray:
    """Luma above black, float32 in 8-bit codes."""
    scale = ycbcr_scale(color, color.bit_depth)
    return (luma.astype(np.float32) - scale.black) / 2 ** (color.bit_depth - 8)


def _within(bars: Bars, size: tuple[int, int]) -> tuple[slice, slice]:
    rows = slice(bars.top, size[0] - bars.bottom)
    return rows, slice(bars.left, size[1] - bars.right)


def _borders(light: np.ndarray) -> list[tuple[int, float]]:
    """Of the upper and the lower border: dark rows, and the share of columns with an edge there."""
    odd = np.mean(light > _DARK, axis=1)
    return [_border(side, shares) for side, shares in ((light, odd), (light[::-1], odd[::-1]))]


def _border(light: np.ndarray, odd: np.ndarray) -> tuple[int, float]:
    bright = np.flatnonzero(odd > _ODD_SHARE)
    extent = int(bright[0]) if len(bright) else len(odd)
    if not _MARGIN < extent < len(odd) - _MARGIN:
        return extent, 0.0
    inside = light[extent : extent + _MARGIN].mean(axis=0)
    outside = light[extent - _MARGIN : extent - 1].mean(axis=0)
    return extent, float(np.mean(inside - outside > _STEP))


def _pair(found: Sequence[list[tuple[int, float]]], size: int) -> tuple[int, int]:
    """The first and the last bar along one axis, 0 where there is none."""
    extents, edges = (np.array([[side[n] for side in sides] for sides in found]) for n in (0, 1))
    least, edge = extents.min(axis=0), edges.mean(axis=0)
    steady = np.ptp(extents, axis=0) <= 1 + _LOOSE * size
    large = (least >= max(_MARGIN + 1, _LEAST_SHARE * size)) & (least <= _MOST_SHARE * size)
    equal = abs(int(least[0]) - int(least[1])) <= _UNEQUAL * size
    needed = _PAIR_EDGE if equal and large.all() and (edge >= _PAIR_EDGE).all() else _LONE_EDGE
    bars = np.where(steady & large & (edge >= needed), least, 0)
    return int(bars[0]), int(bars[1])


def hidden(gray: np.ndarray, bars: Bars, size: tuple[int, int], rotation: int) -> np.ndarray:
    """Upright gray (h, w) for the network with the picture mirrored into the bars.

    Args:
      gray: as the network would see it.
      bars: of the coded frame.
      size: the (height, width) of the coded frame.
      rotation: counter-clockwise turn for display.
    """
    if bars == NO_BARS:
        return gray
    coded = as_coded(gray, rotation)
    down, right = coded.shape[0] / size[0], coded.shape[1] / size[1]
    factors = (down, down, right, right)
    borders = Bars(*(int(np.ceil(n * factor)) for n, factor in zip(bars, factors, strict=True)))
    inner = coded[_within(borders, coded.shape)]
    return upright(cv2.copyMakeBorder(inner, *borders, cv2.BORDER_REFLECT), rotation)


def neutral_in(plane: np.ndarray, bars: Bars, neutral: int) -> np.ndarray:
    """A 4:2:0 chroma plane without color in the bars, and in samples that touch them."""
    if bars == NO_BARS:
        return plane
    result = np.full_like(plane, neutral)
    inner = _within(Bars(*(-(-n // 2) for n in bars)), plane.shape)
    result[inner] = plane[inner]
    return result
