"""What travels through the pipeline: frames with what is known of their color so far."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from hueshift_jax.pipeline.facts import ShotFacts
from hueshift_jax.video.frame import ColorSpec, Frame, ycbcr_scale

AB_STEP = 0.85
"""CIELAB units per step of a stored ab value; int8 then spans -108.8..108."""
RECORD_SHRINK = 4
"""Stored chroma is smaller than the working size by this factor."""
SEGMENT_FRAMES = 250
"""A segment ends with its shot, or after so many frames."""


@dataclass(frozen=True)
class Chroma:
    """What the network said of one frame, as it is stored: upright, small, before any control.

    ab (h, w, 2) int8 in steps of AB_STEP; confidence (h, w) uint8, 255 = certain; luma (h, w)
    uint8 gray of the frame at the same size.
    """

    ab: np.ndarray
    confidence: np.ndarray
    luma: np.ndarray


@dataclass(frozen=True)
class View:
    """A frame before coloring.

    thumb (h, w) uint8 is its small upright gray. A frame that the network is to see has `gray`,
    uint8 at the working size; one that it saw in an earlier run has `chroma` instead, and
    starts_shot and the facts of its shot say what was decided then.
    """

    frame: Frame
    thumb: np.ndarray
    gray: np.ndarray | None = None
    chroma: Chroma | None = None
    starts_shot: bool | None = None
    facts: ShotFacts | None = None


@dataclass(frozen=True)
class ColorFrame:
    """A colored frame: small upright ab (h, w, 2) float32 in CIELAB units, and its origin.

    memory is what the colorizer carries on after this frame; None if it is not known here.
    """

    frame: Frame
    chroma: Chroma
    ab: np.ndarray
    memory: Any = None


def quantize(ab: np.ndarray, confidence: np.ndarray, thumb: np.ndarray) -> Chroma:
    """The stored form of one frame's chroma, resized to the size of `thumb` where it differs."""
    height, width = thumb.shape
    if ab.shape[:2] != thumb.shape:
        ab = cv2.resize(np.float32(ab), (width, height), interpolation=cv2.INTER_LINEAR)
        confidence = cv2.resize(np.float32(confidence), (width, height))
    steps = np.clip(np.rint(np.float32(ab) / AB_STEP), -128, 127).astype(np.int8)
    certain = np.clip(np.rint(np.float32(confidence) * 255), 0, 255).astype(np.uint8)
    return Chroma(steps, certain, thumb)


def dequantize(chroma: Chroma) -> np.ndarray:
    """ab (h, w, 2) float32 in CIELAB units."""
    return chroma.ab.astype(np.float32) * np.float32(AB_STEP)


def upright(plane: np.ndarray, rotation: int) -> np.ndarray:
    """A coded plane as it is shown; rotation is counter-clockwise in degrees."""
    return np.ascontiguousarray(np.rot90(plane, rotation // 90))


def as_coded(plane: np.ndarray, rotation: int) -> np.ndarray:
    """An upright plane in the orientation of the coded ones; inverse of `upright`."""
    return np.ascontiguousarray(np.rot90(plane, -(rotation // 90)))


def shrink(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """`plane` at another size: area means where it becomes smaller, linear where larger."""
    smaller = height <= plane.shape[0] and width <= plane.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(plane, (width, height), interpolation=how)


def look(frame: Frame, color: ColorSpec, rotation: int, size: tuple[int, int]) -> View:
    """The view of a frame that the network is to see, at the working `size`, upright.

    Codes are averaged before they are mapped to gray, so that large frames cost little.
    """
    height, width = size if rotation % 180 == 0 else size[::-1]
    codes = upright(shrink(frame.luma, height, width), rotation)
    scale = ycbcr_scale(color, color.bit_depth)
    level = (codes.astype(np.float32) - scale.black) * (255 / scale.luma_span)
    gray = np.clip(np.rint(level), 0, 255).astype(np.uint8)
    return View(frame, shrink(gray, *record_size(size)), gray)


def record_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (height, width) of stored chroma for a working size."""
    return max(1, size[0] // RECORD_SHRINK), max(1, size[1] // RECORD_SHRINK)
