"""Contact sheets: pictures in rows and columns, with words."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hueshift_jax.video.picture import write_picture

_WHITE, _BLACK = 255, (0, 0, 0)
_HEAD = 22
_GAP = 2
_SCALE = 0.42
_QUALITIES = {
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, range(92, 30, -4)),
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, range(92, 30, -4)),
}


@dataclass(frozen=True)
class Row:
    """Pictures rgb_u8 that are shown next to one another, and the word on the first."""

    name: str
    pictures: Sequence[np.ndarray]


def fitted(rgb_u8: np.ndarray, tile: tuple[int, int]) -> np.ndarray:
    """The whole picture within a tile (height, width), the rest of it white."""
    height, width = rgb_u8.shape[:2]
    scale = min(tile[0] / height, tile[1] / width)
    size = min(tile[1], round(width * scale)), min(tile[0], round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(rgb_u8, size, interpolation=way)
    canvas = np.full((*tile, 3), _WHITE, np.uint8)
    top, left = (tile[0] - size[1]) // 2, (tile[1] - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0]] = small
    return canvas


def sheet(heads: Sequence[str], rows: Sequence[Row], tile: tuple[int, int]) -> np.ndarray:
    """rgb_u8 of all rows below the words of `heads`; tiles are (height, width)."""
    return np.concatenate([_head(heads, tile[1]), *(_row(row, tile) for row in rows)])


def _head(words: Sequence[str], width: int) -> np.ndarray:
    cells = []
    for word in words:
        cell = np.full((_HEAD, width + _GAP, 3), _WHITE, np.uint8)
        cv2.putText(cell, word, (4, 15), 0, _SCALE, _BLACK, 1, cv2.LINE_AA)
        cells.append(cell)
    return np.concatenate(cells, axis=1)


def _row(row: Row, tile: tuple[int, int]) -> np.ndarray:
    tiles = [fitted(picture, tile) for picture in row.pictures]
    for color, thickness in ((_BLACK, 3), ((_WHITE,) * 3, 1)):
        place = 4, tile[0] - 6
        cv2.putText(tiles[0], row.name, place, 0, _SCALE, color, thickness, cv2.LINE_AA)
    padded = [cv2.copyMakeBorder(t, 0, _GAP, 0, _GAP, 0, value=(_WHITE,) * 3) for t in tiles]
    return np.concatenate(padded, axis=1)


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
