"""What a person gives beside a film, read and checked: pictures of frames, references, points."""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hueshift_jax.errors import UsageError
from hueshift_jax.pipeline.frames import shrink
from hueshift_jax.pipeline.points import Point, read_points
from hueshift_jax.video.picture import list_pictures, read_picture_rgb
from hueshift_jax.video.probe import MediaInfo

_NUMBERED = re.compile(r"ref_(\d{1,9})")
_EXPORTED = re.compile(r"(\d{6,9})")
_KEPT_SIDE = 256
_SAME_SHAPE = 0.02
_LEAST_COLOR = 4
_GRAY = 1.0
_UNPAINTED = 0.05


@dataclass(frozen=True)
class Paths:
    """What a person named.

    keyframes are pictures of frames, each with its time in seconds after the film's first frame;
    a folder of numbered ones has None instead. references are pictures of other scenes, or
    folders of them. points are files of points.
    """

    keyframes: tuple[tuple[float | None, Path], ...] = ()
    references: tuple[Path, ...] = ()
    points: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keyframes or self.references or self.points)


@dataclass(frozen=True)
class Keyframe:
    """A picture of one frame, RGB (h, w, 3) uint8, small.

    The frame is that at `seconds`, or the one with this number, counted from 0 in the part of the
    film that is colored.
    """

    rgb: np.ndarray
    said: str
    seconds: float | None = None
    number: int | None = None

    @property
    def digest(self) -> str:
        """What tells this picture from others."""
        return _digest(self.rgb)


@dataclass(frozen=True)
class Gifts:
    """All that a person gave."""

    keyframes: tuple[Keyframe, ...] = ()
    references: tuple[np.ndarray, ...] = ()
    points: tuple[Point, ...] = ()

    @property
    def references_digest(self) -> str:
        """What tells the references from others; "" if there are none."""
        return ",".join(_digest(rgb) for rgb in self.references)


def read_gifts(paths: Paths, info: MediaInfo, shown: tuple[int, int]) -> Gifts:
    """Reads and checks what was named.

    Args:
      paths: what was named.
      info: the film.
      shown: its (height, width) as displayed.

    Raises:
      UnreadableMediaError, UnsupportedMediaError: a picture or file cannot be read.
      UsageError: a picture has another shape than the film, a time is beyond its end, or something
        else is wrong with a name or a point.
    """
    shapes = [
        shown,
        (info.width, info.height) if info.rotation % 180 else (info.height, info.width),
    ]
    keyframes = [
        frame for time, path in paths.keyframes for frame in _keyframes(time, path, shapes)
    ]
    points = [point for path in paths.points for point in read_points(path, shown)]
    for given in (*keyframes, *points):
        if given.seconds is not None and info.kind != "picture":
            _check_time(given.seconds, given.said, info)
    pictures = [path for name in paths.references for path in _pictures(name)]
    references = tuple(_small(read_picture_rgb(path)) for path in pictures)
    return Gifts(tuple(keyframes), references, tuple(points))


def _check_time(seconds: float, said: str, info: MediaInfo) -> None:
    duration_s = info.duration_s
    if duration_s is not None and seconds >= duration_s:
        raise UsageError(
            f"{said}: {seconds:g} s is beyond the end of {info.path} at {duration_s:.2f} s."
        )


def _keyframes(time: float | None, path: Path, shapes: Sequence[tuple[int, int]]) -> list[Keyframe]:
    if time is not None:
        said = f"--keyframe {time:g}={path}"
        return [Keyframe(_of_film(path, shapes), said, seconds=time)]
    if not path.is_dir():
        raise UsageError(
            f"--keyframe {path}: no folder has this name; write TIME=PICTURE or name a folder."
        )
    numbered = [(_number(picture), picture) for picture in _pictures(path)]
    return [
        Keyframe(_of_film(picture, shapes), f"--keyframe {picture}", number=number)
        for number, picture in numbered
    ]


def _number(path: Path) -> int:
    """The frame that a picture's name says, counted from 0."""
    if match := _NUMBERED.fullmatch(path.stem):
        return int(match[1])
    if (match := _EXPORTED.fullmatch(path.stem)) and int(match[1]):
        return int(match[1]) - 1
    raise UsageError(
        f"{path} names no frame; call it ref_000123.png for frame 123, counted from 0, "
        "or keep the name that --frames gave it."
    )


def _pictures(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = list_pictures(path)
    if not found:
        raise UsageError(f"The folder {path} holds no pictures.")
    return found


def _of_film(path: Path, shapes: Sequence[tuple[int, int]]) -> np.ndarray:
    rgb = read_picture_rgb(path)
    height, width = rgb.shape[:2]
    if not any(_alike((height, width), shape) for shape in shapes):
        film_h, film_w = shapes[0]
        raise UsageError(
            f"{path} is {width}x{height}, the film {film_w}x{film_h}; "
            "give a picture of the whole frame."
        )
    small = _small(rgb)
    if not np.any(small.max(axis=-1) - small.min(axis=-1).astype(int) > _LEAST_COLOR):
        raise UsageError(f"{path} is gray all over; paint what is to be colored.")
    return small


def _alike(picture: tuple[int, int], film: tuple[int, int]) -> bool:
    """Whether the sides have the same ratio, but for a rounding of small pictures."""
    ratio = picture[1] * film[0] / (picture[0] * film[1])
    return abs(math.log(ratio)) <= _SAME_SHAPE + 1.0 / min(picture)


def _small(rgb: np.ndarray) -> np.ndarray:
    height, width = rgb.shape[:2]
    factor = _KEPT_SIDE / min(height, width)
    if factor >= 1:
        return rgb
    size = max(1, round(height * factor)), max(1, round(width * factor))
    return shrink(rgb, *size)


def _digest(rgb: np.ndarray) -> str:
    return hashlib.sha256(repr(rgb.shape).encode() + rgb.tobytes()).hexdigest()[:32]


def colors_of(rgb: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """ab (height, width, 2) and weight (height, width), 0..1, of a picture of a frame.

    The weight is 0 where the picture is gray, if large parts of it are: those are not painted yet.
    A picture of natural colors counts everywhere, also where it happens to be neutral.

    Args:
      rgb: (h, w, 3) uint8.
      height, width: of the result.
    """
    from hueshift_jax.pipeline.lab import lab_of

    lab = lab_of(rgb)
    neutral = np.float32(np.sum(np.square(lab[..., 1:]), axis=-1) < _GRAY**2)
    middle = np.float32((lab[..., 0] > 5) & (lab[..., 0] < 95))
    gray = shrink(neutral, height, width)
    unpainted = np.mean(shrink(neutral * middle, height, width) > 0.95)
    ab = shrink(lab[..., 1:], height, width)
    if unpainted < _UNPAINTED:
        return ab, np.ones((height, width), np.float32)
    painted = 1 - gray
    # Of a block that is partly painted, the color of the painted part.
    ab = ab / np.maximum(painted, 0.05)[..., None]
    soft = np.minimum(painted, cv2.GaussianBlur(painted, (0, 0), 1.0))
    return ab, soft
