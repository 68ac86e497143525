"""`--demo`: a short pan over photographs, made gray, colored, and shown beside the truth."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from hueshift_jax import api
from hueshift_jax.errors import UsageError
from hueshift_jax.pipeline.events import Note
from hueshift_jax.pipeline.film import ColorizeOptions
from hueshift_jax.video.frame import Planes, luma_from_rgb
from hueshift_jax.video.picture import write_picture
from hueshift_jax.video.probe import probe
from hueshift_jax.video.writer import Encoding, SegmentWriter, assemble

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
"""Public-domain photographs inside the scikit-image package itself."""

_HEIGHT, _WIDTH = 360, 640
_FRAMES_EACH = 24
_RATE = 24
_ZOOM = 1.12


def run(options: argparse.Namespace, tell: Callable) -> int:
    """Writes demo.mp4, demo.color.mp4 and demo.side-by-side.png into --output or this folder."""
    folder = Path(options.output or ".")
    photographs = _photographs()
    source, output = folder / "demo.mp4", folder / "demo.color.mp4"
    write_pan(source, _HEIGHT, _WIDTH, frames_each=_FRAMES_EACH)
    colorizer = api.choose(options.system or api.DEFAULT_SYSTEM)
    api.colorize_video(source, output, colorizer, ColorizeOptions(overwrite=True), tell)
    sheet = folder / "demo.side-by-side.png"
    write_picture(sheet, np.concatenate([_row(p, colorizer) for p in photographs]))
    tell(Note(f"Wrote {sheet}: gray, colored, and the photograph as it was."))
    return 0


def write_pan(path: Path, height: int, width: int, *, frames_each: int) -> None:
    """Writes a gray film (even sizes) that moves slowly across each photograph in turn.

    Raises:
      UsageError: scikit-image is not installed.
    """
    segment, first = path.with_suffix(".nut"), path.with_suffix(".first.png")
    write_picture(first, np.zeros((height, width, 3), np.uint8))
    info = replace(probe(first, frames_rate=Fraction(_RATE)), kind="frames")
    first.unlink()
    neutral = np.full((height // 2, width // 2), 128, np.uint8)
    frames = (f for photo in _photographs() for f in _pan(photo, height, width, frames_each))
    with SegmentWriter(segment, info, Encoding()) as writer:
        for time, frame in enumerate(frames):
            writer.write(Planes(time, 1, luma_from_rgb(frame, "bt601"), neutral, neutral))
    assemble([segment], info, path)
    segment.unlink()


def _photographs() -> list[np.ndarray]:
    try:
        from skimage import data
    except ImportError as error:
        raise UsageError("--demo needs scikit-image; pip install 'hueshift-jax[demo]'") from error
    return [np.asarray(getattr(data, name)())[..., :3] for name in PHOTOGRAPHS]


def _pan(photograph: np.ndarray, height: int, width: int, count: int) -> Iterator[np.ndarray]:
    """Frames (height, width, 3) of a slow move across a photograph."""
    room_y, room_x = (size * (_ZOOM - 1) for size in (height, width))
    filled = _fill(photograph, round(height * _ZOOM), round(width * _ZOOM))
    for step in np.linspace(0, 1, count):
        center = width / 2 + room_x * step, height / 2 + room_y * (1 - step)
        yield cv2.getRectSubPix(filled, (width, height), center)


def _fill(photograph: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of a photograph at this size, nothing stretched."""
    factor = max(height / photograph.shape[0], width / photograph.shape[1])
    size = [max(least, round(n * factor)) for n, least in zip(photograph.shape, (height, width))]
    resized = cv2.resize(photograph, size[::-1], interpolation=cv2.INTER_AREA)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return resized[top : top + height, left : left + width]


def _row(photograph: np.ndarray, colorizer) -> np.ndarray:
    truth = _fill(photograph, _HEIGHT // 2, _WIDTH // 2)
    gray = luma_from_rgb(truth, "bt601")
    colored = api.colorize_image(gray, colorizer)
    return np.concatenate([np.repeat(gray[..., None], 3, axis=2), colored, truth], axis=1)
