"""Frames of a film in their own colors, small: for training, where luma need not be exact."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hueshift_jax.errors import UnreadableMediaError
from hueshift_jax.video.probe import main_video
from hueshift_jax.video.source import FOREIGN_ERRORS, open_source, translate_read

FILM_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".m4v", ".ogv")


def color_frames(path: Path, *, every: int = 1, short_side: int = 0) -> Iterator[np.ndarray]:
    """Every n-th frame as rgb_u8 (h, w, 3), turned as it is meant to be seen.

    short_side: larger frames are reduced to it, by area average; 0 keeps their size.

    Raises:
      UnreadableMediaError, UnsupportedMediaError: no film, or no frame of it can be decoded;
        damage after the first frame only ends the iteration.
    """
    found = False
    with open_source(path) as container:
        stream = main_video(container, path)
        stream.thread_type = "AUTO"
        try:
            for number, frame in enumerate(container.decode(stream)):
                if number % every == 0:
                    found = True
                    turned = np.rot90(_reduced(frame, short_side), round(frame.rotation / 90) % 4)
                    yield np.ascontiguousarray(turned)
        except FOREIGN_ERRORS as error:
            if not found:
                raise translate_read(path, error) from error
    if not found:
        raise UnreadableMediaError(f"{path} holds no frame that can be decoded.")


def _reduced(frame, short_side: int) -> np.ndarray:
    height, width = frame.height, frame.width
    if short_side and min(height, width) > short_side:
        scale = short_side / min(height, width)
        height, width = round(height * scale), round(width * scale)
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
    return small.to_ndarray()
