"""Chroma carried along motion: the network sees some frames of a shot, the others follow them.

Every KEY_GAP frames, or sooner where too much of a frame cannot be found in the last one that was
colored, a frame is a key: the network colors it. What it says is joined with what the keys before
it said of the same things, carried there along motion; a memory fades, and counts only where motion
is trusted. The frames between two keys take their chroma from both, along motion; where neither can
be trusted, from the smooth color function of both (`color_function`). Colors neither flicker nor
depend on frames far away.

A segment ends with a key, and its memory is all that the next one needs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import jax
import numpy as np

from hueshift_jax.pipeline.color_function import Fitted, fit, function_at
from hueshift_jax.pipeline.frames import (
    SEGMENT_FRAMES,
    Chroma,
    ColorFrame,
    View,
    dequantize,
    quantize,
    shrink,
)
from hueshift_jax.pipeline.motion import Link, Motion, motion_size
from hueshift_jax.pipeline.painter import Painter

KEY_GAP = 4
"""Most frames from one key to the next."""

_LOST, _MOST_LOST = 0.3, 0.5
_MOST_MEMORY, _FADING = 2.0, 0.9
_MOST_GAIN = 1.1
_CERTAIN, _UNCERTAIN = 2.0, 0.2
_FALLBACK = 0.02


class Memory(NamedTuple):
    """The latest key: ab (h, w, 2) and its weight (h, w), float32; motion gray (p, q) uint8."""

    ab: np.ndarray
    weight: np.ndarray
    gray: np.ndarray


@dataclass(frozen=True)
class _Seen:
    """A frame with its motion gray and, after the first, the way to and from the last key."""

    view: View
    gray: np.ndarray
    back: Link | None = None
    forth: Link | None = None

    @property
    def is_lost(self) -> bool:
        """Too much of it cannot be found in the last key."""
        return self.back is not None and float(np.mean(self.back.trust < _LOST)) > _MOST_LOST


@dataclass(frozen=True)
class _Key:
    """A colored frame as others follow it."""

    memory: Memory
    confidence: np.ndarray
    fitted: Fitted


def carry(
    views: Iterator[View], painter: Painter, motion: Motion, leaves: Sequence[np.ndarray] = ()
) -> Iterator[ColorFrame]:
    """Colors the frames of one shot, or its rest from the beginning of a segment on.

    Lookahead: KEY_GAP frames.

    Args:
      views: frames without chroma.
      painter: what colors the keys.
      motion: how others follow.
      leaves: the arrays of the `Memory` after the last frame before, and its chroma's confidence
        and gray; none at the beginning of a shot.
    """
    last = _restored(leaves)
    for group in _groups(views, painter.size, motion, last and last.memory.gray):
        pending = painter.call((), [group[-1].view])
        between = _ways(group, motion)
        key = _joined(painter, pending, group[-1], last)
        for seen, ahead, share in between:
            chroma = _between(seen, ahead, share, last, key)
            yield ColorFrame(seen.view.frame, chroma, dequantize(chroma))
        yield _colored(group[-1].view, key)
        last = key


def _groups(
    views: Iterator[View], size: tuple[int, int], motion: Motion, gray: np.ndarray | None
) -> Iterator[list[_Seen]]:
    """Frames up to the next key, the key last; `gray` is that of the key before them."""
    grid = motion_size(size)
    group: list[_Seen] = []
    for place, (view, is_last) in enumerate(_with_last(views)):
        own = shrink(view.gray, *grid)
        links = (None, None) if gray is None else motion.links(own, gray)
        group.append(_Seen(view, own, *links))
        ends = is_last or (place + 1) % SEGMENT_FRAMES == 0
        if ends or gray is None or len(group) == KEY_GAP or group[-1].is_lost:
            yield group
            group, gray = [], own


def _with_last(views: Iterator[View]) -> Iterator[tuple[View, bool]]:
    views = iter(views)
    current = next(views, None)
    while current is not None:
        after = next(views, None)
        yield current, after is None
        current = after


def _ways(group: list[_Seen], motion: Motion) -> list[tuple[_Seen, Link, float]]:
    """Each frame before the key with its way to the key, and how far it is on from the last one."""
    key = group[-1]
    return [
        (seen, motion.link(seen.gray, key.gray), (place + 1) / len(group))
        for place, seen in enumerate(group[:-1])
    ]


def _joined(painter: Painter, pending: Any, seen: _Seen, last: _Key | None) -> _Key:
    """The key as the network has it, joined with what is remembered."""
    with painter.shares.during("network"):
        ab, confidence = (np.asarray(jax.block_until_ready(x))[0] for x in pending[1:])
    height, width = seen.view.thumb.shape
    ab, confidence = (_resized(np.float32(x), height, width) for x in (ab, confidence))
    weight = np.ones((height, width), np.float32)
    if last is not None:
        ab, weight = _remembered(ab, confidence, last.memory, seen.back)
    return _key(Memory(ab, weight, seen.gray), confidence, seen.view.thumb)


def _key(memory: Memory, confidence: np.ndarray, thumb: np.ndarray) -> _Key:
    chroma = quantize(memory.ab, confidence, thumb)
    return _Key(memory, confidence, fit(memory.ab, chroma))


def _resized(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    if plane.shape[:2] == (height, width):
        return plane
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)


def _remembered(
    ab: np.ndarray, confidence: np.ndarray, memory: Memory, link: Link
) -> tuple[np.ndarray, np.ndarray]:
    """ab joined with the memory carried there, and the weight of both."""
    own = _CERTAIN * confidence + _UNCERTAIN
    carried = link.carry(memory.ab)
    kept = np.minimum(link.carry(memory.weight), _MOST_MEMORY) * _FADING
    kept *= link.trust_at(*confidence.shape)
    weight = own + kept
    joined = (own[..., None] * ab + kept[..., None] * carried) / weight[..., None]
    # The mean of colors that differ is paler than they are.
    level = np.mean((own * _length(ab) + kept * _length(carried)) / weight)
    gain = min(level / max(float(np.mean(_length(joined))), 1e-3), _MOST_GAIN)
    return np.float32(gain) * joined, weight


def _length(ab: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum(np.square(ab), axis=-1))


def _between(seen: _Seen, ahead: Link, share: float, last: _Key, key: _Key) -> Chroma:
    """Chroma of a frame that is `share` of the way from one key to the next."""
    shape = seen.view.thumb.shape
    mean = (1 - share) * last.fitted.coefficients + share * key.fitted.coefficients
    smooth = function_at(seen.view.thumb, mean)
    ab, weight = _FALLBACK * smooth, np.full(shape, _FALLBACK, np.float32)
    confidence = np.zeros(shape, np.float32)
    for link, one, part in ((seen.back, last, 1 - share), (ahead, key, share)):
        trust = np.float32(part) * link.trust_at(*shape)
        ab += trust[..., None] * link.carry(one.memory.ab)
        confidence += trust * link.carry(one.confidence)
        weight += trust
    return quantize(ab / weight[..., None], confidence / weight, seen.view.thumb)


def _colored(view: View, key: _Key) -> ColorFrame:
    chroma = quantize(key.memory.ab, key.confidence, view.thumb)
    memory = (*key.memory, key.confidence, view.thumb)
    return ColorFrame(view.frame, chroma, dequantize(chroma), memory)


def _restored(leaves: Sequence[np.ndarray]) -> _Key | None:
    if not leaves:
        return None
    *memory, confidence, thumb = leaves
    return _key(Memory(*memory), confidence, thumb)
