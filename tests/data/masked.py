"""A small folder of pictures with masks for tests."""

import cv2
import numpy as np

from tests.data.pictures import encoded, picture


def pair(seed, height=40, width=56):
    """A bright disk on a smooth dark ground, and its mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    center = (int(rng.integers(18, width - 18)), int(rng.integers(14, height - 14)))
    cv2.circle(mask, center, 10, 255, -1)
    rgb = picture(seed, height, width) // 3
    rgb[mask > 0] = 255 - rgb[mask > 0] // 3
    return rgb, mask


def write_folder(folder, count=20, suffix=".png", **size):
    """images/NAME and masks/NAME of so many pairs; returns the folder."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for n in range(count):
        rgb, mask = pair(n, **size)
        (folder / "images" / f"disk-{n:02d}{suffix}").write_bytes(encoded(rgb, suffix))
        gray = np.repeat(mask[..., None], 3, -1)
        (folder / "masks" / f"disk-{n:02d}.png").write_bytes(encoded(gray))
    return folder
