"""From the bytes of a picture file to an upright 8-bit RGB picture of bounded size."""

import cv2
import numpy as np

SUFFIXES = (".webp", ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
_HUGE_BYTES = 6_000_000
"""Files from here on are decoded at an eighth of their size first, if that is enough."""


def decode(content: bytes, short_side: int = 0) -> np.ndarray | None:
    """A picture file as rgb_u8 (h, w, 3), or None if it cannot be decoded.

    16-bit samples lose their lower byte; palettes, CMYK and gray become RGB, transparency is
    ignored, EXIF orientation is applied.

    short_side: larger pictures are reduced to it, by area average; 0 keeps their size.
    """
    bgr = None
    if short_side and len(content) > _HUGE_BYTES:
        bgr = _decoded(content, cv2.IMREAD_REDUCED_COLOR_8)
        if bgr is not None and min(bgr.shape[:2]) < short_side:
            bgr = None
    bgr = _decoded(content, cv2.IMREAD_COLOR) if bgr is None else bgr
    return None if bgr is None else reduce(np.ascontiguousarray(bgr[..., ::-1]), short_side)


def _decoded(content: bytes, mode: int) -> np.ndarray | None:
    if not content:
        return None
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), mode)
    except cv2.error:  # such as a header that claims more pixels than OpenCV allows
        return None


def reduce(rgb_u8: np.ndarray, short_side: int) -> np.ndarray:
    """The picture with its short side at most `short_side`, by area average; 0 changes nothing."""
    if not short_side or min(rgb_u8.shape[:2]) <= short_side:
        return rgb_u8
    scale = short_side / min(rgb_u8.shape[:2])
    height, width = (max(1, round(n * scale)) for n in rgb_u8.shape[:2])
    return cv2.resize(rgb_u8, (width, height), interpolation=cv2.INTER_AREA)
