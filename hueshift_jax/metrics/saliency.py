"""How well a map of saliency agrees with a mask, and two maps that need no training.

Maps are (h, w), 0..1; masks (h, w) boolean.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

BETA_SQUARED = 0.3
"""Precision counts more than recall, as is usual for saliency."""
LEVELS = 256
_SPECTRAL_SIDE = 64
_CENTER_SPREAD = 0.25


class Figures(NamedTuple):
    """Means over pictures.

    mae: mean absolute difference of map and mask.
    f_measure: highest over the thresholds of the F-measure of mean precision and mean recall.
    f_adaptive: mean F-measure at each picture's own threshold, twice the mean of its map.
    """

    mae: float
    f_measure: float
    f_adaptive: float


def f_measure(precision: np.ndarray | float, recall: np.ndarray | float) -> np.ndarray | float:
    """Weighted harmonic mean; 0 where both are 0.

    Source: Achanta et al. 2009, equation 6, with beta squared 0.3.
    """
    below = BETA_SQUARED * np.asarray(precision) + np.asarray(recall)
    return (1.0 + BETA_SQUARED) * precision * recall / np.maximum(below, 1e-12)


def precision_recall(found: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall (256,) of the 8-bit map at thresholds 0..255: at least so bright.

    Where nothing is found precision is 1; where nothing is there recall is 1.
    """
    codes = np.rint(np.clip(found, 0.0, 1.0) * (LEVELS - 1)).astype(np.int64)
    hits, alarms = (
        np.bincount(codes[where], minlength=LEVELS)[::-1].cumsum()[::-1] for where in (mask, ~mask)
    )
    all_found, all_there = hits + alarms, int(mask.sum())
    precision = np.where(all_found > 0, hits / np.maximum(all_found, 1), 1.0)
    recall = hits / all_there if all_there else np.ones(LEVELS)
    return precision, recall


def adaptive_f_measure(found: np.ndarray, mask: np.ndarray) -> float:
    """F-measure of the pixels at least as bright as twice the mean of the map, at most 1.

    Source: Achanta et al. 2009, section 4.2.
    """
    chosen = found >= min(2.0 * float(found.mean()), float(found.max()))
    hits = float((chosen & mask).sum())
    return float(f_measure(hits / max(chosen.sum(), 1), hits / max(mask.sum(), 1)))


@dataclass
class Totals:
    """Collects maps and masks, and gives their figures."""

    _mae: list[float] = field(default_factory=list)
    _adaptive: list[float] = field(default_factory=list)
    _curves: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, found: np.ndarray, mask: np.ndarray) -> None:
        """One more picture."""
        self._mae.append(float(np.abs(found - mask).mean()))
        self._adaptive.append(adaptive_f_measure(found, mask))
        self._curves.append(precision_recall(found, mask))

    def figures(self) -> Figures:
        """Of all pictures so far, at least one."""
        precision, recall = np.mean(self._curves, 0)
        best = float(np.max(f_measure(precision, recall)))
        return Figures(float(np.mean(self._mae)), best, float(np.mean(self._adaptive)))


def measure(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Figures:
    """Figures of (map, mask) after (map, mask)."""
    totals = Totals()
    for found, mask in pairs:
        totals.add(found, mask)
    return totals.figures()


# -- Maps without training --------------------------------------------------------------------


def center_prior(height: int, width: int) -> np.ndarray:
    """Bright in the middle, whatever is there: a Gaussian of a quarter of each side."""
    y, x = (np.linspace(-0.5, 0.5, n, dtype=np.float32) / _CENTER_SPREAD for n in (height, width))
    return np.exp(-0.5 * (y[:, None] ** 2 + x[None] ** 2))


def spectral_residual(luma: np.ndarray) -> np.ndarray:
    """What is unexpected in the spectrum of luma (h, w), 0..1, as a map of its size.

    The picture is reduced to 64 px; the logarithm of its amplitudes, less its mean over 3x3, is
    what is unexpected. The map is scaled to 0..1.

    Source: Hou and Zhang 2007.
    """
    side = (_SPECTRAL_SIDE, _SPECTRAL_SIDE)
    small = cv2.resize(np.float32(luma), side, interpolation=cv2.INTER_AREA)
    spectrum = np.fft.fft2(small)
    amplitude = np.log(np.abs(spectrum) + 1e-8)
    expected = cv2.blur(amplitude, (3, 3), borderType=cv2.BORDER_WRAP)
    residual = np.exp(amplitude - expected + 1j * np.angle(spectrum))
    energy = np.abs(np.fft.ifft2(residual)) ** 2
    smooth = cv2.GaussianBlur(np.float32(energy), (0, 0), 2.5)
    smooth = cv2.resize(smooth, luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
    low, high = float(smooth.min()), float(smooth.max())
    return (smooth - low) / max(high - low, 1e-12)
