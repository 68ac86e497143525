"""Small colored scenes for tests."""

import cv2
import jax.numpy as jnp
import numpy as np

from hueshift_jax.ops import color


def lab_frames(count: int = 6, size: tuple[int, int] = (48, 64), seed: int = 0) -> np.ndarray:
    """A scene (t, h, w, 3) in lab, all colors displayable: its right half moves, sensor noise."""
    rng = np.random.default_rng(seed)
    height, width = size
    coarse = rng.normal(0.0, 1.0, (height // 6, width // 6, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    still = np.array([55.0, 8.0, 14.0]) + smooth * np.array([9.0, 9.0, 12.0])
    frames = np.stack([still] * count)
    half = width // 2
    for number, frame in enumerate(frames):
        frame[:, half:] = np.roll(still[:, half:], 2 * number, 1)
    return frames + rng.normal(0.0, 0.4, (count, *size, 1))


def to_rgb(lab: np.ndarray) -> np.ndarray:
    """rgb_u8 of lab."""
    srgb = np.asarray(color.lab_to_srgb(jnp.asarray(lab, jnp.float32)))
    return np.floor(srgb * 255.0 + 0.5).astype(np.uint8)


def recolored(lab: np.ndarray, factor: float, offset: np.ndarray | float = 0.0) -> np.ndarray:
    """rgb_u8 of lab whose chroma is multiplied, then shifted by (t, 1, 1, 2)."""
    return to_rgb(np.concatenate([lab[..., :1], factor * lab[..., 1:] + offset], -1))
