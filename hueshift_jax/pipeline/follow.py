"""Colors of some frames of a shot carried to all of its frames, both ways in time.

From frame to frame only positions are carried: where in the given frame each pixel came from. The
colors are read there once, so that they do not blur however far they travel. A search for better
positions, which starts from the carried ones and compares with the given frame itself, keeps them
from drifting.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from hueshift_jax.ops.dis_flow import DisFlow
from hueshift_jax.pipeline.frames import shrink
from hueshift_jax.pipeline.motion import Link, Motion, places, unlike

_SOFTNESS = 0.02
_NOISE = 40.0
_NEAR = 6.0
_AROUND = 2.0
_AT_ONCE = 0.5
_FULL = 0.9
_MOST_TRAILS = 8


@dataclass(frozen=True)
class Anchor:
    """Colors given for one frame: ab (h, w, 2) float32 and how much they count (h, w), 0..1."""

    ab: np.ndarray
    weight: np.ndarray

    @property
    def is_full(self) -> bool:
        """Whether the whole frame has its colors."""
        return float(self.weight.mean()) > _FULL


@dataclass(frozen=True)
class Arrived:
    """Given colors as they arrive at a frame.

    ab (h, w, 2); share (h, w), how much they count beside what arrives from elsewhere; weight
    (h, w), 0..1, how much they count beside automatic colors.
    """

    ab: np.ndarray
    share: np.ndarray
    weight: np.ndarray

    @classmethod
    def together(cls, parts: Sequence["Arrived"]) -> "Arrived":
        """What arrives from several sides, of which there is at least one."""
        share = sum(part.share for part in parts)
        ab = sum(part.share[..., None] * part.ab for part in parts)
        weight = np.maximum.reduce([part.weight for part in parts])
        return cls(ab / np.maximum(share, 1e-6)[..., None], share, weight)


@dataclass
class _Trail:
    """Where one anchor's colors have come to.

    at (p, q, 2) are positions in the anchor's frame, on the motion grid, and trust (p, q) how sure
    of them we are; gray is the anchor's own.
    """

    anchor: Anchor
    gray: np.ndarray
    at: np.ndarray
    trust: np.ndarray
    steps: int = 0
    search: DisFlow = field(default_factory=DisFlow)

    def step(self, link: Link, gray: np.ndarray) -> None:
        """One frame further, to `gray`, which `link` connects with the frame before."""
        at = link.carry(self.at)
        self.at = self._searched(at, gray)
        self.trust = link.carry(self.trust) * np.power(np.maximum(link.trust, 1e-6), _SOFTNESS)
        self.steps += 1

    def _searched(self, at: np.ndarray, gray: np.ndarray) -> np.ndarray:
        """Positions found anew from `at` on, where the frames then agree better."""
        height, width = gray.shape
        found = places(height, width) + self.search.continued(
            gray, self.gray, at - places(height, width)
        )
        losses = [self._loss(positions, gray) for positions in (at, found)]
        near = np.sum(np.square(found - at), axis=-1) < _NEAR**2
        better = ((losses[1] < losses[0]) & near).astype(np.float32)
        better = cv2.GaussianBlur(better, (0, 0), _AROUND / 2)[..., None]
        return at + better * (found - at)

    def _loss(self, at: np.ndarray, gray: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(self._unlike(at, gray), (0, 0), _AROUND)

    def _unlike(self, at: np.ndarray, gray: np.ndarray) -> np.ndarray:
        return unlike(gray, _read(self.gray.astype(np.float32), at))

    def arrived(self, gray: np.ndarray) -> Arrived:
        """The anchor's colors at the frame whose motion gray this is."""
        height, width = self.anchor.weight.shape
        rows, columns = gray.shape
        at = shrink(self.at, height, width)
        at = (at + 0.5) * np.float32([width / columns, height / rows]) - 0.5
        weight = _read(self.anchor.weight, at)
        if self.steps:
            inside = np.all((self.at > -1) & (self.at < (columns, rows)), axis=-1)
            agree = np.exp(-np.square(self._unlike(self.at, gray) / _NOISE)) * inside
            weight = weight * shrink(agree * self.trust, height, width)
        share = np.square(weight) / (self.steps + _AT_ONCE)
        return Arrived(_read(self.anchor.ab, at), share, weight)


def follow(
    grays: Sequence[np.ndarray], anchors: Mapping[int, Anchor], motion: Motion, *, back: bool
) -> Iterator[tuple[int, Arrived]]:
    """What arrives at the frames after the anchors, or before them with `back`, frame by frame.

    The anchors' own frames take part; frames that nothing reaches are left out. Colors of an
    anchor end at the next one that has the colors of its whole frame.

    Args:
      grays: of the shot, motion grays.
      anchors: by place in the shot.
      motion: between frames.
      back: against the course of time.
    """
    trails: list[_Trail] = []
    order = range(len(grays))
    before = None
    for place in reversed(order) if back else order:
        gray = np.asarray(grays[place])
        if trails:
            link = motion.link(gray, before)
            for trail in trails:
                trail.step(link, gray)
        anchor = anchors.get(place)
        if anchor is not None:
            trails = [_begun(anchor, gray), *([] if anchor.is_full else trails)][:_MOST_TRAILS]
        if trails:
            yield place, Arrived.together([trail.arrived(gray) for trail in trails])
        before = gray


def _begun(anchor: Anchor, gray: np.ndarray) -> _Trail:
    return _Trail(anchor, gray, places(*gray.shape).copy(), np.ones(gray.shape, np.float32))


def _read(plane: np.ndarray, at: np.ndarray) -> np.ndarray:
    return cv2.remap(
        np.float32(plane), np.float32(at), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
