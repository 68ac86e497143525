"""Few known colors spread over a frame: where automatic colors are wrong, and by how much.

What is known is how far some pixels are from what they should be. That error is continued to all
others by kernel regression over gray, place and automatic color, since pixels that are alike in
these are likely to be wrong in the same way. A constant and a wide kernel let one point change a
whole frame; where many points are, the narrow kernel lets each have its own way.

Source: Gaussian process regression (Rasmussen and Williams, 2006, algorithm 2.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hueshift_jax.pipeline.frames import shrink

_GRAY_STEP, _PLACE_STEP, _COLOR_STEP = 35.0, 0.6, 12.0
_EVERYWHERE, _WIDE, _NARROW = 100.0, 120.0, 40.0
_WIDER = 6
"""How much larger the variance of the wide kernel is; its sixth power is the narrow one."""
_SAMPLES = 240
_MOST_PIXELS = 8192

_POINT_NOISE, _NOISE_LEFT = 20.0, 20.0
_UNUSUAL, _SEVERAL = 15.0, 3
_THING, _CLOSER = 150.0, np.float32(1.5)


@dataclass(frozen=True)
class Samples:
    """Known errors of automatic colors.

    features (n, 5) are those of `features`, errors (n, 2) true ab minus automatic ab, and noise
    (n,) the variance of each.
    """

    features: np.ndarray
    errors: np.ndarray
    noise: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence["Samples"]) -> "Samples":
        """All samples of `parts`, of which there is at least one."""
        names = "features", "errors", "noise"
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def features(gray: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """What makes pixels alike, (h * w, 5): gray (h, w) 0..255, place and ab (h, w, 2), scaled."""
    height, width = gray.shape
    side = max(height, width) * _PLACE_STEP / 2
    y, x = np.mgrid[:height, :width].astype(np.float32)
    planes = [gray / _GRAY_STEP, (x + 0.5) / side, (y + 0.5) / side]
    planes += [ab[..., 0] / _COLOR_STEP, ab[..., 1] / _COLOR_STEP]
    return np.stack(planes, axis=-1).reshape(-1, 5).astype(np.float32)


def samples(
    gray: np.ndarray, ab: np.ndarray, given: np.ndarray, weight: np.ndarray, *, noise: float
) -> Samples:
    """About 240 pixels on a regular grid, with the noise of each divided by its `weight`.

    Args:
      gray: (h, w), 0..255.
      ab: the automatic colors, (h, w, 2).
      given: the true ones.
      weight: how far those are known, (h, w), 0..1.
      noise: variance where the weight is 1.
    """
    step = max(1, round(np.sqrt(gray.size / _SAMPLES)))
    some = np.s_[step // 2 :: step, step // 2 :: step]
    chosen = np.zeros(gray.shape, bool)
    chosen[some] = True
    index = np.flatnonzero(chosen & (weight > 0.02))
    errors = (given - ab).reshape(-1, 2)[index]
    return Samples(features(gray, ab)[index], errors, noise / weight.ravel()[index])


def correction(known: Samples, gray: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """The expected error of automatic ab (h, w, 2) at every pixel of gray (h, w); 0 if unknown."""
    if not len(known.noise):
        return np.zeros_like(ab)
    height, width = gray.shape
    if gray.size > _MOST_PIXELS:
        factor = np.sqrt(_MOST_PIXELS / gray.size)
        size = max(1, int(height * factor)), max(1, int(width * factor))
        small = correction(known, shrink(gray, *size), shrink(ab, *size))
        return shrink(small, height, width)
    inner = _alike(known.features, known.features) + np.diag(known.noise)
    shares = np.linalg.solve(inner, known.errors).astype(np.float32)
    return (_alike(features(gray, ab), known.features) @ shares).reshape(ab.shape)


def spread_points(
    gray: np.ndarray, ab: np.ndarray, index: np.ndarray, errors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The expected error of automatic colors from few points, and how far it is known.

    What is far off at one point is rather a thing of a color of its own than an error of the whole
    frame: such points count less for the frame, and keep their color around them. Of several
    points, those are meant that are further off than most.

    Args:
      gray: (h, w), 0..255.
      ab: the automatic colors, (h, w, 2).
      index: of the points in the flat frame, (n,).
      errors: true ab minus automatic ab there, (n, 2).

    Returns:
      The error (h, w, 2), and how far it is known (h, w), 0..1.
    """
    everywhere = features(gray, ab)
    points = everywhere[index]
    sizes = np.linalg.norm(errors, axis=1)
    usual = _UNUSUAL if len(sizes) < _SEVERAL else max(_UNUSUAL, 1.6 * float(np.median(sizes)))
    beyond = np.maximum(0, sizes - usual)
    kernels = (
        (_alike, _POINT_NOISE + np.square(beyond)),
        (_around, np.full(len(index), _NOISE_LEFT)),
    )
    total = np.zeros_like(ab.reshape(-1, 2))
    unknown = np.ones(gray.size, np.float32)
    for alike, noise in kernels:
        left = errors - total[index]
        near = alike(everywhere, points)
        shares = np.linalg.solve(alike(points, points) + np.diag(noise), np.eye(len(index)))
        shares = np.float32(near @ shares)
        total = total + shares @ left
        own = alike(points[:1], points[:1])[0, 0]
        unknown *= np.clip(1 - np.sum(shares * near, axis=1) / own, 0, 1)
    return np.float32(total).reshape(ab.shape), 1 - unknown.reshape(gray.shape)


def _around(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Covariance of what is a thing of its own, (n, m)."""
    return np.float32(_THING) * np.exp(-_CLOSER * _apart(first, second))


def _alike(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Covariance of the errors of pixels with these features, (n, m)."""
    wide = np.exp(_apart(first, second) * np.float32(-0.5 / _WIDER))
    narrow = np.square(wide * wide * wide)
    return _EVERYWHERE + np.float32(_WIDE) * wide + np.float32(_NARROW) * narrow


def _apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Squared distances of features, (n, m)."""
    squares = np.sum(first**2, axis=1)[:, None] + np.sum(second**2, axis=1)
    return np.maximum(squares - 2 * first @ second.T, 0)
