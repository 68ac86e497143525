"""Contact sheets: pictures in rows and columns, with words."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hueshift_jax.video.picture import write_picture

_WHITE, _BLACK = 255, (0, 0, 0)
_STRIP = 16
_GAP = 2
_SCALE = 0.38
_QUALITIES = {
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, range(92, 30, -4)),
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, range(92, 30, -4)),
}


@dataclass(frozen=True)
class Row:
    """Pictures rgb_u8 that are shown next to one another, and the words above them."""

    name: str
    pictures: Sequence[np.ndarray]


def fitted(rgb_u8: np.ndarray, tile: tuple[int, int]) -> np.ndarray:
    """The whole picture, as large as goes into a tile (height, width)."""
    height, width = rgb_u8.shape[:2]
    scale = min(tile[0] / height, tile[1] / width)
    size = min(tile[1], round(width * scale)), min(tile[0], round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(rgb_u8, size, interpolation=way)


def sheet(heads: Sequence[str], rows: Sequence[Row], tile: tuple[int, int]) -> np.ndarray:
    """rgb_u8 of all rows below the words of `heads`; no picture exceeds `tile` (height, width)."""
    widths = tile[1] + _GAP, len(heads)
    return np.concatenate([_words(heads, *widths), *(_row(row, tile, *widths) for row in rows)])


def _words(words: Sequence[str], width: int, columns: int) -> np.ndarray:
    strip = np.full((_STRIP, width * columns, 3), _WHITE, np.uint8)
    for place, word in enumerate(words):
        at = place * width + 2, _STRIP - 5
        cv2.putText(strip, word, at, 0, _SCALE, _BLACK, 1, cv2.LINE_AA)
    return strip


def _row(row: Row, tile: tuple[int, int], width: int, columns: int) -> np.ndarray:
    small = [fitted(picture, tile) for picture in row.pictures]
    height = max(picture.shape[0] for picture in small)
    canvas = np.full((height + _GAP, width * columns, 3), _WHITE, np.uint8)
    for place, picture in enumerate(small):
        left = place * width
        canvas[: picture.shape[0], left : left + picture.shape[1]] = picture
    return np.concatenate([_words([row.name], width, columns), canvas])


def write_sheet(path: Path, rgb_u8: np.ndarray, limit: int = 0) -> int:
    """Writes a sheet and returns its bytes; WebP and JPEG as well as `limit` bytes permit.

    Raises:
      ValueError: it does not go into so few.
    """
    if path.suffix not in _QUALITIES or not limit:
        write_picture(path, rgb_u8)
        return path.stat().st_size
    option, qualities = _QUALITIES[path.suffix]
    bgr = np.ascontiguousarray(rgb_u8[..., ::-1])
    for quality in qualities:
        data = cv2.imencode(path.suffix, bgr, (option, quality))[1]
        if len(data) <= limit:
            path.write_bytes(data.tobytes())
            return len(data)
    raise ValueError(f"{path.name} does not fit into {limit} bytes; show fewer or smaller pictures")
