"""Color distribution consistency (CDC): how steady the histograms of a film's frames are.

Lower is steadier; a frozen or gray film scores best, so it is read beside the truth's value and
beside colorfulness. A cut raises it.

Source: lyh-18/TCVC-Temporally-Consistent-Video-Colorization, codes/compute_hist.py,
`calculate_folders_multiple`, commit 08cfe36.
"""

from dataclasses import dataclass, field
from typing import Self

import cv2
import numpy as np

DISTANCES = (1, 2, 4)
REACH = max(DISTANCES)
LEAST_FRAMES = REACH + 1
_LEVELS = 256


def histograms(rgb_u8: np.ndarray) -> np.ndarray:
    """Shares of the 256 levels in each channel, (c, 256) float64."""
    counts = [
        cv2.calcHist([rgb_u8], [channel], None, [_LEVELS], [0, _LEVELS]).ravel()
        for channel in range(rgb_u8.shape[-1])
    ]
    # Bins are single floats, exact up to 2^24 pixels.
    return np.array(counts, np.float64) / (rgb_u8.shape[0] * rgb_u8.shape[1])


def divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence of distributions along the last axis, natural logarithm.

    Empty bins count 0; ln 2 for distributions that share no bin.
    """
    middle = 0.5 * (p + q)
    return 0.5 * (_relative(p, middle) + _relative(q, middle))


def _relative(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0.0)
    return np.sum(p * np.log(ratio), axis=-1)


@dataclass(frozen=True)
class Consistency:
    """What is kept of a run of frames: sums over pairs inside it, and the histograms at its ends.

    frames: how many there were.
    sums: of divergences, (distances, channels).
    first, last: histograms of the first and last four frames.
    """

    frames: int = 0
    sums: np.ndarray = field(default_factory=lambda: np.zeros((len(DISTANCES), 3)))
    first: tuple[np.ndarray, ...] = ()
    last: tuple[np.ndarray, ...] = ()

    @classmethod
    def of(cls, rgb_u8: np.ndarray) -> Self:
        """One frame."""
        return cls.of_histograms(histograms(rgb_u8))

    @classmethod
    def of_histograms(cls, found: np.ndarray) -> Self:
        """One frame, of whose channels only the histograms are left."""
        return cls(1, np.zeros((len(DISTANCES), 3)), (found,), (found,))

    def merge(self, later: Self) -> Self:
        """This run and the one that follows it."""
        sums = self.sums + later.sums
        for row, distance in enumerate(DISTANCES):
            for place in range(min(distance, later.frames)):
                before = distance - place
                if before <= min(self.frames, REACH):
                    sums[row] += divergence(self.last[-before], later.first[place])
        return type(self)(
            self.frames + later.frames,
            sums,
            (self.first + later.first)[:REACH],
            (self.last + later.last)[-REACH:],
        )

    def by_distance(self) -> np.ndarray:
        """Mean divergence at each of the distances 1, 2 and 4 (rows) in each channel.

        Not a number where the run is too short.
        """
        pairs = np.array([[self.frames - distance] for distance in DISTANCES], np.float64)
        return np.where(pairs > 0, self.sums / np.maximum(pairs, 1), np.nan)

    def compute(self) -> float | None:
        """The mean over distances and channels; None of fewer than five frames."""
        return float(np.mean(self.by_distance())) if self.frames >= LEAST_FRAMES else None
