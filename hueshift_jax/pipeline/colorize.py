"""The stage that asks the network."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from hueshift_jax.pipeline.carry import carry
from hueshift_jax.pipeline.frames import SEGMENT_FRAMES, ColorFrame, View, dequantize, quantize
from hueshift_jax.pipeline.motion import Motion
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.pipeline.shots import Shot


def colorize(
    shot: Shot,
    painter: Painter | None,
    leaves: Sequence[np.ndarray] = (),
    motion: Motion | None = None,
) -> Iterator[ColorFrame]:
    """Colors one shot, or what is left of it from the beginning of a segment on.

    Frames that carry chroma come first and pass. Lookahead: two batches, or that of `carry`.

    Args:
      shot: the frames.
      painter: what colors them; may be missing if all carry chroma.
      leaves: arrays of the colorizer's memory after the last frame that was colored before; used
        only if this shot has such frames.
      motion: along which most frames take their chroma from others. Without it, or for a colorizer
        that has a memory of its own, the network sees every frame.
    """
    stored, fresh = _divide(shot.views)
    continued = not shot.starts
    for view in stored:
        continued = True
        yield ColorFrame(view.frame, view.chroma, dequantize(view.chroma))
    if painter is None:
        return
    leaves = leaves if continued else ()
    if motion is None or painter.remembers:
        yield from _paint(fresh, painter, leaves)
    else:
        yield from carry(fresh, painter, motion, leaves)


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
