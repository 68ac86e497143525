"""Sheets of sample pictures while training: gray | predicted | truth."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.contracts import Colorizer
from hueshift_jax.data.transforms import resize
from hueshift_jax.ops import color


class Sheet:
    """The same few pictures, colored again at every call of `write`."""

    def __init__(self, pictures: Sequence[np.ndarray], folder: Path, count: int = 8):
        chosen = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).astype(int)
        self._pictures = [resize(_square(pictures[i]), 160) for i in chosen]
        self._folder = folder

    def write(self, step: int, colorizer: Colorizer) -> Path:
        """Writes `folder/NNNNNN.png`, one row per picture."""
        self._folder.mkdir(parents=True, exist_ok=True)
        sheet = np.concatenate([_row(p, colorizer) for p in self._pictures])
        path = self._folder / f"{step:06d}.png"
        cv2.imwrite(str(path), sheet[..., ::-1])
        return path


def _square(rgb_u8: np.ndarray) -> np.ndarray:
    side = min(rgb_u8.shape[:2])
    top, left = ((n - side) // 2 for n in rgb_u8.shape[:2])
    return rgb_u8[top : top + side, left : left + side]


def _row(rgb_u8: np.ndarray, colorizer: Colorizer) -> np.ndarray:
    lab = color.srgb_to_lab(jnp.asarray(rgb_u8, jnp.float32) / 255.0)
    luma = np.asarray(color.lightness_to_luma(lab[..., 0]))
    _, ab, _ = colorizer(colorizer.start(*luma.shape), luma[None], jax.random.key(0))
    ab = cv2.resize(np.asarray(ab[0]), luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
    colored = color.lab_to_srgb(jnp.concatenate([lab[..., :1], jnp.asarray(ab)], axis=-1))
    gray = np.repeat(luma[..., None], 3, axis=-1)
    panels = [_to_u8(gray), _to_u8(np.asarray(colored)), rgb_u8]
    return np.concatenate(panels, axis=1)


def _to_u8(srgb: np.ndarray) -> np.ndarray:
    return np.floor(np.clip(srgb, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
