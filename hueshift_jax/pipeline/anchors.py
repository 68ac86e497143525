"""What is given for one frame as an anchor: its colors, and how much they count."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hueshift_jax.pipeline.follow import Anchor
from hueshift_jax.pipeline.given_files import Keyframe, colors_of
from hueshift_jax.pipeline.points import Point, ab_of
from hueshift_jax.pipeline.reference import Bank, Features, transferred
from hueshift_jax.pipeline.spread import POINT_NOISE, Samples, certainty, correction, features

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


def anchor_of(seen: Seen, keyframes: Sequence[Keyframe], points: Sequence[Point]) -> Anchor:
    """Pictures of a frame, later ones over earlier ones, and points over all of them."""
    anchor = Anchor(seen.ab, np.zeros(seen.small.shape, np.float32))
    for keyframe in keyframes:
        ab, weight = colors_of(keyframe.rgb, *seen.small.shape)
        anchor = _over(anchor, ab, weight)
    return _with_points(anchor, seen, points) if points else anchor


def _over(anchor: Anchor, ab: np.ndarray, weight: np.ndarray) -> Anchor:
    part = weight[..., None]
    return Anchor((1 - part) * anchor.ab + part * ab, np.maximum(anchor.weight, weight))


def _with_points(anchor: Anchor, seen: Seen, points: Sequence[Point]) -> Anchor:
    height, width = seen.small.shape
    rows = np.array([min(int(point.y * height), height - 1) for point in points])
    columns = np.array([min(int(point.x * width), width - 1) for point in points])
    index = rows * width + columns
    errors = ab_of(points) - anchor.ab.reshape(-1, 2)[index]
    noise = np.full(len(points), POINT_NOISE, np.float32)
    known = Samples(features(seen.small, seen.ab)[index], errors, noise)
    ab = anchor.ab + correction(known, seen.small, seen.ab)
    weight = certainty(known, seen.small, seen.ab)
    return Anchor(ab, np.maximum(anchor.weight, weight))


def reference_anchor(seen: Seen, bank: Bank, see: Features) -> Anchor:
    """What references say of a frame."""
    matched, sure, known = transferred(bank, see, seen.gray, seen.ab)
    ab = seen.ab + correction(known, seen.small, seen.ab)
    part = np.square(sure)[..., None]
    return Anchor(ab + part * (matched - ab), _OF_REFERENCE * sure)
