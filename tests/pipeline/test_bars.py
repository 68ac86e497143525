"""Black bars: found where they are, and nowhere else."""

import dataclasses

import numpy as np
import pytest

from hueshift_jax.pipeline.bars import find_bars, hidden, neutral_in, still_there
from hueshift_jax.video.frame import NO_BARS, Bars
from tests.pipeline.doubles import SD, frame, lumas

SIZE = (96, 128)


def shot(bars=NO_BARS, light=1.0, noise=0.0, count=6):
    """Frames of a pan within bars, under more or less light, with grain everywhere."""
    rng = np.random.default_rng(0)
    for index, luma in enumerate(lumas(count, *SIZE)):
        plane = 16 + (luma - 16.0) * light
        inner = np.zeros(SIZE, bool)
        inner[bars.top : SIZE[0] - bars.bottom, bars.left : SIZE[1] - bars.right] = True
        plane[~inner] = 16
        plane += rng.normal(0, noise, SIZE) if noise else 0
        yield frame(index, np.clip(plane, 0, 255).round().astype(np.uint8))


@pytest.mark.parametrize("noise", [0.0, 3.0])
@pytest.mark.parametrize(
    "bars",
    [Bars(12, 12), Bars(0, 0, 16, 16), Bars(9, 8), Bars(12, 12, 10, 10), Bars(bottom=14)],
)
def test_bars_are_found(bars, noise):
    assert find_bars(list(shot(bars, noise=noise)), SD) == bars


@pytest.mark.parametrize("light", [1.0, 0.2, 0.06, 0.0])
def test_dark_pictures_have_none(light):
    assert find_bars(list(shot(light=light, noise=1.0)), SD) == NO_BARS


def test_a_dark_scene_under_a_bright_strip_has_none():
    frames = list(shot())
    for one in frames:
        one.luma[:40] = np.minimum(one.luma[:40], 20)
        one.luma[:40, :60] = 16 + np.arange(60) // 2
    assert find_bars(frames, SD) == NO_BARS


def test_bars_of_codes_of_ten_bits_and_full_range():
    deep = dataclasses.replace(SD, bit_depth=10)
    frames = [dataclasses.replace(f, luma=4 * f.luma.astype(np.uint16)) for f in shot(Bars(12, 12))]
    assert find_bars(frames, deep) == Bars(12, 12)
    full = dataclasses.replace(SD, full_range=True)
    frames = [dataclasses.replace(f, luma=f.luma - np.uint8(16)) for f in shot(Bars(12, 12))]
    assert find_bars(frames, full) == Bars(12, 12)


def test_where_it_is_too_dark_to_tell_they_stay():
    before = Bars(12, 12)
    assert find_bars(list(shot(light=0.0)), SD, before) == before
    assert find_bars(list(shot()), SD, before) == NO_BARS


def test_a_line_of_text_refutes_no_bar_but_a_picture_does():
    bars = Bars(12, 12)
    (plain,) = shot(count=1)
    (barred,) = shot(bars, count=1)
    assert not still_there(plain.luma, SD, bars)
    barred.luma[88:91, 40:80] = 200
    assert still_there(barred.luma, SD, bars)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_network_sees_the_picture_mirrored(rotation):
    gray = np.arange(32 * 40, dtype=np.uint8).reshape(32, 40)
    coded = np.rot90(gray, -(rotation // 90))
    size = tuple(3 * n for n in coded.shape)
    shown = hidden(gray, Bars(top=12), size, rotation)
    found = np.rot90(shown, -(rotation // 90))
    np.testing.assert_array_equal(found[4:], coded[4:])
    np.testing.assert_array_equal(found[:4], coded[4:8][::-1])
    assert hidden(gray, NO_BARS, size, rotation) is gray


def test_samples_that_touch_a_bar_are_neutral():
    plane = np.full((10, 12), 90, np.uint8)
    found = neutral_in(plane, Bars(3, 2, 0, 1), 128)
    assert (found[:2] == 128).all()
    assert (found[9:] == 128).all()
    assert (found[:, 11:] == 128).all()
    assert (found[2:9, :11] == 90).all()
