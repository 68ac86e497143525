"""Colors of another picture for what looks alike: by features of a network, and by gray.

Every place of a frame takes the mean color of those places of the references whose features are
most like its own. How much alike they are says how far that counts.

Source: the idea of He et al., "Deep Exemplar-based Colorization" (2018), without its networks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hueshift_jax.pipeline.frames import shrink
from hueshift_jax.pipeline.spread import Samples, features

Features = Callable[[np.ndarray], np.ndarray]
"""What is seen in gray (h, w) uint8: (p, q, c) float32 of length 1 along c, at a coarser size."""

_TEMPERATURE = 0.05
_GRAY_STEP = 40.0
_UNLIKE, _ALIKE = 0.35, 0.75
_NOISE = 60.0
_LEAST = 0.02
_SOME = 450


@dataclass(frozen=True)
class Bank:
    """Places of the references: what is seen there (n, c), gray (n,) 0..255 and ab (n, 2)."""

    seen: np.ndarray
    gray: np.ndarray
    ab: np.ndarray

    @classmethod
    def of(cls, pictures: Sequence[tuple[np.ndarray, np.ndarray]], see: Features) -> "Bank":
        """All places of pictures, each gray (h, w) uint8 and ab (h, w, 2)."""
        parts = []
        for gray, ab in pictures:
            seen = see(gray)
            size = seen.shape[:2]
            small = np.float32(shrink(gray, *size)).ravel()
            parts.append((_rows(seen), small, _rows(shrink(np.float32(ab), *size))))
        return cls(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def match(self, seen: np.ndarray, gray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ab (p, q, 2) for what is seen (p, q, c) at gray (p, q), and how sure (p, q), 0..1."""
        alike = _rows(seen) @ self.seen.T
        apart = (np.float32(gray).reshape(-1, 1) - self.gray) / _GRAY_STEP
        votes = alike / _TEMPERATURE - 0.5 * np.square(apart)
        votes = np.exp(votes - votes.max(axis=1, keepdims=True))
        votes /= votes.sum(axis=1, keepdims=True)
        strength = np.sum(votes * alike, axis=1)
        sure = np.clip((strength - _UNLIKE) / (_ALIKE - _UNLIKE), 0, 1)
        return (votes @ self.ab).reshape(*gray.shape, 2), sure.reshape(gray.shape)


def transferred(
    bank: Bank, see: Features, gray: np.ndarray, ab: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Samples]:
    """What references say of a frame.

    Args:
      bank: the references.
      see: the features.
      gray: the frame at the working size, (h, w) uint8.
      ab: its automatic colors, (p, q, 2).

    Returns:
      Their ab (p, q, 2), how sure it is (p, q), 0..1, and errors of the automatic colors at some
      places.
    """
    seen = see(gray)
    size = seen.shape[:2]
    small, automatic = np.float32(shrink(gray, *size)), shrink(np.float32(ab), *size)
    matched, sure = bank.match(seen, small)
    step = max(1, sure.size // _SOME)
    noise = _NOISE / np.square(np.maximum(sure, _LEAST))
    samples = Samples(
        features(small, automatic)[::step],
        _rows(matched - automatic)[::step],
        noise.ravel()[::step],
    )
    shape = ab.shape[:2]
    return shrink(np.float32(matched), *shape), shrink(np.float32(sure), *shape), samples


def _rows(planes: np.ndarray) -> np.ndarray:
    return planes.reshape(-1, planes.shape[-1])
