"""Optical flow without a network: OpenCV's dense inverse search (Kroeger et al. 2016)."""

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.contracts import Array

NAME = f"OpenCV {cv2.__version__} DIS, preset medium, on 8-bit luma"


class DisFlow:
    """A `FlowEstimator` of luma (b, h, w) or (b, h, w, 1), 0..1, that knows no confidence: it is 1.

    Calls do not depend on one another.
    """

    def __init__(self):
        self._search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __call__(self, target: Array, source: Array) -> tuple[jax.Array, jax.Array]:
        """Backward flow (b, h, w, 2) in pixels from `target` to `source`."""
        pairs = zip(_codes(target), _codes(source), strict=True)
        flows = [self._search.calc(first, second, None) for first, second in pairs]
        flow = jnp.asarray(np.stack(flows))
        return flow, jnp.ones(flow.shape[:3], jnp.float32)


def _codes(luma: Array) -> np.ndarray:
    luma = np.asarray(luma, np.float32)
    luma = luma[..., 0] if luma.ndim == 4 else luma
    return np.rint(luma * 255.0).astype(np.uint8)
