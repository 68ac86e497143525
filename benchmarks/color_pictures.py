"""Pictures whose colors are known, and what a colorizer makes of them at any strength.

Chroma is predicted once and kept at the network's own size, so that every further strength costs
only the painting.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from color_quality import compare, enlarged, paint, predict_small, to_lab

from hueshift_jax.metrics import image
from hueshift_jax.video.color_frames import FILM_SUFFIXES, color_frames
from hueshift_jax.video.picture import list_pictures, read_picture_rgb

Features = Callable[[np.ndarray], np.ndarray]
ORIGINAL = "-original"
_GROUPS = 24
_STEPS = 12
_CLOSE = 2e-4
_SLOPES = 0.1, 2.0
_THIN = 128
_CELL = 16


@dataclass(frozen=True)
class Picture:
    """One picture in its true colors.

    group: pictures that are alike, as the frames of a film are, have the same.
    """

    name: str
    group: str
    rgb: np.ndarray

    @cached_property
    def thinned(self) -> tuple[slice, slice]:
        """Where some of the pixels are, in rows and columns of equal distance."""
        step = max(1, min(self.rgb.shape[:2]) // _THIN)
        return slice(None, None, step), slice(None, None, step)

    @cached_property
    def thin_lab(self) -> np.ndarray:
        """CIELAB of those pixels."""
        return to_lab(np.ascontiguousarray(self.rgb[self.thinned]))


@dataclass(frozen=True)
class Measured:
    """PSNR, CIEDE2000 and colorfulness (n, 3) of n pictures, and their features (n, d)."""

    figures: np.ndarray
    features: np.ndarray


def stills(folder: Path, limit: int = 0) -> list[Picture]:
    """The pictures of a folder; evenly spaced ones if `limit` is not 0."""
    paths = spaced(list_pictures(folder), limit)
    return [Picture(p.stem, str(n % _GROUPS), read_picture_rgb(p)) for n, p in enumerate(paths)]


def film_frames(folder: Path, every: int, limit: int = 0) -> list[Picture]:
    """Every n-th frame of the films of a folder; evenly spaced ones if `limit` is not 0."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in FILM_SUFFIXES)
    found = [
        Picture(f"{path.stem} {number * every}", path.stem, rgb)
        for path in paths
        for number, rgb in enumerate(color_frames(path, every=every))
    ]
    return spaced(found, limit)


def peers(folder: Path) -> list[Picture]:
    """The originals of pictures that other systems have colored."""
    paths = sorted(folder.glob(f"*{ORIGINAL}.webp"))
    return [Picture(p.stem.removesuffix(ORIGINAL), p.stem, read_picture_rgb(p)) for p in paths]


def spaced(items: Sequence, count: int) -> list:
    """`count` of the items, from the first to the last; all if `count` is 0 or they are fewer."""
    if not 0 < count < len(items):
        return list(items)
    return [items[n] for n in np.linspace(0, len(items) - 1, count).round().astype(int)]


def colorfulness(pictures: Iterable[np.ndarray]) -> float:
    """Mean colorfulness of rgb_u8."""
    return float(np.mean([image.colorfulness(rgb) for rgb in pictures]))


def thin_colorfulness(pictures: Sequence[Picture]) -> float:
    """Mean colorfulness of the thinned pictures in their true colors."""
    return colorfulness(np.ascontiguousarray(p.rgb[p.thinned]) for p in pictures)


def factor_for(goal: float, level: Callable[[float], float]) -> float:
    """The factor of chroma at which `level` is `goal`.

    Raises:
      ValueError: it is never reached, as when there is no color that could be strengthened.
    """
    factor, slope, before = 1.0, 1.0, None
    for _ in range(_STEPS):
        found = level(factor)
        if abs(found - goal) <= _CLOSE * goal:
            return factor
        if found <= 0.0:
            break
        # Colorfulness grows nearly as a power of the factor: a secant in logarithms is quick.
        here = np.log([factor, found])
        if before is not None:
            step = here - before
            slope = np.clip(step[1] / step[0], *_SLOPES)
        before = here
        factor *= float((goal / found) ** (1.0 / slope))
    raise ValueError(f"no strength gives a mean colorfulness of {goal:.2f}")


class Painting:
    """What one colorizer makes of pictures."""

    def __init__(self, pictures: Sequence[Picture], colorizer):
        self._pictures = pictures
        # Half precision is a sixteenth of a CIELAB unit at the strongest colors, and half the room.
        self._small = [
            predict_small(colorizer, to_lab(picture.rgb)).astype(np.float16) for picture in pictures
        ]

    def ab(self, place: int, factor: float = 1.0) -> np.ndarray:
        """Chroma of one picture, at its size."""
        small = self._small[place].astype(np.float32)
        return factor * enlarged(small, self._pictures[place].rgb.shape[:2])

    def shown(self, place: int, factor: float = 1.0) -> np.ndarray:
        """rgb_u8 of one picture, its true L* kept."""
        return paint(to_lab(self._pictures[place].rgb), self.ab(place, factor))

    @cached_property
    def _thin_ab(self) -> list[np.ndarray]:
        places = enumerate(self._pictures)
        return [self.ab(n)[picture.thinned].astype(np.float16) for n, picture in places]

    def thin_colorfulness(self, factor: float = 1.0) -> float:
        """Mean colorfulness of the thinned pictures, which is quick."""
        both = zip(self._pictures, self._thin_ab, strict=True)
        return colorfulness(paint(p.thin_lab, factor * ab.astype(np.float32)) for p, ab in both)

    def factor_for(self, goal: float) -> float:
        """The factor at which the mean colorfulness of the thinned pictures is `goal`."""
        return factor_for(goal, self.thin_colorfulness)

    def chroma(self) -> np.ndarray:
        """Mean chroma (n, 2) in CIELAB units: of every picture, and of its strongest cell."""
        found = []
        for small in self._small:
            lengths = np.linalg.norm(small.astype(np.float32), axis=-1)
            cells = [max(1, side // _CELL) for side in lengths.shape[::-1]]
            found.append(
                (lengths.mean(), cv2.resize(lengths, cells, interpolation=cv2.INTER_AREA).max())
            )
        return np.array(found)

    def measure(self, factor: float = 1.0, features: Features | None = None) -> Measured:
        """Figures of every picture; without `features` none of them has any."""
        figures, found = [], []
        for place, picture in enumerate(self._pictures):
            lab, ab = to_lab(picture.rgb), self.ab(place, factor)
            colored = paint(lab, ab)
            figures.append(compare(lab, picture.rgb, ab, colored))
            found.append(np.zeros(0) if features is None else features(colored))
        return Measured(np.array(figures), np.array(found))
