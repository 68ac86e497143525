"""Optical flow without a network: OpenCV's dense inverse search (Kroeger et al. 2016)."""

from collections.abc import Callable
from typing import Literal

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.contracts import Array

NAME = f"OpenCV {cv2.__version__} DIS, preset medium, on 8-bit luma"

_PRESETS = {
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
_LEAST = 32
"""The library crashes on sides below 16."""


class DisFlow:
    """A `FlowEstimator` of luma (b, h, w), 0..1, that knows no confidence: it is 1.

    Frames with sides below 32 are continued by their border.

    Args:
      preset: the library's; "medium" takes four to five times as long as "fast".
    """

    def __init__(self, preset: Literal["fast", "medium"] = "medium"):
        self._search = cv2.DISOpticalFlow_create(_PRESETS[preset])

    def __call__(self, target: Array, source: Array) -> tuple[jax.Array, jax.Array]:
        """Backward flow (b, h, w, 2) in pixels from `target` to `source`, and ones (b, h, w)."""
        height, width = target.shape[1:3]
        pairs = zip(_codes(target), _codes(source), strict=True)
        flows = [self._search.calc(first, second, None) for first, second in pairs]
        flow = jnp.asarray(np.stack(flows)[:, :height, :width])
        return flow, jnp.ones(flow.shape[:3], jnp.float32)

    def continued(self, target: np.ndarray, source: np.ndarray, flow: np.ndarray) -> np.ndarray:
        """Flow (h, w, 2) between gray frames (h, w) uint8, searched from an earlier `flow` on."""
        height, width = target.shape
        lacking = [(0, max(0, _LEAST - side)) for side in (height, width)]
        frames = (np.pad(gray, lacking, mode="edge") for gray in (target, source))
        begin = np.pad(np.float32(flow), (*lacking, (0, 0)), mode="edge")
        return self._search.calc(*frames, begin)[:height, :width]


class RefinedFlow:
    """A `FlowEstimator` that searches on from what another one found; its confidence is kept.

    A network sees far motion and small moving things that the search alone loses; the search is
    exact to parts of a pixel, which a small network is not.

    Args:
      first: the `FlowEstimator` whose flow is the beginning.
    """

    def __init__(self, first: Callable[[Array, Array], tuple[Array, Array]]):
        self._first, self._search = first, DisFlow()

    def __call__(self, target: Array, source: Array) -> tuple[Array, Array]:
        """Backward flow (b, h, w, 2) in pixels from `target` to `source`, and its confidence."""
        flows, confidence = self._first(target, source)
        gray = (
            np.rint(np.asarray(x, np.float32) * 255.0).astype(np.uint8) for x in (target, source)
        )
        found = [self._search.continued(*each) for each in zip(*gray, np.asarray(flows))]
        return jnp.asarray(np.stack(found)), confidence


def _codes(luma: Array) -> np.ndarray:
    codes = np.rint(np.asarray(luma, np.float32) * 255.0).astype(np.uint8)
    lacking = [(0, max(0, _LEAST - side)) for side in codes.shape[1:]]
    return np.pad(codes, ((0, 0), *lacking), mode="edge")
