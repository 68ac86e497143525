"""The stage that asks the network."""

import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from hueshift_jax.contracts import Colorizer
from hueshift_jax.pipeline.clockwork import Shares
from hueshift_jax.pipeline.frames import SEGMENT_FRAMES, ColorFrame, View, dequantize, quantize
from hueshift_jax.pipeline.shots import Shot

_PACE_CALLS = 3


class Painter:
    """A colorizer with the way it is called.

    Args:
      colorizer: what is called.
      size: the working size.
      batch: how many frames one call takes, the last of a segment being padded; a colorizer with
        a memory is called frame by frame.
      seed: makes its random choices repeatable.
      shares: takes the time that is spent.
    """

    def __init__(
        self,
        colorizer: Colorizer,
        size: tuple[int, int],
        *,
        batch: int = 1,
        seed: int = 0,
        shares: Shares | None = None,
    ):
        self.colorizer = colorizer
        self.size = size
        self.batch = batch
        self.shares = shares or Shares()
        self._key = jax.random.key(seed)

    def memory_from(self, leaves: Sequence[np.ndarray]) -> Any:
        """The memory whose arrays are `leaves`, in their order; none stand for a fresh one."""
        fresh = self.colorizer.start(*self.size)
        if not leaves:
            return fresh
        return jax.tree.unflatten(jax.tree.structure(fresh), list(leaves))

    def call(self, memory: Any, views: Sequence[View]) -> tuple[Any, jax.Array, jax.Array]:
        """The colorizer's answer for up to `batch` frames; it may still be under way."""
        gray = [view.gray for view in views]
        gray += [gray[-1]] * (self.batch_for(memory) - len(gray))
        luma = np.stack(gray).astype(np.float32) * np.float32(1 / 255)
        key = jax.random.fold_in(self._key, views[0].frame.index)
        with self.shares.during("network"):
            return self.colorizer(memory, luma, key)

    def frames_per_s(self) -> float:
        """The network's own pace, measured on a gray frame after its program is compiled."""
        memory = self.colorizer.start(*self.size)
        count = self.batch_for(memory)
        luma = np.full((count, *self.size), 0.5, np.float32)
        jax.block_until_ready(self.colorizer(memory, luma, self._key)[1:])
        begin = time.perf_counter()
        for _ in range(_PACE_CALLS):
            jax.block_until_ready(self.colorizer(memory, luma, self._key)[1:])
        return _PACE_CALLS * count / max(time.perf_counter() - begin, 1e-6)

    def batch_for(self, memory: Any) -> int:
        """Frames per call."""
        return 1 if jax.tree.leaves(memory) else self.batch


def colorize(
    shot: Shot, painter: Painter | None, leaves: Sequence[np.ndarray] = ()
) -> Iterator[ColorFrame]:
    """Colors one shot, or what is left of it from the beginning of a segment on.

    Frames that carry chroma come first and pass. Lookahead: two batches.

    Args:
      shot: the frames.
      painter: what colors them; may be missing if all carry chroma.
      leaves: arrays of the colorizer's memory after the last frame that was colored before; used
        only if this shot has such frames.
    """
    stored, fresh = _divide(shot.views)
    continued = not shot.starts
    for view in stored:
        continued = True
        yield ColorFrame(view.frame, view.chroma, dequantize(view.chroma))
    if painter is not None:
        yield from _paint(fresh, painter, leaves if continued else ())


def _divide(shot: Iterator[View]) -> tuple[Iterator[View], Iterator[View]]:
    """The leading views with chroma, and the others; the first are to be used up first."""
    others: list[View] = []

    def stored() -> Iterator[View]:
        for view in shot:
            if view.chroma is None:
                others.append(view)
                return
            yield view

    def fresh() -> Iterator[View]:
        yield from others
        yield from shot

    return stored(), fresh()


def _paint(
    views: Iterator[View], painter: Painter, leaves: Sequence[np.ndarray]
) -> Iterator[ColorFrame]:
    memory = painter.memory_from(leaves)
    pending = None
    for batch in _batches(views, painter.batch_for(memory)):
        memory, ab, confidence = painter.call(memory, batch)
        if pending is not None:
            yield from _finish(painter, *pending)
        pending = batch, memory, ab, confidence
    if pending is not None:
        yield from _finish(painter, *pending)


def _batches(views: Iterator[View], size: int) -> Iterator[list[View]]:
    """Batches that do not straddle the ends of segments."""
    while segment := list(itertools.islice(views, 1)):
        rest = itertools.chain(segment, itertools.islice(views, SEGMENT_FRAMES - 1))
        while batch := list(itertools.islice(rest, size)):
            yield batch


def _finish(
    painter: Painter, batch: list[View], memory: Any, ab: jax.Array, confidence: jax.Array
) -> Iterator[ColorFrame]:
    with painter.shares.during("network"):
        ab, confidence = np.asarray(ab), np.asarray(confidence)
    for place, view in enumerate(batch):
        chroma = quantize(ab[place], confidence[place], view.thumb)
        after = memory if place == len(batch) - 1 else None
        yield ColorFrame(view.frame, chroma, dequantize(chroma), after)
