"""Whatever a picture file is, it becomes 8-bit RGB of bounded size, or is refused."""

import io

import cv2
import numpy as np
import pytest

from hueshift_jax.data.decode import decode, reduce
from tests.data.pictures import picture

Image = pytest.importorskip("PIL.Image")
COLOR = (200, 120, 40)


def saved(image, kind, **options):
    """The bytes that Pillow writes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def flat(mode):
    return Image.new("RGB", (32, 24), COLOR).convert(mode)


@pytest.mark.parametrize(
    ("mode", "kind"), [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("P", "PNG"), ("RGBA", "WEBP")]
)
def test_modes(mode, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    found = decode(saved(flat(mode), kind, **options))
    expected = np.asarray(flat(mode).convert("RGB")).astype(int)
    assert np.abs(found - expected).max() <= 3


def test_sixteen_bits_lose_the_lower_ones():
    deep = np.full((5, 4, 3), (10_240, 30_720, 51_200), np.uint16)
    for suffix in (".png", ".tiff"):
        content = cv2.imencode(suffix, deep[..., ::-1])[1].tobytes()
        assert np.abs(decode(content)[0, 0].astype(int) - (40, 120, 200)).max() <= 1


def test_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # Turned by 90 degrees clockwise when shown.
    assert decode(saved(flat("RGB"), "JPEG", exif=exif)).shape == (32, 24, 3)


def test_very_wide_pictures_are_reduced():
    content = saved(Image.new("RGB", (20_000, 40), COLOR), "PNG")
    assert decode(content, 20).shape == (20, 10_000, 3)


def test_huge_files_are_reduced_while_decoding(monkeypatch):
    from hueshift_jax.data import decode as module

    monkeypatch.setattr(module, "_HUGE_BYTES", 100)
    content = cv2.imencode(".jpg", picture(0, 320, 480))[1].tobytes()
    assert decode(content, 40).shape == (40, 60, 3)
    assert decode(content, 44).shape == (44, 66, 3)


def test_reduce_never_enlarges():
    small = picture(0, 10, 20)
    assert reduce(small, 0) is small
    assert reduce(small, 10) is small
    assert reduce(small, 5).shape == (5, 10, 3)
