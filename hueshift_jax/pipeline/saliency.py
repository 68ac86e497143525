"""What catches the eye in a gray picture, at the picture's own size."""

from collections.abc import Sequence

import cv2
import numpy as np

from hueshift_jax.contracts import SaliencyDetector


def saliency_maps(grays: Sequence[np.ndarray], detector: SaliencyDetector) -> list[np.ndarray]:
    """Saliency (h, w) float32, 0..1, of gray pictures (h, w) uint8 of one size."""
    height, width = grays[0].shape
    size = detector.working_size(height, width)
    small = np.stack([_resized(gray, size) for gray in grays])
    found = np.asarray(detector(small.astype(np.float32) / 255.0))
    return [np.clip(_resized(part, (height, width)), 0.0, 1.0) for part in found]


def _resized(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    smaller = size[0] * size[1] < plane.size
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(plane, size[::-1], interpolation=method)
