"""How the published HueShift systems prepare pictures and put their results together.

8-bit LAB is OpenCV's: L* x 255 / 100, a* + 128, b* + 128, each rounded. Unless said otherwise
pictures are (h, w, 3) and uint8; BGR is the order in which OpenCV reads a file.

Source: Kazedaa/Hueshift-Video-Coloring, commit 4a32b61, train_ddpm.ipynb and utils/res_change.py;
SreeDakshinya/HueShift-Video-Coloring, commit 636eae0, "GAN model/
final-training-code-of-video-coloring-gan.ipynb".
"""

import cv2
import jax.numpy as jnp
import numpy as np

from hueshift_jax.ops.color import IMAGENET_MEAN, IMAGENET_STD, TORCHVISION_LUMA
from hueshift_jax.ops.resample import resize_bicubic

_PRECISION = 22
"""Bits of Pillow's fixed-point weights."""


def bgr_to_lab_u8(bgr: np.ndarray) -> np.ndarray:
    """8-bit LAB of 8-bit BGR."""
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2LAB)


def diffusion_input(bgr: np.ndarray, size: int) -> np.ndarray:
    """What the diffusion network sees: 8-bit LAB / 255 at size x size, float32.

    Antialiased bicubic, whatever the proportions were; overshoot leaves 0..1.
    """
    lab = bgr_to_lab_u8(bgr).astype(np.float32) / 255.0
    return np.asarray(resize_bicubic(jnp.asarray(lab)[None], (size, size), antialias=True)[0])


def diffusion_output(lab: np.ndarray, *, as_published: bool = False) -> np.ndarray:
    """8-bit RGB of what `diffusion_input` makes: floats whose 0..1 are the 8 bits of LAB.

    as_published: values are cut to whole numbers and those outside 0..1 come out at the other
      end, as specks of pink and green; otherwise they are held inside and rounded.
    """
    if as_published:
        lab_u8 = (lab * 255.0).astype(np.int32).astype(np.uint8)
    else:
        lab_u8 = np.round(np.clip(lab, 0.0, 1.0) * 255.0).astype(np.uint8)
    return cv2.cvtColor(lab_u8, cv2.COLOR_LAB2RGB)


def gray_to_lightness_u8(gray: np.ndarray) -> np.ndarray:
    """8-bit L* (h, w) of an 8-bit gray picture (gray 128 is not 128 but 137)."""
    return bgr_to_lab_u8(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))[..., 0]


def enhance(gray: np.ndarray, small_bgr: np.ndarray, *, as_published: bool = False) -> np.ndarray:
    """BGR of the lightness of `gray` (h, w) and the colors of a small picture, bicubic.

    as_published: the gray values themselves are taken for L*, which darkens by up to 10 levels
      and brightens by up to 4.
    """
    size = gray.shape[1], gray.shape[0]
    lab = bgr_to_lab_u8(cv2.resize(small_bgr, size, interpolation=cv2.INTER_CUBIC))
    lab[..., 0] = gray if as_published else gray_to_lightness_u8(gray)
    return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)


def gan_input(rgb: np.ndarray, size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """What the GAN learns from: ImageNet-normalized RGB (size, size, 3) and its gray, float32.

    The short side becomes `size`, the middle is cut out, channels are normalized, and gray is the
    weighted sum of the normalized channels.
    """
    small = _short_side(rgb, size)
    top, left = (round((n - size) / 2.0) for n in small.shape[:2])  # Halves go to even numbers.
    cut = small[top : top + size, left : left + size].astype(np.float32) / np.float32(255.0)
    normalized = (cut - IMAGENET_MEAN) / IMAGENET_STD
    return normalized, normalized @ TORCHVISION_LUMA


def _short_side(rgb: np.ndarray, size: int) -> np.ndarray:
    """Proportions kept up to a pixel; the long side is rounded down."""
    short = min(rgb.shape[:2])
    height, width = (size if n == short else int(size * n / short) for n in rgb.shape[:2])
    return _pillow(_pillow(rgb, width, 1), height, 0)


def _pillow(x: np.ndarray, size: int, axis: int) -> np.ndarray:
    """One pass of Pillow's bilinear resize: fixed-point weights, rounded to uint8."""
    if x.shape[axis] == size:
        return x
    weights = np.floor(_triangles(x.shape[axis], size) * 2.0**_PRECISION + 0.5).astype(np.int64)
    total = np.moveaxis(np.tensordot(weights, x.astype(np.int64), (1, axis)), 0, axis)
    return np.clip((total + (1 << (_PRECISION - 1))) >> _PRECISION, 0, 255).astype(np.uint8)


def _triangles(inputs: int, outputs: int) -> np.ndarray:
    """Weights (outputs, inputs) of an antialiased bilinear resize."""
    scale = inputs / outputs
    reach = max(scale, 1.0)
    centers = (np.arange(outputs) + 0.5) * scale
    distance = np.abs(np.arange(inputs)[None] + 0.5 - centers[:, None]) / reach
    weights = np.maximum(1.0 - distance, 0.0)
    return weights / weights.sum(1, keepdims=True)
