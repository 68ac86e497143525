"""What is given for one frame as an anchor: its colors, and how much they count."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hueshift_jax.errors import UsageError
from hueshift_jax.pipeline.follow import Anchor
from hueshift_jax.pipeline.frames import shrink
from hueshift_jax.pipeline.given_files import Keyframe, colors_of
from hueshift_jax.pipeline.lab import lab_of
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.pipeline.points import Point, ab_of
from hueshift_jax.pipeline.reference import Bank, Features, transferred
from hueshift_jax.pipeline.spread import correction, spread_points
from hueshift_jax.video.frame import luma_from_rgb

_OF_REFERENCE = 0.6


@dataclass(frozen=True)
class Seen:
    """A frame as the network saw it.

    gray (p, q) uint8 is at the working size, small (h, w) uint8 and automatic ab (h, w, 2) at that
    of stored chroma.
    """

    gray: np.ndarray
    small: np.ndarray
    ab: np.ndarray


@dataclass(frozen=True)
class Gift:
    """What is given for one frame."""

    keyframes: tuple[Keyframe, ...] = ()
    points: tuple[Point, ...] = ()


class Anchors:
    """Makes anchors.

    Args:
      painter: whose colorizer looks at references.
      see: features of gray, where there are references.
      references: RGB (h, w, 3) uint8.
    """

    def __init__(
        self, painter: Painter, see: Features | None = None, references: Sequence[np.ndarray] = ()
    ):
        self._painter = painter
        self._see = see
        self._references = references

    def of(self, seen: Seen, gift: Gift, *, alike: bool) -> Anchor:
        """Pictures of a frame, later ones over earlier ones, and points over all of them.

        alike: below all of these, what references say.
        """
        if alike and self._references:
            anchor = _of_references(seen, self._bank, self._see)
        else:
            anchor = Anchor(seen.ab, np.zeros(seen.small.shape, np.float32))
        for keyframe in gift.keyframes:
            anchor = _over(anchor, *colors_of(keyframe.rgb, *seen.small.shape))
        return _with_points(anchor, seen, gift.points) if gift.points else anchor

    @cached_property
    def _bank(self) -> Bank:
        """Raises UsageError if nothing can see what references show."""
        if self._see is None:
            raise UsageError("This colorizer knows no features; leave --reference out.")
        return Bank.of([self._prepared(rgb) for rgb in self._references], self._see)

    def _prepared(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gray and ab of a reference at a size that suits the network."""
        rgb = shrink(rgb, *self._painter.colorizer.working_size(*rgb.shape[:2]))
        return luma_from_rgb(rgb, "bt601"), lab_of(rgb)[..., 1:]


def _over(anchor: Anchor, ab: np.ndarray, weight: np.ndarray) -> Anchor:
    part = weight[..., None]
    return Anchor((1 - part) * anchor.ab + part * ab, np.maximum(anchor.weight, weight))


def _with_points(anchor: Anchor, seen: Seen, points: Sequence[Point]) -> Anchor:
    height, width = seen.small.shape
    rows = np.array([min(int(point.y * height), height - 1) for point in points])
    columns = np.array([min(int(point.x * width), width - 1) for point in points])
    index = rows * width + columns
    errors = ab_of(points) - anchor.ab.reshape(-1, 2)[index]
    found, weight = spread_points(seen.small, seen.ab, index, errors)
    ab = anchor.ab + found
    return Anchor(ab, np.maximum(anchor.weight, weight))


def _of_references(seen: Seen, bank: Bank, see: Features) -> Anchor:
    matched, sure, known = transferred(bank, see, seen.gray, seen.ab)
    ab = seen.ab + correction(known, seen.small, seen.ab)
    part = np.square(sure)[..., None]
    return Anchor(ab + part * (matched - ab), _OF_REFERENCE * sure)
