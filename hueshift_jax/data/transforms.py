"""What happens to one training picture: crop, flip, and the ways a film becomes gray.

All functions take a NumPy random generator last and work on rgb_u8 or on luma 0..1.
"""

import cv2
import numpy as np

from hueshift_jax.ops.color import REC601_LUMA


def random_crop(rgb_u8: np.ndarray, smallest: float, rng: np.random.Generator) -> np.ndarray:
    """A square of `smallest` to 1.0 of the short side, anywhere, mirrored half the time."""
    short = min(rgb_u8.shape[:2])
    side = max(1, round(short * rng.uniform(smallest, 1.0)))
    top, left = (int(rng.integers(0, n - side + 1)) for n in rgb_u8.shape[:2])
    crop = rgb_u8[top : top + side, left : left + side]
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def resize(rgb_u8: np.ndarray, size: int) -> np.ndarray:
    """To (size, size): area average when reducing, cubic when enlarging."""
    method = cv2.INTER_AREA if rgb_u8.shape[0] >= size else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(rgb_u8), (size, size), interpolation=method)


def spectral_luma(rgb_u8: np.ndarray, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Gray as an emulsion of unknown color sensitivity records it; float32 0..1.

    The weights are those of Rec. 601, each multiplied by exp(N(0, spread)), then normalized:
    orthochromatic stock sees little red, panchromatic stock most of it.
    """
    weights = REC601_LUMA * np.exp(rng.normal(0.0, spread, 3)).astype(np.float32)
    return (rgb_u8.astype(np.float32) / 255.0) @ (weights / weights.sum())


def develop(luma: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Gamma, contrast, offset, grain and softness of film, each by chance; stays in 0..1.

    Args:
      luma: (h, w), 0..1.
      strength: 0 changes nothing; 1 is a usual archive copy.
    """
    if strength <= 0.0:
        return luma
    if rng.random() < 0.5:
        luma = np.clip(luma, 0.0, 1.0) ** np.float32(np.exp(rng.normal(0.0, 0.25 * strength)))
    if rng.random() < 0.4:
        gain = 1.0 + strength * rng.uniform(-0.25, 0.2)
        luma = (luma - 0.5) * gain + 0.5 + strength * rng.uniform(-0.06, 0.06)
    if rng.random() < 0.15:
        sigma = strength * rng.uniform(0.4, 1.2)
        luma = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), max(sigma, 0.1))
    if rng.random() < 0.25:
        luma = luma + rng.normal(0.0, strength * rng.uniform(0.01, 0.05), luma.shape)
    return np.clip(luma, 0.0, 1.0).astype(np.float32)


def vignette(luma: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Darker towards the corners by up to 0.4 of the value, as old lenses draw."""
    y, x = (np.linspace(-1.0, 1.0, n, dtype=np.float32) for n in luma.shape)
    distance = (y[:, None] ** 2 + x[None] ** 2) / 2.0
    return luma * (1.0 - strength * np.float32(rng.uniform(0.0, 0.4)) * distance)


def damage(luma: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Upright scratches, dust and stains of a copy that was often shown; stays in 0..1."""
    height, width = luma.shape
    worn = luma.astype(np.float32).copy()
    for _ in range(rng.poisson(2.0 * strength)):
        x = int(rng.integers(0, width))
        top, bottom = sorted(int(n) for n in rng.integers(0, height, 2))
        lean = int(rng.integers(-2, 3))
        shade = float(rng.choice([0.05, 0.95]))
        cv2.line(worn, (x, top), (x + lean, bottom), shade, 1, cv2.LINE_AA)
    for _ in range(rng.poisson(6.0 * strength)):
        center = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        shade = float(rng.choice([0.0, 0.1, 0.9, 1.0]))
        cv2.circle(worn, center, int(rng.integers(1, 3)), shade, -1, cv2.LINE_AA)
    return np.clip(worn, 0.0, 1.0)


def compress(luma: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Through JPEG once, at a quality of 95 down to 95 - 65 x strength."""
    quality = round(95 - 65 * strength * rng.random())
    codes = np.round(luma * 255).astype(np.uint8)
    content = cv2.imencode(".jpg", codes, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(content, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255.0
