"""Shots are told from one another, and from what only looks as if one ended."""

import itertools

import cv2
import numpy as np
import pytest

from hueshift_jax.video import cuts, dissolves
from hueshift_jax.video.thumbnails import THUMB_SIDE, alikeness, thumbnail

SIZE = (48, 64)


def scene(seed, margin=300):
    """A still of coarse and fine blobs with room to move, float32 0..255."""
    height, width = SIZE[0], SIZE[1] + margin
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width), np.float32)
    for blob, weight in ((24, 1.0), (8, 0.8), (3, 0.6)):
        coarse = rng.normal(0, 1, (height // blob + 2, width // blob + 2)).astype(np.float32)
        total += weight * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (128 + 45 * total).clip(0, 255)


def shot(seed, count, pace=0.0):
    """A pan over a still, `pace` pixels a frame."""
    still = scene(seed)
    for index in range(count):
        x = round(pace * index)
        yield still[: SIZE[0], x : x + SIZE[1]]


def dissolved(before, after, length):
    """Two shots, the end of the one mixed with the beginning of the other."""
    before, after = list(before), list(after)
    shares = [(place + 1) / (length + 1) for place in range(length)]
    mixed = [
        (1 - share) * first + share * second
        for share, first, second in zip(shares, before[-length:], after[:length], strict=True)
    ]
    return [*before[:-length], *mixed, *after[length:]]


def found(planes, history=()):
    thumbs = [thumbnail(np.uint8(np.clip(plane, 0, 255))) for plane in planes]
    detector = cuts.Detector(history)
    told = {}
    for place, thumb in enumerate(thumbs):
        kind = detector.step(thumb, thumbs[place + 1 : place + 1 + cuts.LOOKAHEAD])
        if kind:
            told[place] = kind
    return told


def test_a_cut():
    planes = [*shot(0, 30), *shot(1, 30)]
    assert found(planes) == {0: "cut", 30: "cut"}


@pytest.mark.parametrize(("rows", "columns"), [(8, 0), (0, 14), (7, 9)])
def test_bars_hide_no_cut_and_no_dissolve(rows, columns):
    def barred(planes):
        for plane in planes:
            framed = np.full(SIZE, 16, np.float32)
            inner = slice(rows, SIZE[0] - rows), slice(columns, SIZE[1] - columns)
            framed[inner] = 60 + 0.7 * plane[inner]
            yield framed

    assert found(barred([*shot(0, 30), *shot(1, 30)])) == {0: "cut", 30: "cut"}
    assert found(barred(shot(4, 60, 0.5))) == {0: "cut"}
    told = found(barred(dissolved(shot(6, 48), shot(7, 48), 16)))
    assert list(told.values()) == ["cut", "dissolve"]


@pytest.mark.parametrize("length", [8, 16, 24])
@pytest.mark.parametrize("pace", [0.0, 0.4])
def test_a_dissolve_begins_one_shot_near_its_middle(length, pace):
    planes = dissolved(shot(2, 32 + length, pace), shot(3, 32 + length, pace), length)
    _, *starts = found(planes).items()
    ((place, kind),) = starts
    assert kind == "dissolve"
    assert abs(place - 32 - length / 2) <= max(3, 0.3 * length)


@pytest.mark.parametrize("pace", [0.5, 1.0, 2.0, 4.0])
def test_motion_is_no_dissolve(pace):
    assert found(shot(4, 70, pace)) == {0: "cut"}


def test_a_change_of_light_is_no_dissolve():
    light = [min(1.0, max(0.3, 0.05 * index)) for index in range(60)]
    planes = [plane * factor for plane, factor in zip(shot(5, 60, 0.3), light)]
    assert found(planes) == {0: "cut"}


def test_a_thing_that_passes_is_no_dissolve():
    planes = []
    for index, plane in enumerate(shot(6, 60)):
        plane = plane.copy()
        plane[:, max(0, 2 * index - 40) : max(0, 2 * index - 10)] = 20
        planes.append(plane)
    assert found(planes) == {0: "cut"}


def test_a_fade_through_black_begins_one_shot():
    fall, rise = np.linspace(1, 0, 20), np.linspace(0, 1, 20)
    planes = [*shot(7, 30)]
    planes += [plane * light for plane, light in zip(shot(7, 20), fall)]
    planes += [plane * light for plane, light in zip(shot(8, 20), rise)]
    planes += [*shot(8, 30)]
    _, *starts = found(planes)
    (place,) = starts
    assert 48 <= place <= 55


def test_it_goes_on_as_if_it_had_not_stopped():
    planes = dissolved(shot(2, 60), shot(3, 60), 16)
    whole = found(planes)
    thumbs = [thumbnail(np.uint8(np.clip(plane, 0, 255))) for plane in planes]
    middle = max(whole)
    for begin in range(20, 80):
        since = 0 if begin <= middle else middle
        rest = found(planes[begin:], thumbs[since:begin][-cuts.HISTORY :])
        expected = {place - begin: kind for place, kind in whole.items() if place >= begin}
        assert rest == expected


def test_known_beginnings_are_not_judged():
    detector = cuts.Detector()
    first, second = (thumbnail(np.uint8(next(shot(seed, 1)))) for seed in (0, 1))
    assert detector.step(first, ())
    assert detector.step(second, (), known=False) is None
    assert detector.step(second, (), known=True) == "cut"


def test_frames_with_cuts():
    gray = itertools.chain(shot(0, 20), shot(1, 20))
    frames = [np.repeat(np.uint8(plane)[..., None], 3, axis=2) for plane in gray]
    told = [starts for _, starts in cuts.with_cuts(frames)]
    assert [place for place, starts in enumerate(told) if starts] == [0, 20]


def test_short_shots_do_not_dissolve():
    thumbs = [thumbnail(np.uint8(plane)) for plane in dissolved(shot(2, 40), shot(3, 40), 8)]
    middle = 36
    assert dissolves.is_middle(thumbs[:middle], thumbs[middle], thumbs[middle + 1 :])
    assert not dissolves.is_middle(
        thumbs[middle - 8 : middle], thumbs[middle], thumbs[middle + 1 :]
    )
    assert not dissolves.is_middle(thumbs[:middle], thumbs[middle], thumbs[middle + 1 : middle + 3])


def test_thumbnails():
    assert thumbnail(np.zeros((480, 854), np.uint8)).shape == (THUMB_SIDE, 85)
    small = np.zeros((20, 30), np.uint8)
    assert thumbnail(small) is small
    ramp = np.uint8(np.arange(12).reshape(3, 4))
    assert alikeness(ramp, ramp) == pytest.approx(1, abs=1e-5)
    assert alikeness(ramp, ramp[::-1, ::-1]) == pytest.approx(-1, abs=1e-5)
    assert alikeness(ramp, small[:3, :4]) == 0
