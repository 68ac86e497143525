"""Each stage by itself, on small synthetic frames."""

import dataclasses
import itertools

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.ops import color as lab
from hueshift_jax.pipeline.colorize import colorize
from hueshift_jax.pipeline.compose import Composer, enlarger
from hueshift_jax.pipeline.displayable import displayable, gray_to_rgb_u8
from hueshift_jax.pipeline.frames import (
    AB_STEP,
    SEGMENT_FRAMES,
    Chroma,
    ColorFrame,
    as_coded,
    dequantize,
    look,
    quantize,
    upright,
)
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.pipeline.shots import Past, Shot, split
from hueshift_jax.pipeline.stabilize import MAX_LOOKAHEAD, reach_for, stabilize
from hueshift_jax.video import cuts
from hueshift_jax.video.frame import Planes, gray_from_luma, yuv_to_rgb
from hueshift_jax.video.thumbnails import mismatch
from tests.pipeline.doubles import SD, FakeColorizer, frame, lumas

SIZE = (32, 64)


def view(index, luma):
    return look(frame(index, luma), SD, 0, SIZE)


def views(planes):
    return [view(index, luma) for index, luma in enumerate(planes)]


def colored(ab, gray=None):
    gray = (
        np.tile(np.arange(ab.shape[1], dtype=np.uint8) * 7, (ab.shape[0], 1))
        if gray is None
        else gray
    )
    chroma = quantize(ab, np.full(gray.shape, 0.7), gray)
    return ColorFrame(frame(0, gray), chroma, dequantize(chroma))


class Counted:
    """An iterator that says how many items were taken from it."""

    def __init__(self, items):
        self._items = iter(items)
        self.taken = 0

    def __iter__(self):
        return self

    def __next__(self):
        item = next(self._items)
        self.taken += 1
        return item


def lead(stage, items):
    """How many items a stage has taken beyond the one it yields, at most."""
    counted = Counted(items)
    return max(counted.taken - number for number, _ in enumerate(stage(counted), start=1))


# -- frames


def test_stored_chroma_is_within_half_a_step():
    ab = np.random.default_rng(0).uniform(-100, 100, (6, 8, 2)).astype(np.float32)
    chroma = quantize(ab, np.linspace(0, 1, 48).reshape(6, 8), np.zeros((6, 8), np.uint8))
    assert np.abs(dequantize(chroma) - ab).max() <= AB_STEP / 2 + 1e-4
    assert chroma.confidence.min() == 0
    assert chroma.confidence.max() == 255


def test_chroma_of_another_size_is_resized():
    chroma = quantize(np.full((12, 16, 2), 5.0), np.ones((12, 16)), np.zeros((6, 8), np.uint8))
    assert chroma.ab.shape == (6, 8, 2)
    np.testing.assert_allclose(dequantize(chroma), 5.0, atol=AB_STEP / 2)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turning_back(rotation):
    plane = np.arange(12).reshape(3, 4)
    assert (as_coded(upright(plane, rotation), rotation) == plane).all()


def test_a_quarter_turn_is_counter_clockwise():
    assert upright(np.array([[1, 2]]), 90).tolist() == [[2], [1]]


def test_a_look_is_the_shrunken_gray():
    luma = next(lumas(1, 128, 256))
    seen = look(frame(0, luma), SD, 0, SIZE)
    slow = cv2.resize(
        gray_from_luma(luma, SD).astype(np.float32), (64, 32), interpolation=cv2.INTER_AREA
    )
    assert np.abs(seen.gray - slow).max() <= 2
    assert seen.thumb.shape == (8, 16)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (77, 101)])
def test_a_look_at_any_size(size):
    seen = look(frame(0, np.full(size, 126, np.uint8)), SD, 0, SIZE)
    assert seen.gray.shape == SIZE
    assert (seen.gray == 128).all()


# -- shots


def starts(planes, **options):
    result = []
    for shot in split(views(planes), **options):
        result.append(next(shot.views).frame.index)
        for _ in shot.views:
            pass
    return result


def test_cuts_are_found_and_nothing_else():
    assert starts(lumas(60, 96, 128, cuts=(17, 18, 40))) == [0, 17, 18, 40]


def test_flicker_is_no_cut():
    rng = np.random.default_rng(0)
    planes = [
        np.clip(16 + (luma - 16.0) * rng.uniform(0.5, 1.2) + rng.uniform(-8, 8), 16, 235)
        for luma in lumas(40, 96, 128)
    ]
    assert starts([plane.astype(np.uint8) for plane in planes]) == [0]


@pytest.mark.parametrize("length", [1, 2])
def test_a_flash_is_no_cut(length):
    planes = list(lumas(30, 96, 128))
    for index in range(12, 12 + length):
        planes[index] = np.full_like(planes[0], 235)
    planes[20] = next(lumas(1, 96, 128, cuts=(0,)))
    assert starts(planes) == [0]


def test_fast_motion_is_no_cut():
    planes = list(itertools.islice(lumas(200, 96, 128), 0, None, 5))
    assert starts(planes) == [0]


def test_black_belongs_to_what_it_follows():
    planes = [*lumas(10, 96, 128), *[np.full((96, 128), 16, np.uint8)] * 10]
    assert starts(planes) == [0]
    assert starts([*planes, *lumas(10, 96, 128, cuts=(0,))]) == [0, 20]


def test_split_reads_little_ahead():
    def stage(items):
        return itertools.chain.from_iterable(shot.views for shot in split(items))

    assert lead(stage, views(lumas(20, cuts=(9,)))) <= cuts.LOOKAHEAD + 1


def test_split_goes_on_as_if_it_had_not_stopped():
    planes = list(lumas(60, 96, 128, cuts=(30, 45)))
    whole = views(planes)
    for begin in (10, 29, 30, 31, 44):
        since = max(cut for cut in (0, 30, 45) if cut < begin)
        history = [v.thumb for v in whole[since:begin]][-cuts.HISTORY :]
        rest = [
            (shot.starts, [v.frame.index for v in shot.views])
            for shot in split(whole[begin:], Past(history, pts=whole[begin - 1].frame.pts))
        ]
        assert rest[0][0] == (begin in (30, 45))
        assert [indices[0] for _, indices in rest[1:]] == [c for c in (30, 45) if c > begin]


def test_stored_decisions_are_not_judged_again():
    seen = views(lumas(10, cuts=(5,)))
    known = [dataclasses.replace(v, starts_shot=v.frame.index in (0, 3)) for v in seen]
    assert [next(s.views).frame.index for s in split(known) if s] == [0, 3]


def test_the_same_content_matches():
    thumb = views(lumas(1, 96, 128))[0].thumb
    assert mismatch(thumb, thumb) == 0
    assert mismatch(thumb, np.full_like(thumb, 9)) == 1
    assert mismatch(np.full_like(thumb, 9), np.full_like(thumb, 9)) == 0


# -- colorize


def test_batches_do_not_change_colors():
    seen = views(lumas(21))
    one, eight = (
        list(colorize(Shot(True, iter(seen)), Painter(FakeColorizer(), SIZE, batch=batch)))
        for batch in (1, 8)
    )
    assert [f.frame.index for f in one] == [f.frame.index for f in eight] == list(range(21))
    for first, second in zip(one, eight):
        np.testing.assert_array_equal(first.chroma.ab, second.chroma.ab)


def test_batches_end_with_segments():
    fake = FakeColorizer()
    seen = views(itertools.repeat(next(lumas(1)), SEGMENT_FRAMES + 1))
    frames = list(colorize(Shot(True, iter(seen)), Painter(fake, SIZE, batch=100)))
    assert len(frames) == SEGMENT_FRAMES + 1
    assert fake.calls == 4
    assert frames[SEGMENT_FRAMES - 1].memory == ()


def test_colorize_reads_two_batches_ahead():
    def stage(items):
        return colorize(Shot(True, items), Painter(FakeColorizer(), SIZE, batch=4))

    assert lead(stage, views(lumas(30))) <= 8


def test_stored_chroma_is_not_asked_for_again():
    seen = views(lumas(4))
    stored = Chroma(
        *(np.zeros(s, t) for s, t in [((8, 16, 2), np.int8), ((8, 16), np.uint8)]), seen[0].thumb
    )
    shot = [dataclasses.replace(v, gray=None, chroma=stored) for v in seen]
    assert len(list(colorize(Shot(True, iter(shot)), None))) == 4


def test_a_memory_goes_on_where_it_was():
    seen = views(lumas(12))
    whole = list(colorize(Shot(True, iter(seen)), Painter(FakeColorizer(remembers=True), SIZE)))
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(whole[4].memory)]
    rest = list(
        colorize(Shot(False, iter(seen[5:])), Painter(FakeColorizer(remembers=True), SIZE), leaves)
    )
    for first, second in zip(whole[5:], rest, strict=True):
        np.testing.assert_array_equal(first.chroma.ab, second.chroma.ab)


# -- stabilize


def gray_ramp():
    return np.linspace(0, 255, 24 * 40).reshape(24, 40).astype(np.uint8)


def noisy_shot(count, shifts=None):
    gray = gray_ramp()
    base = np.stack([gray / 10.0 - 8, 14 - gray / 12.0], axis=-1)
    shifts = np.zeros((count, 2)) if shifts is None else shifts
    return [colored(base + shift, gray) for shift in shifts]


def test_what_does_not_change_stays():
    frames = noisy_shot(30)
    for before, after in zip(frames, stabilize(frames, 12), strict=True):
        np.testing.assert_allclose(after.ab, before.ab, atol=1e-3)


def test_flicker_is_reduced_fourfold():
    shifts = np.random.default_rng(1).normal(0, 6, (120, 2))
    frames = noisy_shot(120, shifts)
    mean = np.array([f.ab.mean((0, 1)) for f in stabilize(frames, 12)])
    raw = np.array([f.ab.mean((0, 1)) for f in frames])
    assert mean[12:-12].std(0).max() * 4 < raw[12:-12].std(0).min()
    assert np.abs(np.diff(mean, axis=0)).mean() * 10 < np.abs(np.diff(raw, axis=0)).mean()


def test_one_wrong_frame_is_outvoted():
    shifts = np.zeros((40, 2))
    shifts[20] = 40
    frames = list(stabilize(noisy_shot(40, shifts), 12))
    assert np.abs(frames[20].ab - frames[5].ab).max() < 1


def test_the_smoother_goes_on_as_if_it_had_not_stopped():
    frames = noisy_shot(50, np.random.default_rng(2).normal(0, 5, (50, 2)))
    whole = list(stabilize(frames, 12))
    rest = list(stabilize(frames[20:], 12, [f.chroma for f in frames[:20]]))
    for first, second in zip(whole[20:], rest, strict=True):
        np.testing.assert_array_equal(first.ab, second.ab)


def test_the_smoother_looks_as_far_as_it_says():
    assert lead(lambda items: stabilize(items, 7), noisy_shot(40)) <= 8
    assert [reach_for(rate) for rate in (1, 12, 24, 25, 60)] == [1, 6, 12, 12, MAX_LOOKAHEAD]


# -- compose


@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (48, 64), (77, 101)])
def test_luma_is_handed_on_and_gray_stays_neutral(size, siting):
    color = dataclasses.replace(SD, siting=siting)
    luma = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    chroma = quantize(np.zeros((8, 16, 2)), np.ones((8, 16)), np.zeros((8, 16), np.uint8))
    planes = Composer(*size, color)(ColorFrame(frame(3, luma), chroma, dequantize(chroma)))
    assert planes.luma is luma
    assert (planes.pts, planes.duration) == (3 * 512, 512)
    assert planes.cb.shape == planes.cr.shape == (-(-size[0] // 2), -(-size[1] // 2))
    assert np.abs(planes.cb.astype(int) - 128).max() <= 1
    assert np.abs(planes.cr.astype(int) - 128).max() <= 1


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("full_range", [False, True])
def test_colors_are_those_of_lab(matrix, full_range):
    color = dataclasses.replace(SD, matrix=matrix, full_range=full_range)
    gray = 0.55
    code = round(255 * gray) if full_range else round(16 + 219 * gray)
    luma = np.full((16, 16), code, np.uint8)
    ab = np.full((4, 4, 2), 1, np.float32) * np.float32([12, 18])
    cb, cr = Composer(16, 16, color).chroma(luma, ab)
    level = code / 255 if full_range else (code - 16) / 219
    lightness = float(lab.luma_to_lightness(jnp.float32(level)))
    wanted = np.asarray(lab.lab_to_srgb(jnp.float32([lightness, 12, 18])))
    found = yuv_to_rgb(Planes(0, 0, luma, cb, cr), color)[8, 8] / 255
    difference = found - wanted
    assert np.ptp(difference) < 0.015  # the hue; the luma is the source's


def test_deep_chroma_has_the_source_depth():
    color = dataclasses.replace(SD, bit_depth=10)
    luma = np.full((8, 8), 500, np.uint16)
    ab = np.full((2, 2, 2), 10, np.float32)
    coarse, _ = Composer(8, 8, color).chroma(luma, ab)
    deep, _ = Composer(8, 8, color, deep=True).chroma(luma, ab)
    assert coarse.dtype == np.uint8
    assert deep.dtype == np.uint16
    assert np.abs(deep / 4 - coarse).max() <= 0.76


@pytest.mark.parametrize("cosited", [False, True])
def test_a_vertical_edge_of_color_stays_in_place(cosited):
    small, luma = 40, 160
    weights = enlarger(small, luma, cosited=cosited)
    edge = weights @ (np.arange(small) >= 20)
    place = 2 * np.arange(80) + (0.0 if cosited else 0.5)
    crossing = np.interp(0.5, edge, place)
    assert abs(crossing - 79.5) < 0.1
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)


def test_planes_agree_with_the_general_formulas():
    rng = np.random.default_rng(0)
    level, a, b = rng.random(4000), rng.normal(0, 40, 4000), rng.normal(0, 40, 4000)
    found = np.stack(displayable(*np.float32([level, a, b])), axis=-1)
    lightness = lab.luma_to_lightness(jnp.float32(level))
    general = lab.reduce_to_gamut(jnp.stack([lightness, jnp.float32(a), jnp.float32(b)], -1), 6)
    np.testing.assert_allclose(found, np.asarray(lab.lab_to_srgb(general)), atol=2e-3)


def test_pictures_of_any_size():
    gray = np.random.default_rng(0).integers(0, 256, (300, 401), dtype=np.uint8)
    rgb = gray_to_rgb_u8(gray, np.zeros((300, 401, 2), np.float32))
    assert np.abs(rgb.astype(int) - gray[..., None]).max() <= 1
