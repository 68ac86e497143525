"""What a person may change about the colors: after the network, before the film is composed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from hueshift_jax.errors import ConfigError
from hueshift_jax.pipeline import cast, hue, repair
from hueshift_jax.pipeline.frames import ColorFrame

LIMITS = {
    "saturation": (0, 4),
    "warmth": (-1, 1),
    "strength": (0, 1),
    "tint": (-1, 1),
    "dark": (0, 1),
    "cast": (0, 1),
}
"""The least and the most of each control that is a number."""

DARK_LEVEL = 0.15
"""Luma below which `dark` reduces chroma; about L* 15."""

_WARM_AB = np.float32([0.35, 1.0])
_TINT_AB = np.float32([1.0, -0.35])
_FULL_SHIFT = 14.0
_TYPICAL_CHROMA = 12.0


@dataclass(frozen=True)
class Controls:
    """Color controls; the defaults change nothing.

    saturation: factor of chroma, 0 gray, 1 as predicted.
    warmth: -1 cool .. 1 warm, 0 as predicted.
    strength: how much of the color is laid over the gray film, 0 none, 1 all.
    tint: -1 green .. 1 magenta, 0 as predicted.
    dark: how much of the color of the darkest parts is taken away, 0 none, 1 all of it in black.
    cast: how far the mean color of a frame is kept to that of photographs, 0 not at all.
    hue: repairs of hue windows, as in `pipeline.hue`.

    Raises:
      ConfigError: a value is out of its limits, or hue is not written as a repair.
    """

    saturation: float = 1.0
    warmth: float = 0.0
    strength: float = 1.0
    tint: float = 0.0
    dark: float = 0.0
    cast: float = 0.0
    hue: str = ""

    def __post_init__(self):
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ConfigError(f"The {name} {value} is not between {least} and {most}.")
        hue.parse(self.hue)


def control(frames: Iterable[ColorFrame], controls: Controls) -> Iterator[ColorFrame]:
    """Applies the controls to each frame. Lookahead: none."""
    if controls == Controls():
        yield from frames
        return
    for frame in frames:
        yield replace(frame, ab=adjust(frame.ab, frame.chroma.luma, controls))


def adjust(ab: np.ndarray, gray: np.ndarray, controls: Controls) -> np.ndarray:
    """ab (h, w, 2) float32 under the controls; `gray` (h, w) uint8 is what it colors.

    In this order: cast, warmth and tint, dark, saturation, hue, strength. The hues that are
    repaired are thus those that are seen.
    """
    if controls.cast:
        ab = cast.limited(ab, gray, controls.cast)
    if controls.warmth or controls.tint:
        ab = _shifted(ab, gray, controls)
    if controls.dark:
        ab = ab * (1 - np.float32(controls.dark) * _darkness(gray))[..., None]
    ab = ab * np.float32(controls.saturation)
    if repairs := hue.parse(controls.hue):
        ab = repair.repair(ab, gray, repairs)
    return ab * np.float32(controls.strength)


def _shifted(ab: np.ndarray, gray: np.ndarray, controls: Controls) -> np.ndarray:
    """Warmth moves colors along b and a little along a, tint at right angles to it.

    Most in the middle tones, not at all in black and white, and less where there is no color that
    could be warmer.
    """
    level = gray.astype(np.float32) / 255
    chroma = np.sqrt(np.sum(ab * ab, axis=-1))
    room = 4 * level * (1 - level) * (0.25 + 0.75 * chroma / (chroma + _TYPICAL_CHROMA))
    way = np.float32(controls.warmth) * _WARM_AB + np.float32(controls.tint) * _TINT_AB
    return ab + np.float32(_FULL_SHIFT) * room[..., None] * way


def _darkness(gray: np.ndarray) -> np.ndarray:
    """1 in black, smoothly 0 from DARK_LEVEL on."""
    near = np.clip(1 - gray.astype(np.float32) / np.float32(255 * DARK_LEVEL), 0, 1)
    return near * near * (3 - 2 * near)
