"""Code values, gray, RGB and siting against closed forms."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest

from hueshift_jax.video.color import guess_color, luma_depth, picture_color
from hueshift_jax.video.frame import (
    ColorSpec,
    Planes,
    enlarge_chroma,
    gray_from_luma,
    luma_from_rgb,
    matrix_coefficients,
    requantize,
    to_eight_bit,
    ycbcr_scale,
    yuv_to_rgb,
)
from hueshift_jax.video.planes import frame_luma
from hueshift_jax.video.probe import probe
from hueshift_jax.video.reader import Reader
from tests.video.clips import pattern, read_all, write_film

LIMITED = ColorSpec("bt709", False, 1, 1, 1, 8, "left", ())
FULL = replace(LIMITED, full_range=True)


def test_scale_is_that_of_the_standard():
    assert ycbcr_scale(LIMITED, 8) == (16, 219, 128, 224)
    assert ycbcr_scale(LIMITED, 10) == (64, 876, 512, 896)
    assert ycbcr_scale(FULL, 8) == (0, 255, 128, 255)
    assert ycbcr_scale(FULL, 10) == (0, 1023, 512, 1023)


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_gray_spans_the_range(bits):
    step = 2 ** (bits - 8)
    codes = np.array([[0, 16 * step, 126 * step, 235 * step, 2**bits - 1]])
    codes = codes.astype(np.uint8 if bits == 8 else np.uint16)
    gray = gray_from_luma(codes, replace(LIMITED, bit_depth=bits))
    assert gray.tolist() == [[0, 0, 128, 255, 255]]
    assert gray.dtype == np.uint8
    gray = gray_from_luma(codes[:, [0, -1]], replace(FULL, bit_depth=bits))
    assert gray.tolist() == [[0, 255]]


def test_full_range_gray_is_the_luma():
    codes = np.arange(256, dtype=np.uint8)[None]
    assert np.array_equal(gray_from_luma(codes, FULL), codes)


def test_eight_bits():
    codes = np.arange(256, dtype=np.uint8)[None]
    assert to_eight_bit(codes, 8) is codes
    ten = np.uint16([[0, 1, 2, 64, 65, 66, 940, 1023]])
    assert to_eight_bit(ten, 10).tolist() == [[0, 0, 1, 16, 16, 17, 235, 255]]
    assert to_eight_bit(np.uint16([[0, 512, 1023]]), 10, full_range=True).tolist() == [
        [0, 128, 255]
    ]


def test_requantizing_up_and_down_is_exact():
    codes = np.arange(1024, dtype=np.uint16)[None]
    assert np.array_equal(requantize(requantize(codes, 10, 12), 12, 10), codes)


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_luma_of_gray_is_gray(matrix):
    gray = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert np.array_equal(luma_from_rgb(gray, matrix), gray[..., 0])
    kr, kb = matrix_coefficients(matrix)
    red = np.uint8([[[255, 0, 0], [0, 0, 255]]])
    assert luma_from_rgb(red, matrix).tolist() == [[round(255 * kr), round(255 * kb)]]


@pytest.mark.parametrize("color", [LIMITED, FULL, replace(LIMITED, matrix="bt2020", bit_depth=10)])
def test_gray_planes_give_gray_rgb(color):
    luma = pattern(0, 6, 8, color.bit_depth)
    neutral = np.full((3, 4), 2 ** (color.bit_depth - 1), luma.dtype)
    rgb = yuv_to_rgb(Planes(0, 1, luma, neutral, neutral), color)
    assert np.array_equal(rgb[..., 0], rgb[..., 2])
    assert np.abs(rgb[..., 1].astype(int) - gray_from_luma(luma, color)).max() <= 1


SITING_CENTERS = {"left": (0.5, 0), "center": (0.5, 0.5), "topleft": (0, 0)}


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("siting", SITING_CENTERS)
def test_edge_stays_where_it_is(siting, axis):
    """A chroma edge sampled at the siting's positions comes back in its place."""
    positions = 2 * np.mgrid[:20, :20][axis] + SITING_CENTERS[siting][axis]
    chroma = 128 + 60 * np.clip((positions - 20.3) / 8 + 0.5, 0, 1)
    large = enlarge_chroma(chroma.astype(np.float32), 40, 40, siting)
    profile = large[:, 20] if axis == 0 else large[20]
    slope = np.diff(profile)
    assert abs((slope * (np.arange(39) + 0.5)).sum() / slope.sum() - 20.3) < 0.1


def _guess(pix_fmt, codec, *, height=480, tags=(0, 2, 2, 2), stream_tags=(0, 2, 2, 2)):
    frame = av.VideoFrame(64, height, pix_fmt)
    frame.color_range, frame.color_primaries, frame.color_trc, frame.colorspace = tags
    names = ("color_range", "color_primaries", "color_trc", "colorspace")
    context = SimpleNamespace(name=codec, **dict(zip(names, stream_tags)))
    return guess_color(context, frame)


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "full"),
    [
        ("yuv420p", "h264", False),
        ("yuvj420p", "mjpeg", True),
        ("gray", "h264", False),
        ("gray", "ffv1", True),
        ("gray10le", "hevc", False),
        ("gray", "mpeg4", False),
        ("rgb24", "rawvideo", True),
        ("gbrp", "h264", True),
    ],
)
def test_untagged_range(pix_fmt, codec, full):
    assert _guess(pix_fmt, codec).full_range == full


def test_untagged_matrix_follows_the_height():
    small, pal, large = (_guess("yuv420p", "h264", height=h) for h in (480, 576, 720))
    assert (small.matrix, small.matrix_tag, small.primaries, small.transfer) == ("bt601", 6, 6, 6)
    assert (pal.matrix, pal.matrix_tag, pal.primaries) == ("bt601", 5, 5)
    assert (large.matrix, large.matrix_tag, large.primaries, large.transfer) == ("bt709", 1, 1, 1)
    assert set(small.guessed) == {"matrix", "primaries", "transfer", "range"}


def test_tags_win_over_guesses_and_frames_over_streams():
    color = _guess("yuv420p", "h264", tags=(1, 9, 14, 9), stream_tags=(2, 1, 1, 1))
    assert (color.matrix, color.full_range, color.guessed) == ("bt2020", False, ())
    assert color.siting == "topleft"
    color = _guess("yuv420p", "mpeg1video", stream_tags=(2, 5, 5, 5))
    assert (color.matrix_tag, color.primaries, color.full_range) == (5, 5, True)
    assert color.siting == "center"


def test_rare_matrices_are_rewritten():
    color = _guess("yuv420p", "h264", tags=(1, 1, 1, 7))
    assert (color.matrix, color.matrix_tag) == ("bt601", 6)
    assert "matrix" in color.guessed


def test_pictures_are_full_range():
    assert picture_color(480).matrix == "bt601"
    assert picture_color(1080).matrix == "bt709"
    assert picture_color(480).full_range


def test_depths():
    assert [luma_depth(*x) for x in (("gray16le", 16), ("rgb48le", 16), ("monow", 1))] == [12, 8, 8]


PLANAR = {
    "gray": 8,
    "gray10le": 10,
    "gray12le": 12,
    "yuv420p": 8,
    "yuv422p": 8,
    "yuv444p": 8,
    "yuvj420p": 8,
    "yuvj422p": 8,
    "yuv410p": 8,
    "yuv411p": 8,
    "yuva420p": 8,
    "nv12": 8,
    "nv21": 8,
    "nv16": 8,
    "yuv420p9le": 9,
    "yuv420p10le": 10,
    "yuv422p10le": 10,
    "yuv444p10le": 10,
    "yuv420p12le": 12,
    "yuv444p12le": 12,
    "yuv422p10be": 10,
}


@pytest.mark.parametrize("pix_fmt", PLANAR)
@pytest.mark.parametrize("size", [(17, 33), (2, 2)])
def test_luma_planes_are_exact(pix_fmt, size):
    bits = PLANAR[pix_fmt]
    luma = pattern(0, *size, bits)
    frame = _with_luma(luma, pix_fmt)
    codes, excursion = frame_luma(frame, replace(LIMITED, bit_depth=bits))
    assert np.array_equal(codes, luma)
    assert codes.dtype == luma.dtype
    assert excursion == 0


def _with_luma(luma, pix_fmt, shift=0, chroma=None):
    frame = av.VideoFrame(luma.shape[1], luma.shape[0], pix_fmt)
    bits = frame.format.components[0].bits
    neutral = 2 ** (bits - 1) if chroma is None else chroma
    dtype = luma.dtype.newbyteorder(">") if pix_fmt.endswith("be") else luma.dtype
    for index, plane in enumerate(frame.planes):
        rows = np.frombuffer(plane, dtype).reshape(plane.height, -1)
        rows[:] = neutral << shift
        if index == 0:
            rows[:, : luma.shape[1]] = luma << shift
    return frame


@pytest.mark.parametrize("pix_fmt", ["p010le", "p010be", "p210le"])
def test_high_aligned_planes_are_exact(pix_fmt):
    luma = pattern(0, 18, 34, 10)
    codes, excursion = frame_luma(_with_luma(luma, pix_fmt, 6), replace(LIMITED, bit_depth=10))
    assert np.array_equal(codes, luma)
    assert excursion == 0


@pytest.mark.parametrize("pix_fmt", ["yuyv422", "uyvy422"])
def test_packed_luma_is_exact(pix_fmt):
    luma = pattern(0, 16, 32)
    packed = _with_luma(luma, "yuv422p").reformat(format=pix_fmt)
    codes, excursion = frame_luma(packed, LIMITED)
    assert np.array_equal(codes, luma)
    assert excursion == 0


def test_sixteen_bit_gray_becomes_twelve_bit():
    luma = np.uint16([[0, 16, 65535, 32768]])
    codes, _ = frame_luma(_with_luma(luma, "gray16le"), replace(FULL, bit_depth=12))
    assert codes.tolist() == [[0, 1, 4095, 2048]]


def test_alpha_gray_and_bitmaps_are_read():
    gray = _with_luma(pattern(0, 8, 8), "gray")
    assert np.array_equal(frame_luma(gray.reformat(format="ya8"), FULL)[0], pattern(0, 8, 8))
    bitmap = gray.reformat(format="monow")
    assert set(np.unique(frame_luma(bitmap, FULL)[0])) <= {0, 255}


@pytest.mark.parametrize(("pix_fmt", "bits"), [("yuv420p", 8), ("yuv420p10le", 10), ("nv12", 8)])
def test_excursion_is_in_eight_bit_codes(pix_fmt, bits):
    frame = _with_luma(pattern(0, 8, 8, bits), pix_fmt, chroma=138 * 2 ** (bits - 8))
    assert frame_luma(frame, replace(LIMITED, bit_depth=bits))[1] == pytest.approx(20)


def test_rgb_film_has_full_range_luma(tmp_path):
    film = tmp_path / "in.mkv"
    rgb = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    with av.open(str(film), "w") as sink:
        stream = sink.add_stream("ffv1", rate=Fraction(25), width=32, height=24)
        stream.pix_fmt = "bgr0"
        sink.mux(stream.encode(av.VideoFrame.from_ndarray(rgb)))
        sink.mux(stream.encode(None))
    info, frames = read_all(film)
    assert info.color.full_range
    assert np.array_equal(frames[0].luma, luma_from_rgb(rgb, "bt601"))
    assert frames[0].chroma_excursion > 20


def test_gray_film_is_untouched(tmp_path):
    film = write_film(tmp_path / "in.mkv", codec="ffv1", pix_fmt="gray", times=3)
    info = probe(film)
    assert info.gray
    with Reader(info) as reader:
        for frame in reader:
            assert np.array_equal(frame.luma, pattern(frame.index, 48, 64))
            assert frame.chroma_excursion == 0
