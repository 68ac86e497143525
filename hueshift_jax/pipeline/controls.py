"""What a person may change about the colors: after the network, before the film is composed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from hueshift_jax.pipeline.frames import ColorFrame

_WARM_AB = np.float32([0.35, 1.0])
_FULL_WARMTH = 14.0
_TYPICAL_CHROMA = 12.0


@dataclass(frozen=True)
class Controls:
    """Color controls; the defaults change nothing.

    saturation: factor of chroma, 0 gray, 1 as predicted.
    warmth: -1 cool .. 1 warm, 0 as predicted.
    strength: how much of the color is laid over the gray film, 0 none, 1 all.
    """

    saturation: float = 1.0
    warmth: float = 0.0
    strength: float = 1.0


def control(frames: Iterable[ColorFrame], controls: Controls) -> Iterator[ColorFrame]:
    """Applies the controls to each frame. Lookahead: none."""
    if controls == Controls():
        yield from frames
        return
    for frame in frames:
        yield replace(frame, ab=adjust(frame.ab, frame.chroma.luma, controls))


def adjust(ab: np.ndarray, gray: np.ndarray, controls: Controls) -> np.ndarray:
    """ab (h, w, 2) float32 under the controls.

    Warmth moves colors along b (and a little along a), most in the middle tones of `gray` (h, w)
    uint8, not at all in black and white, and less where there is no color that could be warmer.
    """
    warmed = ab
    if controls.warmth:
        level = gray.astype(np.float32) / 255
        chroma = np.sqrt(np.sum(ab * ab, axis=-1))
        room = 4 * level * (1 - level) * (0.25 + 0.75 * chroma / (chroma + _TYPICAL_CHROMA))
        warmed = ab + np.float32(controls.warmth * _FULL_WARMTH) * room[..., None] * _WARM_AB
    return warmed * np.float32(controls.saturation * controls.strength)
