"""Figures of one picture against its truth.

rgb_u8 is (h, w, 3) uint8; lab is CIELAB, (..., 3). Sums over 8-bit pictures are exact.
"""

import cv2
import numpy as np

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

    Source: yyang181/colormnet, evaluation_matrics/evaluation.py, `calculate_psnr`, commit c2d2c11.
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


def cast(mean_lab: np.ndarray, truth: np.ndarray) -> float:
    """How far the mean chroma of a picture is from its truth's, in CIELAB units, of both means."""
    return float(np.hypot(*(mean_lab[1:] - truth[1:])))


def ciede2000(lab: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """CIEDE2000 color difference of each pixel, kL = kC = kH = 1; shape without the last axis.

    In float64; `planes.ciede2000` is ten times as fast.

    Source: Sharma, Wu, Dalal, "The CIEDE2000 color-difference formula" (2005), whose 34 test pairs
    it reproduces.
    """
    l1, a1, b1 = np.moveaxis(np.asarray(lab, np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(truth, np.float64), -1, 0)
    stretch = 1.5 - 0.5 * _chroma_share(0.5 * (np.hypot(a1, b1) + np.hypot(a2, b2)))
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = _hue(a1 * stretch, b1), _hue(a2 * stretch, b2)
    colored = c1 * c2 > 0.0
    turn = h2 - h1
    turn = np.where(turn > 180.0, turn - 360.0, np.where(turn < -180.0, turn + 360.0, turn))
    d_hue = 2.0 * np.sqrt(c1 * c2) * np.sin(np.radians(np.where(colored, turn, 0.0)) / 2.0)
    hue = _mean_hue(h1, h2, colored)
    lightness, chroma = 0.5 * (l1 + l2), 0.5 * (c1 + c2)
    offset = (lightness - 50.0) ** 2
    term_l = (l2 - l1) / (1.0 + 0.015 * offset / np.sqrt(20.0 + offset))
    term_c = (c2 - c1) / (1.0 + 0.045 * chroma)
    term_h = d_hue / (1.0 + 0.015 * chroma * _hue_weight(hue))
    turn_angle = np.radians(60.0 * np.exp(-(((hue - 275.0) / 25.0) ** 2)))
    rotation = -2.0 * _chroma_share(chroma) * np.sin(turn_angle)
    squared = term_l**2 + term_c**2 + term_h**2 + rotation * term_c * term_h
    return np.sqrt(np.maximum(squared, 0.0))


def _chroma_share(chroma: np.ndarray) -> np.ndarray:
    return np.sqrt(chroma**7 / (chroma**7 + 25.0**7))


def _hue(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees 0..360; 0 for gray."""
    return np.degrees(np.arctan2(b, a)) % 360.0


def _mean_hue(h1: np.ndarray, h2: np.ndarray, colored: np.ndarray) -> np.ndarray:
    total = h1 + h2
    near = np.abs(h1 - h2) <= 180.0
    wrapped = np.where(total < 360.0, total + 360.0, total - 360.0)
    return np.where(colored, 0.5 * np.where(near, total, wrapped), total)


def _hue_weight(hue: np.ndarray) -> np.ndarray:
    return (
        1.0
        - 0.17 * np.cos(np.radians(hue - 30.0))
        + 0.24 * np.cos(np.radians(2.0 * hue))
        + 0.32 * np.cos(np.radians(3.0 * hue + 6.0))
        - 0.20 * np.cos(np.radians(4.0 * hue - 63.0))
    )
