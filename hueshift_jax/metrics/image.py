"""Figures of one picture against its truth.

rgb_u8 is (h, w, 3) uint8; lab is CIELAB, (..., 3). Sums over 8-bit pictures are exact.
"""

from types import ModuleType

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.contracts import Array

_OPPONENTS = np.float32([[1.0, -1.0, 0.0], [0.5, 0.5, -1.0]])


def psnr(rgb_u8: np.ndarray, truth_u8: np.ndarray, *, peak: float = 255.0) -> float:
    """Peak signal to noise ratio in dB over pixels and channels; infinite for equal pictures.

    peak: the value of white, 1 for float32 pictures.
    """
    squares = cv2.norm(rgb_u8, truth_u8, cv2.NORM_L2SQR)
    return _decibels(squares / rgb_u8.size / peak**2)


def wrapped_psnr(rgb_u8: np.ndarray, truth_u8: np.ndarray) -> float:
    """PSNR as a much used script has it: differences and squares of bytes, both modulo 256.

    A defect, for comparison with tables made so: nothing scores below about 28 dB, gray gets 30.

    Source: yyang181/colormnet, its evaluation script.
    """
    difference = rgb_u8 - truth_u8
    return _decibels(float(np.mean(difference * difference, dtype=np.float64)) / 255.0**2)


def _decibels(error: float) -> float:
    return float("inf") if error == 0.0 else float(-10.0 * np.log10(error))


def colorfulness(rgb_u8: np.ndarray, *, unsigned: bool = False) -> float:
    """Hasler and Suesstrunk's M3 (2003), 0 for gray, about 100 for extremely colorful.

    unsigned: of the absolute opponents |R - G| and |(R + G)/2 - B|, as DDColor's and ColorMNet's
      tables have it; about a tenth lower.
    """
    opponents = cv2.transform(rgb_u8.astype(np.float32), _OPPONENTS)
    means, deviations = cv2.meanStdDev(np.abs(opponents) if unsigned else opponents)
    return float(np.hypot(*deviations.ravel()) + 0.3 * np.hypot(*means.ravel()))


def cast(lab: np.ndarray, truth: np.ndarray) -> float:
    """How far the mean chroma is from the truth's, in CIELAB units: 0 without a tint of its own."""
    offset = np.mean(lab[..., 1:] - truth[..., 1:], axis=(-3, -2), dtype=np.float64)
    return float(np.hypot(*offset))


def ciede2000(lab: Array, truth: Array) -> Array:
    """CIEDE2000 color difference of each pixel, kL = kC = kH = 1; shape without the last axis.

    In float64; where `lab` is a JAX array, jittable and in its float32, which is within 0.001.

    Source: Sharma, Wu, Dalal, "The CIEDE2000 color-difference formula" (2005), whose 34 test pairs
    it reproduces.
    """
    xp = jnp if isinstance(lab, jax.Array) else np
    dtype = jnp.float32 if xp is jnp else np.float64
    l1, a1, b1 = xp.moveaxis(xp.asarray(lab, dtype), -1, 0)
    l2, a2, b2 = xp.moveaxis(xp.asarray(truth, dtype), -1, 0)
    stretch = 1.5 - 0.5 * _chroma_share(xp, 0.5 * (xp.hypot(a1, b1) + xp.hypot(a2, b2)))
    c1, c2 = xp.hypot(a1 * stretch, b1), xp.hypot(a2 * stretch, b2)
    h1, h2 = _hue(xp, a1 * stretch, b1), _hue(xp, a2 * stretch, b2)
    colored = c1 * c2 > 0.0
    turn = h2 - h1
    turn = xp.where(turn > 180.0, turn - 360.0, xp.where(turn < -180.0, turn + 360.0, turn))
    half = xp.radians(xp.where(colored, turn, 0.0)) / 2.0
    d_hue = 2.0 * xp.sqrt(c1 * c2) * xp.sin(half)
    hue = _mean_hue(xp, h1, h2, colored)
    lightness, chroma = 0.5 * (l1 + l2), 0.5 * (c1 + c2)
    offset = (lightness - 50.0) ** 2
    term_l = (l2 - l1) / (1.0 + 0.015 * offset / xp.sqrt(20.0 + offset))
    term_c = (c2 - c1) / (1.0 + 0.045 * chroma)
    term_h = d_hue / (1.0 + 0.015 * chroma * _hue_weight(xp, hue))
    turn_angle = xp.radians(60.0 * xp.exp(-(((hue - 275.0) / 25.0) ** 2)))
    rotation = -2.0 * _chroma_share(xp, chroma) * xp.sin(turn_angle)
    squared = term_l**2 + term_c**2 + term_h**2 + rotation * term_c * term_h
    return xp.sqrt(xp.maximum(squared, 0.0))


def _chroma_share(xp: ModuleType, chroma: Array) -> Array:
    return xp.sqrt(chroma**7 / (chroma**7 + 25.0**7))


def _hue(xp: ModuleType, a: Array, b: Array) -> Array:
    """Degrees 0..360; 0 for gray."""
    degrees = xp.degrees(xp.arctan2(b, a))
    return xp.where(degrees < 0.0, degrees + 360.0, degrees)


def _mean_hue(xp: ModuleType, h1: Array, h2: Array, colored: Array) -> Array:
    total = h1 + h2
    near = xp.abs(h1 - h2) <= 180.0
    wrapped = xp.where(total < 360.0, total + 360.0, total - 360.0)
    return xp.where(colored, 0.5 * xp.where(near, total, wrapped), total)


def _hue_weight(xp: ModuleType, hue: Array) -> Array:
    return (
        1.0
        - 0.17 * xp.cos(xp.radians(hue - 30.0))
        + 0.24 * xp.cos(xp.radians(2.0 * hue))
        + 0.32 * xp.cos(xp.radians(3.0 * hue + 6.0))
        - 0.20 * xp.cos(xp.radians(4.0 * hue - 63.0))
    )
