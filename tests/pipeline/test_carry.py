"""Motion between frames, and chroma that is carried along it."""

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.ops.dis_flow import DisFlow
from hueshift_jax.pipeline import carry
from hueshift_jax.pipeline.colorize import colorize
from hueshift_jax.pipeline.frames import dequantize, look
from hueshift_jax.pipeline.motion import MOTION_SIDE, Motion, motion_gray, motion_size
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.pipeline.shots import Shot
from tests.pipeline.doubles import SD, FakeColorizer, frame, lumas, scene

SIZE = (64, 96)


class Wobbling(FakeColorizer):
    """Says each time something else of the same gray."""

    def __call__(self, memory, luma, key):
        memory, ab, confidence = super().__call__(memory, luma, key)
        return memory, ab + 12.0 * (-1.0) ** self.calls, confidence


@pytest.fixture
def motion():
    return Motion(DisFlow("fast"))


@pytest.fixture
def still():
    picture = cv2.resize(np.float32(scene(3, 112, 160)), (320, 224))
    return np.uint8(30 + 190 * picture.clip(0, 1))


def pan(still, count, step=2, size=(128, 192)):
    """Limited-range luma of a view that moves over a picture."""
    return [still[8 : 8 + size[0], step * n : step * n + size[1]] for n in range(count)]


def colored(planes, colorizer, motion, leaves=()):
    painter = Painter(colorizer, SIZE)
    views = (look(frame(n, luma), SD, 0, SIZE) for n, luma in enumerate(planes))
    return list(colorize(Shot(not leaves, views), painter, leaves, motion))


def leaves_of(item):
    return tuple(np.asarray(leaf) for leaf in jax.tree.leaves(item.memory))


# -- motion


def test_a_shift_is_found_and_trusted(motion, still):
    first, second = still[40:152, 40:200], still[37:149, 44:204]
    link = motion.link(first, second)
    inside = np.s_[12:-12, 12:-12]
    np.testing.assert_allclose(np.median(link.flow[inside], axis=(0, 1)), [-4, 3], atol=0.3)
    assert np.median(link.trust[inside]) > 0.9
    carried = link.carry(second.astype(np.float32))
    assert np.abs(carried - first)[inside].mean() < 2


def test_both_ways_are_each_others_reverse(motion, still):
    there, back = motion.links(still[40:152, 40:200], still[37:149, 44:204])
    inside = np.s_[16:-16, 16:-16]
    np.testing.assert_allclose(
        there.flow[inside].mean((0, 1)), -back.flow[inside].mean((0, 1)), atol=0.3
    )


def test_what_is_not_there_is_not_trusted(motion, still):
    hidden = still[40:152, 40:200].copy()
    hidden[30:80, 50:110] = np.random.default_rng(0).integers(0, 255, (50, 60))
    link = motion.link(hidden, still[40:152, 40:200])
    assert link.trust[40:70, 60:100].mean() < 0.3
    assert np.median(link.trust[:20]) > 0.9


def test_a_change_of_light_is_no_reason_for_mistrust(motion, still):
    first = still[40:152, 40:200]
    darker = np.uint8(first * 0.85)
    assert np.median(motion.link(first, darker).trust) > 0.6


def test_chroma_is_carried_on_its_own_grid(motion, still):
    link = motion.link(still[40:152, 40:200], still[40:152, 48:208])
    plane = cv2.resize(np.float32(still[40:152, 48:208]), (80, 56), interpolation=cv2.INTER_AREA)
    truth = cv2.resize(np.float32(still[40:152, 40:200]), (80, 56), interpolation=cv2.INTER_AREA)
    assert np.abs(link.carry(plane) - truth)[8:-8, 8:-8].mean() < 2
    assert link.trust_at(56, 80).shape == (56, 80)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((224, 384), (112, 192)), ((384, 224), (192, 112)), ((64, 96), (64, 96))],
)
def test_the_motion_grid(size, expected):
    assert motion_size(size) == expected
    assert min(expected) <= MOTION_SIDE


def test_motion_gray_is_upright_and_full_range():
    luma = np.tile(np.uint8([16, 235]).repeat(40), (60, 1))
    seen = motion_gray(luma, SD, 90, (80, 60))
    assert seen.shape == (80, 60)
    assert (seen[0, 0], seen[-1, 0]) == (255, 0)


# -- carried chroma


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 9])
def test_every_frame_comes_once_and_in_order(motion, still, count):
    colorizer = FakeColorizer()
    frames = colored(pan(still, count), colorizer, motion)
    assert [item.frame.index for item in frames] == list(range(count))
    assert colorizer.calls == 1 + -(-(count - 1) // carry.KEY_GAP)


def test_carried_chroma_is_what_the_network_would_have_said(motion, still):
    planes = pan(cv2.GaussianBlur(still, (0, 0), 6), 9)
    every = colored(planes, FakeColorizer(), None)
    frames = colored(planes, FakeColorizer(), motion)
    for ours, theirs in zip(frames, every, strict=True):
        assert np.abs(ours.ab - theirs.ab).mean() < 1.0


def test_a_networks_wobble_is_damped(motion, still):
    planes = pan(still, 17, step=0)
    every = np.stack([item.ab for item in colored(planes, Wobbling(), None)])
    frames = np.stack([item.ab for item in colored(planes, Wobbling(), motion)])
    assert np.abs(np.diff(every, axis=0)).mean() > 20
    assert np.abs(np.diff(frames, axis=0)).mean() < 4


def test_frames_that_cannot_be_followed_are_colored_by_the_network(motion):
    rng = np.random.default_rng(0)
    planes = [rng.integers(16, 235, (128, 192)).astype(np.uint8) for _ in range(6)]
    colorizer = FakeColorizer()
    frames = colored(planes, colorizer, motion)
    assert colorizer.calls == 6
    for ours, theirs in zip(frames, colored(planes, FakeColorizer(), None), strict=True):
        assert np.abs(ours.ab - theirs.ab).mean() < 2.5


def test_a_rest_goes_on_as_if_nothing_had_been(motion, still, monkeypatch):
    monkeypatch.setattr(carry, "SEGMENT_FRAMES", 6)
    planes = pan(still, 15)
    whole = colored(planes, FakeColorizer(), motion)
    rest = colored(planes[6:], FakeColorizer(), motion, leaves_of(whole[5]))
    for ours, theirs in zip(rest, whole[6:], strict=True):
        np.testing.assert_array_equal(ours.chroma.ab, theirs.chroma.ab)
        np.testing.assert_array_equal(ours.chroma.confidence, theirs.chroma.confidence)


def test_keys_are_what_is_stored(motion, still):
    frames = colored(pan(still, 5), FakeColorizer(), motion)
    for item in frames:
        np.testing.assert_array_equal(item.ab, dequantize(item.chroma))


def test_a_colorizer_that_remembers_sees_every_frame(motion, still):
    colorizer = FakeColorizer(remembers=True)
    colored(pan(still, 6), colorizer, motion)
    assert colorizer.calls == 6


def test_colors_do_not_fade_with_the_memory(motion, still):
    planes = pan(still, 33, step=0)

    class Steady(FakeColorizer):
        def __call__(self, memory, luma, key):
            small = np.asarray(luma)[:, ::4, ::4]
            ab = np.full((*small.shape, 2), 20.0)
            return memory, jnp.asarray(ab), jnp.full(small.shape, 0.5)

    last = colored(planes, Steady(), motion)[-1]
    np.testing.assert_allclose(last.ab, 20.0, atol=0.5)


def test_a_small_film_has_motion_too(motion):
    frames = colored(list(lumas(6)), FakeColorizer(), motion)
    assert len(frames) == 6
