"""Frames of a film in their own colors: small ones for training, all of them for measuring."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from hueshift_jax.errors import UnreadableMediaError
from hueshift_jax.video.probe import main_video, probe
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


def every_frame(path: Path) -> Iterator[np.ndarray]:
    """All frames of a film as rgb_u8 (h, w, 3), turned as they are meant to be seen.

    Levels are those that FFmpeg's scaler gives; films without a color tag count as BT.601.

    Raises:
      UnreadableMediaError, UnsupportedMediaError: no film, or a frame of it is damaged or missing.
    """
    info, end_s, number = probe(path), 0.0, 0
    with open_source(path) as container:
        stream = main_video(container, path)
        stream.thread_type = "AUTO"
        frames = container.decode(stream)
        while (frame := _next_whole(frames, path, number)) is not None:
            if frame.pts is not None:
                end_s = float((frame.pts + (frame.duration or 0)) * info.time_base)
            turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
            yield np.ascontiguousarray(turned)
            number += 1
    end_s -= float(min(0, info.start_pts) * info.time_base)
    if not number or (info.at_least_s is not None and end_s < info.at_least_s):
        raise UnreadableMediaError(
            f"{path} ends after {number} frames, earlier than its header says."
        )


def _next_whole(frames: Iterator[av.VideoFrame], path: Path, number: int) -> av.VideoFrame | None:
    try:
        frame = next(frames, None)
    except FOREIGN_ERRORS as error:
        raise UnreadableMediaError(f"Frame {number} of {path} cannot be decoded.") from error
    if frame is not None and frame.is_corrupt:
        raise UnreadableMediaError(f"Frame {number} of {path} is damaged.")
    return frame


def _reduced(frame, short_side: int) -> np.ndarray:
    height, width = frame.height, frame.width
    if short_side and min(height, width) > short_side:
        scale = short_side / min(height, width)
        height, width = round(height * scale), round(width * scale)
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
    return small.to_ndarray()
