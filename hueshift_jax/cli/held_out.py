"""The evaluator of `train.py`: held-out pictures made gray, colored, and compared with their truth.

Pictures are cut to squares and keep their true L*, as on the road through `infer.py`. PSNR rewards
gray, so it never comes without CIEDE2000 and colorfulness, nor without what needs no colorizer:
gray, the mean chroma of the training pictures, each picture's own mean chroma (an oracle), and the
truth.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.contracts import Colorizer, State
from hueshift_jax.metrics import image, planes
from hueshift_jax.ops import color

FIGURES = ("psnr", "ciede2000", "colorfulness", "colorfulness_ratio", "fidelity")
"""What is measured: dB, a color difference, M3, its part of the truth's, and the color difference
plus a tenth of what M3 is off, which rewards neither gray nor garishness."""
HIGHEST_IS_BEST = {"psnr": True, "ciede2000": False, "fidelity": False}
"""By what a best state can be told; nobody is best by being colorful."""
REFERENCES = ("gray", "training_mean_ab", "own_mean_ab", "truth")

_BATCH = 16
_SIDE = 192
_HIGHEST_PSNR = 60.0
_MEAN_OF = 500


class Score(NamedTuple):
    """One picture's figures, or their means over pictures."""

    psnr: float
    ciede2000: float
    colorfulness: float


class _Truth(NamedTuple):
    """rgb_u8 (h, w, 3), its lab (h, w, 3) and its luma (h, w)."""

    rgb: np.ndarray
    lab: np.ndarray
    luma: np.ndarray


class HeldOut:
    """Measures states of a system (`contracts.Evaluator`).

    Args:
      pictures: rgb_u8, of any size; never trained on.
      training: the pictures trained on, for their mean chroma.
      colorizer_of: what a state does to a film.
    """

    def __init__(
        self,
        pictures: Sequence[np.ndarray],
        training: Sequence[np.ndarray],
        colorizer_of: Callable[[State], Colorizer],
    ):
        self._truths = [_seen(square(pictures[n], _SIDE)) for n in range(len(pictures))]
        self._colorizer_of = colorizer_of
        self._mean_ab = mean_ab(training)
        self._colorful = float(np.mean([image.colorfulness(t.rgb) for t in self._truths]))

    def __call__(self, state: State) -> Iterator[tuple[str, float]]:
        """The means over the pictures, by the names in `FIGURES`."""
        chroma = _chroma(self._colorizer_of(state), self._truths)
        yield from self._named([_score(t, ab) for t, ab in zip(self._truths, chroma)])

    def references(self) -> dict[str, dict[str, float]]:
        """The same figures of what needs no colorizer; the truth has no PSNR."""
        found: dict[str, list[Score]] = {name: [] for name in REFERENCES[:3]}
        for truth in self._truths:
            own = truth.lab[..., 1:].mean((0, 1))
            for name, ab in zip(found, (np.zeros(2), self._mean_ab, own)):
                found[name].append(_score(truth, np.broadcast_to(ab, truth.lab[..., 1:].shape)))
        named = {name: dict(self._named(scores)) for name, scores in found.items()}
        own = dict(zip(FIGURES[1:], [0.0, self._colorful, *self._of_truth(0.0, self._colorful)]))
        return named | {"truth": own}

    def _named(self, scores: list[Score]) -> Iterator[tuple[str, float]]:
        means = np.mean(scores, 0).tolist()
        yield from zip(FIGURES, [*means, *self._of_truth(means[1], means[2])])

    def _of_truth(self, difference: float, colorfulness: float) -> tuple[float, float]:
        """The colorfulness ratio, and the color difference with what colorfulness is off."""
        off = abs(colorfulness - self._colorful)
        return colorfulness / max(self._colorful, 1e-6), difference + off / 10.0


def notes(references: dict[str, dict[str, float]]) -> dict[str, float]:
    """References as figures of the log: `gray/psnr`, ..."""
    return {f"{row}/{name}": v for row, found in references.items() for name, v in found.items()}


def table(references: dict[str, dict[str, float]]) -> list[str]:
    """References in words, for the terminal."""
    lines = [f"{'':>18}{'PSNR dB':>9}{'CIEDE2000':>11}{'colorfulness':>14}{'of truth':>10}"]
    for row, found in references.items():
        psnr = f"{found['psnr']:.2f}" if "psnr" in found else "-"
        lines.append(
            f"{row.replace('_', ' '):>18}{psnr:>9}{found['ciede2000']:>11.2f}"
            f"{found['colorfulness']:>14.1f}{found['colorfulness_ratio']:>10.2f}"
        )
    return lines


def square(rgb_u8: np.ndarray, side: int) -> np.ndarray:
    """The middle of a picture as (side, side, 3)."""
    short = min(rgb_u8.shape[:2])
    top, left = ((n - short) // 2 for n in rgb_u8.shape[:2])
    middle = rgb_u8[top : top + short, left : left + short]
    method = cv2.INTER_AREA if short > side else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(middle), (side, side), interpolation=method)


def mean_ab(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Mean chroma (2) of at most 500 pictures, spread evenly over all."""
    chosen = np.linspace(0, len(pictures) - 1, min(_MEAN_OF, len(pictures))).astype(int)
    small = np.stack([square(pictures[n], 32) for n in chosen])
    lab = color.srgb_to_lab(jnp.asarray(small, jnp.float32) / 255.0)
    return np.asarray(lab[..., 1:].mean((0, 1, 2)))


def _seen(rgb_u8: np.ndarray) -> _Truth:
    found = _lab(rgb_u8)
    lab = np.moveaxis(np.asarray(found), 0, -1)
    return _Truth(rgb_u8, lab, np.asarray(color.lightness_to_luma(found[0])))


def _lab(rgb_u8: np.ndarray) -> jax.Array:
    return _lab_of_linear(jnp.asarray(planes.linear_planes(rgb_u8)))


_lab_of_linear = jax.jit(planes.lab_planes)
_ciede2000 = jax.jit(planes.ciede2000)


@jax.jit
def _recolored(lab: Any, ab: Any) -> jax.Array:
    srgb = color.lab_to_srgb(jnp.concatenate([lab[..., :1], ab], -1))
    return jnp.floor(srgb * 255.0 + 0.5).astype(jnp.uint8)


def _score(truth: _Truth, ab: np.ndarray) -> Score:
    """Of chroma ab (h, w, 2) with the true L*, as the 8-bit picture that one sees."""
    shown = np.asarray(_recolored(truth.lab, ab.astype(np.float32)))
    difference = _ciede2000(_lab(shown), jnp.asarray(np.moveaxis(truth.lab, -1, 0)))
    psnr = min(image.psnr(shown, truth.rgb), _HIGHEST_PSNR)  # a gray picture painted gray
    return Score(psnr, float(difference.mean()), image.colorfulness(shown))


def _chroma(colorizer: Colorizer, truths: Sequence[_Truth]) -> Iterator[np.ndarray]:
    """Chroma (h, w, 2) of every picture; all calls have one shape, to compile once."""
    height, width = colorizer.working_size(_SIDE, _SIDE)
    # One that remembers takes each picture for a shot of its own.
    together = min(_BATCH, len(truths)) if colorizer.start(_SIDE, _SIDE) == () else 1
    for first in range(0, len(truths), together):
        part = truths[first : first + together]
        luma = np.stack([_resized(truth.luma, (height, width)) for truth in part])
        luma = np.concatenate([luma, np.repeat(luma[-1:], together - len(part), 0)])
        _, ab, _ = colorizer(colorizer.start(_SIDE, _SIDE), luma, jax.random.key(0))
        for small in np.asarray(ab)[: len(part)]:
            yield cv2.resize(small, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)


def _resized(luma: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    method = cv2.INTER_AREA if size[0] < luma.shape[0] else cv2.INTER_CUBIC
    return luma if luma.shape == size else cv2.resize(luma, size[::-1], interpolation=method)
