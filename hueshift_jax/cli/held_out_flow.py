"""The evaluator of `train.py` for flow systems: held-out pictures set in motion, and the truth."""

from collections.abc import Callable, Iterator, Sequence

import cv2
import jax
import numpy as np

from hueshift_jax.contracts import FlowEstimator, State
from hueshift_jax.ops import motion

FIGURES = ("flow_epe", "flow_epe_fast", "flow_epe_of_zero")
"""Mean end point error in pixels, that where the true motion exceeds `FAST_PX`, and the first as
part of what no motion at all would get."""
FAST_PX = 8.0
_FRAME = (192, 256)
_CANVAS = (240, 320)
_COUNT, _TOGETHER = 32, 8


class HeldOutFlow:
    """Measures states of a flow system (`contracts.Evaluator`).

    Args:
      pictures: rgb_u8, of any size; never trained on.
      estimator_of: the motion that a state sees.
    """

    def __init__(
        self, pictures: Sequence[np.ndarray], estimator_of: Callable[[State], FlowEstimator]
    ):
        self._estimator_of = estimator_of
        chosen = np.arange(max(_TOGETHER, min(_COUNT, len(pictures)) // _TOGETHER * _TOGETHER))
        lumas = np.stack([canvas(pictures[n % len(pictures)], _CANVAS) for n in chosen])
        self._pairs = [
            _made(part, jax.random.key(place))
            for place, part in enumerate(np.split(lumas, len(chosen) // _TOGETHER))
        ]

    def __call__(self, state: State) -> Iterator[tuple[str, float]]:
        """The means over all pixels, by the names in `FIGURES`."""
        estimator = self._estimator_of(state)
        found = [estimator(pair.target, pair.source)[0] for pair in self._pairs]
        error = np.concatenate([_length(f - p.flow) for f, p in zip(found, self._pairs)])
        motion_px = np.concatenate([_length(p.flow) for p in self._pairs])
        fast = error[motion_px > FAST_PX]
        means = (error.mean(), fast.mean() if len(fast) else 0.0, error.mean() / motion_px.mean())
        yield from zip(FIGURES, map(float, means))


@jax.jit
def _made(lumas: jax.Array, key: jax.Array) -> motion.Pair:
    return motion.make_pair(lumas, _FRAME, key)


def canvas(rgb_u8: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The middle of a picture as luma (h, w), 0..1, that fills `size`."""
    gray = cv2.cvtColor(np.ascontiguousarray(rgb_u8), cv2.COLOR_RGB2GRAY)
    scale = max(size[0] / gray.shape[0], size[1] / gray.shape[1])
    full = tuple(max(round(n * scale), least) for n, least in zip(gray.shape, size))
    method = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
    gray = cv2.resize(gray, full[::-1], interpolation=method)
    top, left = ((n - least) // 2 for n, least in zip(full, size))
    return gray[top : top + size[0], left : left + size[1]].astype(np.float32) / 255.0


def _length(flow) -> np.ndarray:
    return np.sqrt(np.sum(np.square(np.asarray(flow)), -1))
