"""Figures of one picture against its truth, in float64 NumPy.

rgb_u8 is (h, w, 3) uint8; lab is CIELAB, (..., 3).
"""

import numpy as np


def psnr(rgb_u8: np.ndarray, truth_u8: np.ndarray) -> float:
    """Peak signal to noise ratio in dB over pixels and channels; infinite for equal pictures."""
    error = np.mean((rgb_u8.astype(np.float64) - truth_u8.astype(np.float64)) ** 2)
    return float("inf") if error == 0.0 else float(10.0 * np.log10(255.0**2 / error))


def colorfulness(rgb_u8: np.ndarray) -> float:
    """Hasler and Suesstrunk's M3 (2003), 0 for gray, about 100 for extremely colorful."""
    r, g, b = np.moveaxis(rgb_u8.astype(np.float64), -1, 0)
    rg, yb = r - g, 0.5 * (r + g) - b
    spread = np.sqrt(rg.var() + yb.var())
    return float(spread + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2))


def ciede2000(lab: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """CIEDE2000 color difference of each pixel, kL = kC = kH = 1; shape without the last axis.

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
