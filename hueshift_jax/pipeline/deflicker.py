"""Blind deflickering, second stage: a filter frame by frame, then a refinement that looks back.

The filter gives each frame the colors of its reconstruction from the atlas of the shot; the
refinement adds what makes the result follow the frame before. Frames are RGB 0..1. Both networks
are functions of batches of one.

Source: ChenyangLEI/All-In-One-Deflicker: src/neural_filter_and_refinement.py, commit 1f39994.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np

MULTIPLE = 32
"""Of which the sides of a padded frame are multiples."""

Filter = Callable[[np.ndarray], Any]
"""From frame and reconstruction, (1, h, w, 6), to the filtered frame, (1, h, w, 3)."""
Refine = Callable[[np.ndarray, Any], tuple[Any, Any]]
"""From four frames, (1, h, w, 12), and a memory or None to a change and the next memory."""


class Refined(NamedTuple):
    """One frame of the result, still padded.

    filtered, final: (h, w, 3), RGB, not bounded.
    size: height and width without the padding.
    """

    filtered: np.ndarray
    final: np.ndarray
    size: tuple[int, int]


def refine(
    frames: Iterable[tuple[np.ndarray, np.ndarray]],
    filter_frame: Filter,
    refine_frame: Refine,
    *,
    carries_memory: bool = False,
    sees_source: bool = False,
) -> Iterator[Refined]:
    """The frames of one shot. No lookahead.

    Args:
      frames: each with its reconstruction, which may be smaller.
      filter_frame: the filter.
      refine_frame: the refinement; its input is the filtered frame, the result before, and two
        frames more: now and before.
      carries_memory: the refinement remembers more than the result before. The published weights
        were used without.
      sees_source: the two frames more are the unprocessed ones, as Lai et al. have it; the
        published weights were used with the filtered ones.
    """
    before, memory = None, None
    for frame, reconstruction in frames:
        pair = np.concatenate([frame, _enlarged(reconstruction, frame.shape[:2])], -1)
        padded = pad(pair.astype(np.float32))
        filtered = np.asarray(filter_frame(padded[None]))
        seen = padded[None, ..., :3] if sees_source else filtered
        if before is None:
            final = filtered
        else:
            four = np.concatenate([filtered, before[0], seen, before[1]], -1)
            change, memory = refine_frame(four, memory if carries_memory else None)
            final = filtered + np.asarray(change)
        before = final, seen
        yield Refined(filtered[0], final[0], frame.shape[:2])


def pad(x: np.ndarray) -> np.ndarray:
    """To multiples of 32 by repeating the border: left and right alike, and at the bottom."""
    down, across = (-side % MULTIPLE for side in x.shape[:2])
    return np.pad(x, ((0, down), (across // 2, across - across // 2), (0, 0)), mode="edge")


def displayable(
    final: np.ndarray, size: tuple[int, int], *, as_published: bool = False
) -> np.ndarray:
    """(h, w, 3) bytes of a padded result: the padding cut off, rounded.

    as_published: the padded picture is squeezed to the size, and fractions are cut off.
    """
    height, width = size
    if as_published:
        squeezed = cv2.resize(final, (width, height), interpolation=cv2.INTER_LINEAR)
        return (np.clip(squeezed, 0.0, 1.0) * 255.0).astype(np.uint8)
    left = (final.shape[1] - width) // 2
    cut = final[:height, left : left + width]
    return np.round(np.clip(cut, 0.0, 1.0) * 255.0).astype(np.uint8)


def _enlarged(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if picture.shape[:2] == tuple(size):
        return picture
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR)
