"""Frames that stand for a film: those where the picture changes most.

Source: joelibaceta/video-keyframe-detector: KeyFrameDetector/key_frame_detector.py, commit
dbdbab1; lucashn/peakutils: peakutils/baseline.py and peak.py. Departures: nothing is written to
disk, and the change may count darkening pixels too.
"""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

_BLUR = (9, 9)
_ITERATIONS = 100
_SETTLED = 1e-3


def keyframes(
    frames: Iterable[np.ndarray],
    *,
    most: int | None = None,
    threshold: float = 0.3,
    both_ways: bool = False,
) -> list[int]:
    """Numbers of the frames at the peaks of change, in order of time.

    Args:
      frames: (h, w, 3) BGR bytes.
      most: keeps at most so many, those that changed most.
      threshold: see `peaks`.
      both_ways: see `changes`.
    """
    series = changes(frames, both_ways=both_ways)
    found = peaks(series - baseline(series), threshold=threshold)
    if most is not None:
        found = np.sort(found[np.argsort(-series[found], kind="stable")[:most]])
    return found.tolist()


def changes(frames: Iterable[np.ndarray], *, both_ways: bool = False) -> np.ndarray:
    """How many pixels of each blurred frame are brighter than in the one before; 0 for the first.

    frames: (h, w, 3) BGR bytes.
    both_ways: darker pixels count too. As published they do not.
    """
    counts, before = [], None
    difference = cv2.absdiff if both_ways else cv2.subtract
    for frame in frames:
        gray = blurred(frame)
        counts.append(0 if before is None else cv2.countNonZero(difference(gray, before)))
        before = gray
    return np.array(counts, np.int64)


def blurred(frame: np.ndarray) -> np.ndarray:
    """(h, w) gray bytes under a 9x9 Gaussian of deviation 1.7, borders mirrored.

    frame: (h, w, 3) BGR bytes.
    """
    return cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), _BLUR, 0)


def baseline(series: np.ndarray, degree: int = 2) -> np.ndarray:
    """A polynomial below the peaks: fitted again and again to the smaller of series and fit."""
    values = np.asarray(series, np.float64)
    length = np.abs(values).max(initial=0.0) ** (1.0 / (degree + 1))
    powers = np.vander(np.linspace(0.0, length, len(values)), degree + 1)
    inverse = np.linalg.pinv(powers)
    coefficients, fit = np.ones(degree + 1), values
    for _ in range(_ITERATIONS):
        found = inverse @ values
        moved = np.linalg.norm(found - coefficients)
        if moved < _SETTLED * np.linalg.norm(coefficients):
            break
        coefficients, fit = found, powers @ found
        values = np.minimum(values, fit)
    return fit


def peaks(
    series: Sequence[float] | np.ndarray, *, threshold: float = 0.3, least_distance: int = 1
) -> np.ndarray:
    """Where the series rises before and falls after; of a plateau its middle, or left of it.

    threshold: peaks are above this part of the way from the smallest to the largest value.
    least_distance: of two peaks no further apart than this only the higher stays; 1 keeps all.
    """
    values = np.asarray(series, np.float64)
    if len(values) < 3:
        return np.zeros(0, np.int64)
    slope = _without_plateaus(np.diff(values))
    rises, falls = np.append(0.0, slope) > 0, np.append(slope, 0.0) < 0
    low, high = values.min(), values.max()
    found = np.flatnonzero(rises & falls & (values > low + threshold * (high - low)))
    return _thinned(found, values, least_distance) if least_distance > 1 else found


def _without_plateaus(slope: np.ndarray) -> np.ndarray:
    """Zeros become the nearest other value, of two equally near the right one."""
    (sloping,) = np.nonzero(slope)
    if not len(sloping):
        return slope
    place = np.arange(len(slope))
    right = np.searchsorted(sloping, place)
    left = np.searchsorted(sloping, place, side="right") - 1
    before, after = sloping[np.maximum(left, 0)], sloping[np.minimum(right, len(sloping) - 1)]
    takes_left = (right == len(sloping)) | ((left >= 0) & (2 * place < before + after))
    return slope[np.where(takes_left, before, after)]


def _thinned(found: np.ndarray, values: np.ndarray, distance: int) -> np.ndarray:
    kept: list[int] = []
    for peak in found[np.argsort(values[found])][::-1]:
        if all(abs(peak - other) > distance for other in kept):
            kept.append(int(peak))
    return np.array(sorted(kept), found.dtype)
