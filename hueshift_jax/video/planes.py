"""The luma plane of a decoded frame, and its chroma where wanted, by our own arithmetic.

Bytes are taken from the frame's planes by line size. The scaler library only re-arranges samples
of packed or otherwise unusual formats into planes of the same depth; it never scales levels.
"""

import re

import av
import cv2
import numpy as np

from hueshift_jax.video.color import is_rgb
from hueshift_jax.video.frame import ColorSpec, chroma_from_rgb, luma_from_rgb, requantize

_PLANAR = re.compile(
    r"(yuva?4(20|22|44|11|10|40)p\d*|yuvj4\d\dp|gray\d*)(le|be)?|nv(12|21|16|24|42)|p[024]1[026](le|be)"
)
_HIGH_ALIGNED = re.compile(r"p[024]1[026](le|be)")
_INTERLEAVED_CHROMA = re.compile(r"nv\d\d|p[024]1[026](le|be)")
_SPARSE = 4


def frame_luma(frame: av.VideoFrame, color: ColorSpec) -> tuple[np.ndarray, float]:
    """Luma codes (h, w), in memory of their own, and the chroma excursion of the frame.

    RGB frames are reduced to 8 bits and give full-range Y' with the color's matrix. Luma of more
    than 12 bits is rounded to 12.
    """
    if is_rgb(frame.format.name):
        return rgb_luma(frame.to_ndarray(format="rgb24"), color)
    frame = _as_planar(frame, color)
    bits = frame.format.components[0].bits
    luma = _plane(frame, 0)
    if color.bit_depth < bits:
        luma = requantize(luma, bits, color.bit_depth, full_range=color.full_range)
    return np.array(luma, order="C"), _excursion(frame, bits)


def frame_chroma(frame: av.VideoFrame, color: ColorSpec) -> tuple[np.ndarray, np.ndarray] | None:
    """Code planes Cb and Cr, 4:2:0, in memory of their own, at luma's depth; None for gray.

    Those of 4:2:0 sources are exact; others are averaged.
    """
    if is_rgb(frame.format.name):
        return chroma_from_rgb(frame.to_ndarray(format="rgb24"), color.matrix)
    frame = _as_planar(frame, color)
    if len(frame.format.components) < 3:
        return None
    bits = frame.format.components[0].bits
    if _INTERLEAVED_CHROMA.fullmatch(frame.format.name):
        both = _plane(frame, 1)
        planes = (both[:, ::2], both[:, 1::2])
        planes = planes[::-1] if frame.format.name in ("nv21", "nv42") else planes
    else:
        planes = (_plane(frame, 1), _plane(frame, 2))
    height, width = -(-frame.height // 2), -(-frame.width // 2)
    fitting = (_resized(plane, height, width) for plane in planes)
    return tuple(_own(requantize(plane, bits, color.bit_depth)) for plane in fitting)


def _own(plane: np.ndarray) -> np.ndarray:
    """A plane in memory of its own; gray films have planes of one code, which need next to none."""
    if plane.min() == plane.max():
        return np.broadcast_to(plane[0, 0].copy(), plane.shape)
    return np.array(plane, order="C")


def _resized(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    if plane.shape == (height, width):
        return plane
    smaller = height <= plane.shape[0] and width <= plane.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(plane), (width, height), interpolation=how)


def _as_planar(frame: av.VideoFrame, color: ColorSpec) -> av.VideoFrame:
    name = frame.format.name
    if _PLANAR.fullmatch(name):
        return frame
    return frame.reformat(format=_nearest_planar(name, color.bit_depth))


def _nearest_planar(name: str, bit_depth: int) -> str:
    if name.startswith(("mono", "ya", "gray")):
        return "gray" if bit_depth == 8 else f"gray{bit_depth}le"
    for chroma in ("444", "422", "420"):
        if chroma in name:
            break
    else:
        chroma = "422" if name.startswith(("y2", "yvyu", "v2")) else "444"
    return f"yuv{chroma}p" if bit_depth == 8 else f"yuv{chroma}p{bit_depth}le"


def _plane(frame: av.VideoFrame, index: int) -> np.ndarray:
    """A view of one plane's codes, (rows, samples); valid as long as `frame` is."""
    name = frame.format.name
    plane = frame.planes[index]
    wide = frame.format.components[0].bits > 8
    dtype = np.dtype(("<u2", ">u2")[name.endswith("be")]) if wide else np.dtype(np.uint8)
    stride = plane.line_size // dtype.itemsize
    samples = plane.width * (2 if index and _INTERLEAVED_CHROMA.fullmatch(name) else 1)
    rows = np.frombuffer(plane, dtype, stride * plane.height).reshape(plane.height, stride)
    codes = rows[:, :samples]
    if wide:
        codes = codes.astype(np.uint16, copy=False)
    if _HIGH_ALIGNED.fullmatch(name):
        codes = codes >> (16 - frame.format.components[0].bits)
    return codes


def _excursion(frame: av.VideoFrame, bits: int) -> float:
    if len(frame.format.components) < 3:
        return 0.0
    neutral = 2 ** (bits - 1)
    indices = (1,) if _INTERLEAVED_CHROMA.fullmatch(frame.format.name) else (1, 2)
    total = sum(_mean_distance(_plane(frame, i), neutral) for i in indices)
    return total * (2 if len(indices) == 1 else 1) / 2 ** (bits - 8)


def _mean_distance(codes: np.ndarray, neutral: int) -> float:
    sparse = codes[::_SPARSE]
    return float(np.abs(sparse.astype(np.int32) - neutral).mean())


def _rgb_excursion(rgb: np.ndarray) -> float:
    sparse = rgb[::_SPARSE, ::_SPARSE].astype(np.float32)
    red, green, blue = sparse[..., 0], sparse[..., 1], sparse[..., 2]
    gray = 0.299 * red + 0.587 * green + 0.114 * blue
    return float(np.abs((blue - gray) / 1.772).mean() + np.abs((red - gray) / 1.402).mean())


def rgb_luma(rgb: np.ndarray, color: ColorSpec) -> tuple[np.ndarray, float]:
    """Full-range luma (h, w) uint8 and chroma excursion of an RGB picture."""
    return luma_from_rgb(rgb, color.matrix), _rgb_excursion(rgb)
