"""The evaluator of `train.py` for saliency: held-out pictures, made gray, and their masks."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from hueshift_jax.contracts import SaliencyDetector, State
from hueshift_jax.data.saliency import Pair
from hueshift_jax.metrics import saliency
from hueshift_jax.pipeline.saliency import saliency_maps

FIGURES = ("mae", "f_measure", "f_adaptive")
"""See `metrics.saliency.Figures`."""
BASELINES = ("center prior", "spectral residual")
"""What is measured without a network."""
_SHEET_SIDE, _SHEET_COUNT = 160, 12


class HeldOutSaliency:
    """Measures states of a saliency system (`contracts.Evaluator`).

    Args:
      pairs: of any size; never trained on.
      detector_of: what a state finds.
    """

    def __init__(self, pairs: Sequence[Pair], detector_of: Callable[[State], SaliencyDetector]):
        self._seen = [(gray(pair.rgb), pair.mask > 127) for pair in pairs]
        self._detector_of = detector_of

    def __call__(self, state: State) -> Iterator[tuple[str, float]]:
        """The means over the pictures, by the names in `FIGURES`."""
        detector = self._detector_of(state)
        found = ((saliency_maps([seen], detector)[0], mask) for seen, mask in self._seen)
        yield from zip(FIGURES, saliency.measure(found))

    def references(self) -> dict[str, saliency.Figures]:
        """The figures of what needs no training."""
        center = ((saliency.center_prior(*mask.shape), mask) for _, mask in self._seen)
        residual = ((saliency.spectral_residual(seen / 255.0), mask) for seen, mask in self._seen)
        return dict(zip(BASELINES, (saliency.measure(center), saliency.measure(residual))))


def gray(rgb_u8: np.ndarray) -> np.ndarray:
    """(h, w) uint8 of colors (h, w, 3)."""
    return cv2.cvtColor(np.ascontiguousarray(rgb_u8), cv2.COLOR_RGB2GRAY)


def table(references: dict[str, saliency.Figures]) -> list[str]:
    """References in words, for the terminal."""
    lines = [f"{'':>18}" + "".join(f"{name:>12}" for name in FIGURES)]
    for row, found in references.items():
        lines.append(f"{row:>18}" + "".join(f"{value:>12.3f}" for value in found))
    return lines


def write_sheet(path: Path, pairs: Sequence[Pair], detector: SaliencyDetector) -> Path:
    """Rows of gray | found | mask, of pictures spread evenly over `pairs`, as one PNG file."""
    chosen = np.linspace(0, len(pairs) - 1, min(_SHEET_COUNT, len(pairs))).astype(int)
    tiles = []
    for pair in (pairs[n] for n in chosen):
        seen = gray(pair.rgb)
        found = np.rint(saliency_maps([seen], detector)[0] * 255.0).astype(np.uint8)
        tiles.append(np.concatenate([_tile(part) for part in (seen, found, pair.mask)], 1))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 2)
    rows = [np.concatenate(tiles[n : n + 2], 1) for n in range(0, len(tiles), 2)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.concatenate(rows))
    return path


def _tile(plane: np.ndarray) -> np.ndarray:
    scale = _SHEET_SIDE / max(plane.shape)
    height, width = (min(_SHEET_SIDE, max(1, round(n * scale))) for n in plane.shape)
    tile = np.zeros((_SHEET_SIDE, _SHEET_SIDE), np.uint8)
    tile[:height, :width] = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
    return tile
