"""Pictures come upright, in 8 bits, and are written whole or not at all."""

import cv2
import numpy as np
import pytest

from hueshift_jax.errors import UnreadableMediaError, UnsupportedMediaError, UnwritableMediaError
from hueshift_jax.video.picture import (
    list_pictures,
    read_picture_luma,
    read_picture_rgb,
    write_picture,
)


def _smooth():
    y, x = np.mgrid[:24, :32]
    return np.stack([x * 7, y * 9, 120 + x], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".bmp", ".PNG"])
def test_lossless_formats(tmp_path, suffix):
    write_picture(tmp_path / f"ä{suffix}", _smooth())
    assert np.array_equal(read_picture_rgb(tmp_path / f"ä{suffix}"), _smooth())
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_formats(tmp_path, suffix):
    write_picture(tmp_path / f"a{suffix}", _smooth())
    found = read_picture_rgb(tmp_path / f"a{suffix}").astype(int)
    assert np.abs(found - _smooth()).mean() < 4


def test_sixteen_bits_are_rounded(tmp_path):
    codes = np.uint16([[0, 128, 129, 257 * 200 + 128, 257 * 200 + 129, 65535]])
    cv2.imwrite(str(tmp_path / "a.png"), codes)
    assert read_picture_rgb(tmp_path / "a.png")[0, :, 0].tolist() == [0, 0, 1, 200, 201, 255]
    assert read_picture_luma(tmp_path / "a.png", "bt709")[0].tolist() == [0, 0, 1, 200, 201, 255]


def test_turned_photographs_are_upright(tmp_path):
    done, data = cv2.imencode(".jpg", np.zeros((10, 20, 3), np.uint8))
    assert done
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    marker = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "a.jpg").write_bytes(data.tobytes()[:2] + marker + data.tobytes()[2:])
    assert read_picture_rgb(tmp_path / "a.jpg").shape == (20, 10, 3)


def test_float_samples_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "a.tif"), np.zeros((4, 4, 3), np.float32))
    with pytest.raises(UnsupportedMediaError, match="float32"):
        read_picture_rgb(tmp_path / "a.tif")


@pytest.mark.parametrize("content", [None, b"", b"nothing of the kind"])
def test_unreadable(tmp_path, content):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UnreadableMediaError, match=r"a\.png"):
        read_picture_rgb(tmp_path / "a.png")


def test_unreadable_folder(tmp_path):
    with pytest.raises(UnreadableMediaError, match="cannot be listed"):
        list_pictures(tmp_path / "none")


def test_unknown_format(tmp_path):
    with pytest.raises(UnsupportedMediaError, match=r"a\.xyz"):
        write_picture(tmp_path / "a.xyz", _smooth())


def test_too_large_for_the_format(tmp_path):
    with pytest.raises(UnsupportedMediaError, match=r"20000x2; use \.png"):
        write_picture(tmp_path / "a.webp", np.zeros((2, 20000, 3), np.uint8))


def test_unwritable(tmp_path):
    with pytest.raises(UnwritableMediaError, match="cannot be written"):
        write_picture(tmp_path / "no" / "a.png", _smooth())
    (tmp_path / "b.png").mkdir()
    with pytest.raises(UnwritableMediaError, match="cannot be written"):
        write_picture(tmp_path / "b.png", _smooth())
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]
