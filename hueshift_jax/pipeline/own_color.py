"""Shots that are in color already.

Toned and tinted black-and-white film has chroma too, but one that follows from its gray: sepia, or
blue shadows under yellow lights. Color is what is left of chroma when the best smooth function of
luma has been taken away.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import cv2
import numpy as np

from hueshift_jax.pipeline.frames import ColorFrame, View, dequantize, quantize, shrink
from hueshift_jax.video.frame import ColorSpec, Frame, ycbcr_scale

Keep = Literal["auto", "yes", "no"]
"""Which shots keep their own colors: those clearly in color, all with any chroma, or none."""

_CLEAR_SPREAD = 3.5
_ANY_SPREAD = 1.5
_ANY_CHROMA = 3.0
_SIDE = 48
_DEGREE = 3
_LATEST = 3


def is_in_color(frames: Sequence[Frame], color: ColorSpec, keep: Keep) -> bool:
    """Whether a shot keeps its own colors, told from the last of its first frames.

    A shot may begin with black, or with the rest of a dissolve.
    """
    if keep == "no":
        return False
    latest = frames[-_LATEST:]
    found = [chroma_and_spread(f, color) for f in latest if f.chroma is not None]
    if not found:
        return False
    chroma, spread = np.median(found, axis=0)
    if keep == "yes":
        return bool(chroma >= _ANY_CHROMA or spread >= _ANY_SPREAD)
    return bool(spread >= _CLEAR_SPREAD)


def chroma_and_spread(frame: Frame, color: ColorSpec) -> tuple[float, float]:
    """Mean chroma, and what of it luma does not explain (root mean square), in 8-bit codes."""
    scale = ycbcr_scale(color, color.bit_depth)
    height, width = _small(frame.luma.shape)
    luma = shrink(frame.luma, height, width).ravel().astype(np.float64)
    level = (luma - scale.black) / scale.luma_span
    planes = [shrink(np.ascontiguousarray(p), height, width).ravel() for p in frame.chroma]
    codes = np.stack(planes, axis=1).astype(np.float64)
    codes = (codes - scale.neutral) / 2 ** (color.bit_depth - 8)
    powers = np.stack([level**n for n in range(_DEGREE + 1)], axis=1)
    explained = powers @ np.linalg.lstsq(powers, codes, rcond=None)[0]
    spread = np.sqrt(np.sum(np.square(codes - explained), axis=1).mean())
    return float(np.hypot(*codes.T).mean()), float(spread)


def _small(size: tuple[int, int]) -> tuple[int, int]:
    """The size at which chroma is judged: grain and the noise of a codec are averaged away."""
    scale = min(1.0, _SIDE / min(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def pass_through(views: Iterator[View]) -> Iterator[ColorFrame]:
    """The frames of a shot whose own chroma is kept; what is stored of them is gray."""
    for view in views:
        chroma = view.chroma
        if chroma is None:
            none = np.zeros(view.thumb.shape, np.float32)
            chroma = quantize(cv2.merge([none, none]), none, view.thumb)
        yield ColorFrame(view.frame, chroma, dequantize(chroma))
