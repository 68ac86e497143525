"""Small pictures for the tests of this room."""

import io
import tarfile

import cv2
import numpy as np


def picture(seed, height=40, width=56):
    """Smooth random colors, (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 5, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def encoded(rgb_u8, suffix=".png"):
    """The bytes of a picture file."""
    return cv2.imencode(suffix, rgb_u8[..., ::-1])[1].tobytes()


def write_tar(path, files):
    """A tar file of (name, bytes)."""
    with tarfile.open(path, "w") as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
