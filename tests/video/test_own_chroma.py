"""Chroma planes as they were decoded."""

import dataclasses

import av
import numpy as np
import pytest

from hueshift_jax.video.frame import chroma_from_rgb, halved
from hueshift_jax.video.picture import write_picture
from hueshift_jax.video.planes import frame_chroma
from hueshift_jax.video.probe import probe
from hueshift_jax.video.reader import Reader
from tests.pipeline.doubles import SD, lumas, make_film

SIZE = (12, 20)


def decoded(pix_fmt, cb, cr):
    """A frame with these chroma planes and black luma; odd columns of interleaved ones are Cr."""
    frame = av.VideoFrame(SIZE[1], SIZE[0], pix_fmt)
    planes = [np.zeros(SIZE, cb.dtype), cb, cr]
    if len(frame.planes) == 2:
        planes[1:] = [np.stack([cb, cr], axis=-1).reshape(len(cb), -1)]
    for plane, codes in zip(frame.planes, planes):
        rows = np.frombuffer(plane, codes.dtype).reshape(plane.height, -1)
        rows[:, : codes.shape[1]] = codes
    return frame


def codes(height, width, dtype=np.uint8, peak=256):
    rng = np.random.default_rng(0)
    return [rng.integers(0, peak, (height, width), dtype=dtype) for _ in range(2)]


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "nv12"])
def test_420_is_exact(pix_fmt):
    cb, cr = codes(6, 10)
    found = frame_chroma(decoded(pix_fmt, cb, cr), SD)
    np.testing.assert_array_equal(found[0], cb)
    np.testing.assert_array_equal(found[1], cr)


def test_deep_codes_are_exact():
    cb, cr = codes(6, 10, np.uint16, 1024)
    color = dataclasses.replace(SD, bit_depth=10)
    found = frame_chroma(decoded("yuv420p10le", cb, cr), color)
    np.testing.assert_array_equal(found[0], cb)
    np.testing.assert_array_equal(found[1], cr)


@pytest.mark.parametrize(("pix_fmt", "size"), [("yuv444p", (12, 20)), ("yuv422p", (12, 10))])
def test_finer_chroma_is_averaged(pix_fmt, size):
    cb, cr = codes(*size)
    found = frame_chroma(decoded(pix_fmt, cb, cr), SD)
    for plane, whole in zip(found, (cb, cr), strict=True):
        means = whole.astype(float).reshape(6, 2, 10, -1).mean(axis=(1, 3))
        assert np.abs(plane - means).max() <= 0.5


def test_gray_has_none():
    frame = av.VideoFrame(SIZE[1], SIZE[0], "gray")
    assert frame_chroma(frame, SD) is None


def test_rgb_has_the_chroma_of_its_colors():
    rgb = np.zeros((3, 5, 3), np.uint8)
    rgb[:] = 90, 140, 30
    cb, cr = chroma_from_rgb(rgb, "bt601")
    assert cb.shape == cr.shape == (2, 3)
    luma = 0.299 * 90 + 0.587 * 140 + 0.114 * 30
    assert np.abs(cb - (128 + (30 - luma) / 1.772)).max() <= 0.5
    assert np.abs(cr - (128 + (90 - luma) / 1.402)).max() <= 0.5
    frame = av.VideoFrame.from_ndarray(np.repeat(np.repeat(rgb, 4, 0), 4, 1), format="rgb24")
    assert np.abs(frame_chroma(frame, SD)[0].astype(int) - int(cb[0, 0])).max() <= 1


def test_halves_of_odd_sizes_repeat_the_border():
    np.testing.assert_array_equal(halved(np.float32([[1, 3, 9]])), [[2, 9]])


def test_a_reader_carries_chroma_where_wanted(tmp_path):
    pair = tuple(codes(24, 32))
    info = make_film(tmp_path / "film.mp4", lumas(3), [pair] * 2)
    with Reader(info) as reader:
        assert [frame.chroma for frame in reader] == [None] * 3
    with Reader(info, chroma=True) as reader:
        found = [frame.chroma for frame in reader]
    np.testing.assert_array_equal(found[1][0], pair[0])
    np.testing.assert_array_equal(found[1][1], pair[1])
    assert (found[2][0] == 128).all()
    assert found[2][0].strides == (0, 0)


def test_pictures_carry_it_too(tmp_path):
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[..., 0] = 200
    write_picture(tmp_path / "1.png", rgb)
    with Reader(probe(tmp_path), chroma=True) as reader:
        (frame,) = reader
    assert frame.chroma[1].min() > 180
