"""Motion between two frames of a shot, on a grid that is fine enough for chroma."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from hueshift_jax.contracts import FlowEstimator
from hueshift_jax.pipeline.frames import shrink, upright
from hueshift_jax.video.frame import ColorSpec, gray_from_luma

MOTION_SIDE = 112
"""Short side of the motion grid in pixels: twice that of stored chroma at the default size."""

_SLACK, _SLACK_SHARE = 0.5, 0.01
_NOISE = 10.0
_LIGHT_SIGMA = 0.06


@dataclass(frozen=True)
class Link:
    """How the target shows what the source shows.

    flow (h, w, 2) float32 points from the target to the source, in pixels of the motion grid.
    trust (h, w) float32, 0..1: 0 where the target shows what the source does not.
    """

    flow: np.ndarray
    trust: np.ndarray

    def carry(self, plane: np.ndarray) -> np.ndarray:
        """A plane of the source, (p, q) or (p, q, c) float32 of any size, moved onto the target."""
        height, width = plane.shape[:2]
        grid_h, grid_w = self.flow.shape[:2]
        flow = self.flow
        if (height, width) != (grid_h, grid_w):
            flow = shrink(flow, height, width) * np.float32([width / grid_w, height / grid_h])
        at = flow + places(height, width)
        return cv2.remap(plane, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def trust_at(self, height: int, width: int) -> np.ndarray:
        """The trust on another grid."""
        return shrink(self.trust, height, width)


@lru_cache(maxsize=8)
def places(height: int, width: int) -> np.ndarray:
    """Each pixel's own (x, y), float32 (height, width, 2)."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([x, y], axis=-1)


def motion_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (height, width) of the motion grid for an upright picture of this size."""
    factor = min(1.0, MOTION_SIDE / min(size))
    return round(size[0] * factor), round(size[1] * factor)


def motion_gray(
    luma: np.ndarray, color: ColorSpec, rotation: int, size: tuple[int, int]
) -> np.ndarray:
    """Upright gray uint8 at `size`, of coded luma."""
    height, width = size if rotation % 180 == 0 else size[::-1]
    return gray_from_luma(upright(shrink(luma, height, width), rotation), color)


class Motion:
    """Follows what moves, both ways, and knows where that fails.

    Args:
      estimator: of the flow.
    """

    def __init__(self, estimator: FlowEstimator):
        self._estimator = estimator

    def link(self, target: np.ndarray, source: np.ndarray) -> Link:
        """From gray (h, w) uint8 to gray of the same size."""
        return self.links(target, source)[0]

    def links(self, first: np.ndarray, second: np.ndarray) -> tuple[Link, Link]:
        """With the first as the target, and with the second."""
        there, back = self._flow(first, second), self._flow(second, first)
        return _link(first, second, there, back), _link(second, first, back, there)

    def _flow(self, target: np.ndarray, source: np.ndarray) -> np.ndarray:
        pair = (gray[None].astype(np.float32) * np.float32(1 / 255) for gray in (target, source))
        return np.asarray(self._estimator(*pair)[0][0], np.float32)


def _link(target: np.ndarray, source: np.ndarray, there: np.ndarray, back: np.ndarray) -> Link:
    link = Link(there, np.ones(there.shape[:2], np.float32))
    returned = link.carry(back)
    astray = np.sum(np.square(there + returned), axis=-1)
    lengths = np.sum(np.square(there), axis=-1) + np.sum(np.square(returned), axis=-1)
    consistent = np.exp(-astray / (_SLACK_SHARE * lengths + _SLACK))
    apart = unlike(target, link.carry(source.astype(np.float32)))
    return Link(there, consistent * np.exp(-np.square(apart * np.float32(1 / _NOISE))))


def unlike(target: np.ndarray, carried: np.ndarray) -> np.ndarray:
    """Difference of gray, apart from a change of light over a large part of the frame."""
    difference = target.astype(np.float32) - carried
    sigma = _LIGHT_SIGMA * max(difference.shape)
    return np.abs(difference - cv2.GaussianBlur(difference, (0, 0), sigma))
