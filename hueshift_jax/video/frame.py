"""Frames, coded planes, and the closed-form arithmetic between code values and color.

Code values follow ITU-T H.273: at n bits, limited-range luma spans 16..235 and chroma 16..240,
times 2^(n-8); full range spans 0..2^n-1 with neutral chroma at 2^(n-1).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import cv2
import numpy as np

Matrix = Literal["bt601", "bt709", "bt2020"]
Siting = Literal["left", "center", "topleft"]

_COEFFICIENTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}


@dataclass(frozen=True)
class ColorSpec:
    """How code values mean color.

    primaries, transfer and matrix_tag are the H.273 code points for the output; those that the
    source does not state are guessed and named in `guessed`. bit_depth (8..12) is that of the
    decoded luma plane. siting says where a chroma sample lies among its four luma samples.
    """

    matrix: Matrix
    full_range: bool
    primaries: int
    transfer: int
    matrix_tag: int
    bit_depth: int
    siting: Siting
    guessed: tuple[str, ...]


class Bars(NamedTuple):
    """How many rows and columns of the coded luma at each border are no picture, but black."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


NO_BARS = Bars()


@dataclass(frozen=True)
class Frame:
    """One decoded picture.

    index counts from 0 over the frames of the whole read, skipped ones included. pts and duration
    are in the stream's time base, duration 0 where unknown. luma (h, w) holds the decoded Y' code
    values, exact: uint8, or uint16 for more than 8 bits. chroma_excursion is the mean of
    |Cb - neutral| + |Cr - neutral| in 8-bit codes over a sparse grid, 0 for gray sources. chroma
    is the Cb and Cr planes, where they are wanted: 4:2:0, exact if decoded so, in codes of luma's
    depth. bars are those that were found.
    """

    index: int
    pts: int
    duration: int
    luma: np.ndarray
    chroma_excursion: float
    chroma: tuple[np.ndarray, np.ndarray] | None = None
    bars: Bars = NO_BARS


@dataclass(frozen=True)
class Planes:
    """What is encoded: 4:2:0, chroma ceil(h/2) x ceil(w/2).

    A uint8 plane holds 8-bit codes; a uint16 plane holds codes of the source's bit depth.
    """

    pts: int
    duration: int
    luma: np.ndarray
    cb: np.ndarray
    cr: np.ndarray


class Scale(NamedTuple):
    """Code values of black and neutral, and the spans that stand for 1.0 of Y' and of Cb, Cr."""

    black: float
    luma_span: float
    neutral: float
    chroma_span: float


def matrix_coefficients(matrix: Matrix) -> tuple[float, float]:
    """The luma weights (kr, kb) of red and blue; kg = 1 - kr - kb."""
    return _COEFFICIENTS[matrix]


def ycbcr_scale(color: ColorSpec, bit_depth: int) -> Scale:
    """How Y' in 0..1 and Cb, Cr in -0.5..0.5 become codes of `bit_depth` bits.

    code = black + luma_span * Y' and code = neutral + chroma_span * Cb.
    """
    if color.full_range:
        peak = float(2**bit_depth - 1)
        return Scale(0.0, peak, float(2 ** (bit_depth - 1)), peak)
    step = float(2 ** (bit_depth - 8))
    return Scale(16 * step, 219 * step, 128 * step, 224 * step)


def gray_from_luma(luma: np.ndarray, color: ColorSpec) -> np.ndarray:
    """Full-range gray (h, w) uint8, gamma-encoded, for a network's eyes.

    Codes beyond black and white are clipped; halves are rounded up.
    """
    return _gray_table(color.full_range, color.bit_depth)[np.minimum(luma, 2**color.bit_depth - 1)]


@lru_cache(maxsize=16)
def _gray_table(full_range: bool, bit_depth: int) -> np.ndarray:
    codes = np.arange(2**bit_depth, dtype=np.float64)
    if full_range:
        level = codes / (2**bit_depth - 1)
    else:
        level = (codes / 2 ** (bit_depth - 8) - 16) / 219
    table = np.floor(np.clip(level, 0, 1) * 255 + 0.5).astype(np.uint8)
    table.setflags(write=False)
    return table


def to_eight_bit(codes: np.ndarray, bit_depth: int, *, full_range: bool = False) -> np.ndarray:
    """The same levels in 8-bit codes, rounding halves up and clipping; 8 bits return `codes`.

    Limited range divides by 2^(n-8). Full range maps its peak to 255, so it differs from a plain
    shift by up to three quarters of a code.
    """
    return requantize(codes, bit_depth, 8, full_range=full_range)


def requantize(
    codes: np.ndarray, bits_from: int, bits_to: int, *, full_range: bool = False
) -> np.ndarray:
    """Codes of `bits_from` bits as codes of `bits_to` bits, rounding halves up and clipping."""
    if bits_from == bits_to:
        return codes
    return _requantize_table(bits_from, bits_to, full_range)[np.minimum(codes, 2**bits_from - 1)]


@lru_cache(maxsize=16)
def _requantize_table(bits_from: int, bits_to: int, full_range: bool) -> np.ndarray:
    peak = 2**bits_to - 1
    factor = peak / (2**bits_from - 1) if full_range else 2.0 ** (bits_to - bits_from)
    codes = np.floor(np.arange(2**bits_from) * factor + 0.5)
    table = np.clip(codes, 0, peak).astype(np.uint8 if bits_to == 8 else np.uint16)
    table.setflags(write=False)
    return table


def luma_from_rgb(rgb: np.ndarray, matrix: Matrix) -> np.ndarray:
    """Full-range Y' (h, w) uint8 of `rgb` (h, w, 3) uint8, rounding halves up."""
    kr, kb = matrix_coefficients(matrix)
    weights = np.float32([kr, 1 - kr - kb, kb])
    return (rgb.astype(np.float32) @ weights + np.float32(0.5)).astype(np.uint8)


def chroma_from_rgb(rgb: np.ndarray, matrix: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Full-range Cb and Cr of `rgb` (h, w, 3) uint8, 4:2:0 by means of four, rounding halves up."""
    kr, kb = matrix_coefficients(matrix)
    small = halved(rgb).astype(np.float32)
    luma = small @ np.float32([kr, 1 - kr - kb, kb])
    cb = 128.5 + (small[..., 2] - luma) / (2 * (1 - kb))
    cr = 128.5 + (small[..., 0] - luma) / (2 * (1 - kr))
    return tuple(np.clip(plane, 0, 255).astype(np.uint8) for plane in (cb, cr))


def halved(plane: np.ndarray) -> np.ndarray:
    """Means of two by two samples; the border is repeated where a size is odd."""
    height, width = plane.shape[:2]
    even = np.pad(plane, [(0, height % 2), (0, width % 2), (0, 0)][: plane.ndim], mode="edge")
    return cv2.resize(even, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)


def enlarge_chroma(plane: np.ndarray, height: int, width: int, siting: Siting) -> np.ndarray:
    """A 4:2:0 chroma plane at luma size, float32 (height, width), bilinear, border repeated.

    Siting gives the phase: a chroma sample lies at luma coordinate 2x ("left" and "topleft"
    horizontally, "topleft" vertically) or 2x + 0.5.
    """
    shift_x = 0.0 if siting in ("left", "topleft") else -0.25
    shift_y = 0.0 if siting == "topleft" else -0.25
    to_chroma = np.float32([[0.5, 0, shift_x], [0, 0.5, shift_y]])
    return cv2.warpAffine(
        plane.astype(np.float32),
        to_chroma,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def yuv_to_rgb(planes: Planes, color: ColorSpec) -> np.ndarray:
    """RGB (h, w, 3) uint8, full range, in the source's own primaries and transfer."""
    height, width = planes.luma.shape
    luma = _unit_luma(planes.luma, color)
    cb = enlarge_chroma(_unit_chroma(planes.cb, color), height, width, color.siting)
    cr = enlarge_chroma(_unit_chroma(planes.cr, color), height, width, color.siting)
    kr, kb = matrix_coefficients(color.matrix)
    red = luma + 2 * (1 - kr) * cr
    blue = luma + 2 * (1 - kb) * cb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    rgb = np.stack([red, green, blue], axis=-1)
    return np.floor(np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def _unit_luma(plane: np.ndarray, color: ColorSpec) -> np.ndarray:
    scale = ycbcr_scale(color, plane_depth(plane, color))
    return (plane.astype(np.float32) - scale.black) / scale.luma_span


def _unit_chroma(plane: np.ndarray, color: ColorSpec) -> np.ndarray:
    scale = ycbcr_scale(color, plane_depth(plane, color))
    return (plane.astype(np.float32) - scale.neutral) / scale.chroma_span


def plane_depth(plane: np.ndarray, color: ColorSpec) -> int:
    """The bit depth of a plane's codes: 8 for uint8, the source's for uint16."""
    return 8 if plane.dtype == np.uint8 else color.bit_depth
