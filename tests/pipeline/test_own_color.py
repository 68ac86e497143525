"""Color that is there already, and tints that are none."""

import dataclasses

import numpy as np
import pytest

from hueshift_jax.pipeline.own_color import chroma_and_spread, is_in_color
from tests.pipeline.doubles import SD, frame, lumas, scene

SIZE = (96, 128)


def half(seed):
    return scene(seed, SIZE[0] // 2, SIZE[1] // 2)[: SIZE[0] // 2, : SIZE[1] // 2]


def codes(plane):
    return np.clip(128 + plane, 0, 255).round().astype(np.uint8)


def tinted(luma, cb, cr):
    level = (luma[::2, ::2] - 16.0) / 219
    return codes(cb(level)), codes(cr(level))


def frames(chroma, count=4):
    return [
        dataclasses.replace(frame(index, luma), chroma=chroma(luma))
        for index, luma in enumerate(lumas(count, *SIZE))
    ]


TINTS = {
    "gray": lambda luma: tinted(luma, lambda t: 0 * t, lambda t: 0 * t),
    "sepia": lambda luma: tinted(luma, lambda t: -60 * t * (1.2 - t), lambda t: 40 * t * (1.2 - t)),
    "blue": lambda luma: tinted(luma, lambda t: 25 + 0 * t, lambda t: -8 + 0 * t),
    "split": lambda luma: tinted(luma, lambda t: 20 - 40 * t, lambda t: 30 * t - 12),
}


@pytest.mark.parametrize(
    ("tint", "any_chroma"), [("gray", False), ("sepia", True), ("blue", True), ("split", True)]
)
def test_tints_are_no_color(tint, any_chroma):
    shot = frames(TINTS[tint])
    assert not is_in_color(shot, SD, "auto")
    assert is_in_color(shot, SD, "yes") == any_chroma
    assert not is_in_color(shot, SD, "no")


@pytest.mark.parametrize("bits", [8, 10])
def test_color_is(bits):
    color = dataclasses.replace(SD, bit_depth=bits)
    factor, dtype = 2 ** (bits - 8), np.uint8 if bits == 8 else np.uint16
    pair = [factor * codes(40 * (half(seed) - 0.5)).astype(dtype) for seed in (5, 6)]
    shot = frames(lambda luma: tuple(pair))
    shot = [dataclasses.replace(f, luma=factor * f.luma.astype(dtype)) for f in shot]
    assert is_in_color(shot, color, "auto")
    assert is_in_color(shot, color, "yes")
    assert not is_in_color(shot, color, "no")
    chroma, spread = chroma_and_spread(shot[0], color)
    assert chroma > 5
    assert 5 < spread < 20


def test_the_noise_of_chroma_is_none():
    rng = np.random.default_rng(0)
    shape = (SIZE[0] // 2, SIZE[1] // 2)
    shot = frames(lambda luma: tuple(codes(rng.normal(0, 2, shape)) for _ in range(2)))
    assert not is_in_color(shot, SD, "auto")


def test_a_shot_that_comes_out_of_black_is_told_by_its_later_frames():
    black = dataclasses.replace(
        frame(0, np.full(SIZE, 16, np.uint8)), chroma=TINTS["gray"](np.full(SIZE, 16, np.uint8))
    )
    pair = tuple(codes(40 * (half(seed) - 0.5)) for seed in (5, 6))
    assert is_in_color([black] * 8 + frames(lambda luma: pair), SD, "auto")


def test_frames_without_chroma_are_gray():
    assert not is_in_color([frame(0, next(lumas(1, *SIZE)))], SD, "yes")
