"""Single pictures: PNG, JPEG, WebP, TIFF and BMP, upright, in 8 bits."""

import contextlib
import os
import re
from pathlib import Path

import cv2
import numpy as np

from hueshift_jax.errors import (
    UnreadableMediaError,
    UnsupportedMediaError,
)
from hueshift_jax.video.files import unwritable
from hueshift_jax.video.frame import Matrix, luma_from_rgb

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"})

_WRITE_OPTIONS = {
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 95),
    ".jpeg": (cv2.IMWRITE_JPEG_QUALITY, 95),
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 95),
}


def is_picture(path: Path) -> bool:
    """Whether the name is that of a picture we read and write."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def list_pictures(folder: Path) -> list[Path]:
    """The pictures in `folder`, hidden files excepted, in the order a person counts: 2 before 10.

    Raises:
      UnreadableMediaError: the folder cannot be listed.
    """
    try:
        paths = [p for p in folder.iterdir() if is_picture(p) and not p.name.startswith(".")]
    except OSError as error:
        raise UnreadableMediaError(f"{folder} cannot be listed: {error.strerror}.") from error
    return sorted(paths, key=lambda path: natural_key(path.name))


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sorting key under which the runs of digits in a name count as numbers."""
    parts = re.findall(r"\d+|\D+", name.lower())
    key = [(0, int(p), "") if p.isascii() and p.isdigit() else (1, 0, p) for p in parts]
    return key, name


def read_picture_rgb(path: Path) -> np.ndarray:
    """RGB (h, w, 3) uint8, upright (EXIF orientation applied), 16-bit files rounded to 8.

    Raises:
      UnreadableMediaError: missing, not permitted, or not a picture.
      UnsupportedMediaError: a picture whose samples are not 8- or 16-bit integers.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except FileNotFoundError:
        raise UnreadableMediaError(f"{path} does not exist.") from None
    except OSError as error:
        raise UnreadableMediaError(f"{path} cannot be read: {error.strerror}.") from error
    bgr = _decode(data) if data.size else None
    if bgr is None:
        raise UnreadableMediaError(f"{path} is not a picture that can be decoded.")
    if bgr.dtype == np.uint16:
        bgr = ((bgr.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if bgr.dtype != np.uint8:
        raise UnsupportedMediaError(
            f"{path} has {bgr.dtype} samples; save it with 8 or 16 bits per channel."
        )
    return np.ascontiguousarray(bgr[..., ::-1])


def _decode(data: np.ndarray) -> np.ndarray | None:
    try:
        return cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        return None


def read_picture_luma(path: Path, matrix: Matrix) -> np.ndarray:
    """Full-range Y' (h, w) uint8 of a picture; see `read_picture_rgb` for how it is read."""
    return luma_from_rgb(read_picture_rgb(path), matrix)


def check_picture_name(path: Path) -> None:
    """Looks at the suffix of a picture to be written.

    Raises:
      UnsupportedMediaError: it names no picture format.
    """
    if not is_picture(path):
        raise UnsupportedMediaError(
            f"{path.name} names no picture format; use .png, .jpg, .webp, .tif or .bmp."
        )


def write_picture(path: Path, rgb_u8: np.ndarray) -> None:
    """Writes RGB (h, w, 3) uint8 in the format that the suffix names, whole or not at all.

    JPEG and WebP are written at quality 95, the others without loss.

    Raises:
      UnsupportedMediaError: the suffix names no picture format, or the format cannot hold
        a picture of this size.
      UnwritableMediaError: no folder, no permission or no space.
    """
    check_picture_name(path)
    suffix = path.suffix.lower()
    data = _encode(suffix, rgb_u8)
    if data is None:
        height, width = rgb_u8.shape[:2]
        raise UnsupportedMediaError(
            f"{suffix} cannot hold a picture of {width}x{height}; use .png."
        )
    _write_whole(path, data.tobytes())


def write_gray_picture(path: Path, codes: np.ndarray) -> None:
    """Writes one plane (h, w) uint8 as PNG, whole or not at all.

    Raises:
      UnsupportedMediaError: the name does not end with .png.
      UnwritableMediaError: no folder, no permission or no space.
    """
    if path.suffix.lower() != ".png":
        raise UnsupportedMediaError(f"{path.name} names no PNG file; use .png.")
    _write_whole(path, cv2.imencode(".png", np.ascontiguousarray(codes))[1].tobytes())


def _encode(suffix: str, rgb_u8: np.ndarray) -> np.ndarray | None:
    bgr = np.ascontiguousarray(rgb_u8[..., ::-1])
    try:
        done, data = cv2.imencode(suffix, bgr, _WRITE_OPTIONS.get(suffix, ()))
    except cv2.error:
        return None
    return data if done else None


def _write_whole(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise unwritable(path, error) from error
