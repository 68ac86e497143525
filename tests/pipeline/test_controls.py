"""Color controls: what they leave alone, what they change, and how smoothly."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.errors import ConfigError
from hueshift_jax.ops import color
from hueshift_jax.pipeline import cast
from hueshift_jax.pipeline.controls import DARK_LEVEL, LIMITS, Controls, adjust, control
from hueshift_jax.pipeline.frames import ColorFrame, quantize
from hueshift_jax.pipeline.hue import EDGE_DEGREES
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.pipeline.pictures import color_picture
from tests.pipeline.doubles import FakeColorizer, frame, lumas, make_film
from tests.pipeline.doubles import color as color_film

WHEEL = 720


def wheel(chroma: float = 20.0, gray: int = 140):
    """ab (1, WHEEL, 2) of all hue angles, and its gray."""
    angle = np.linspace(0, 2 * np.pi, WHEEL, endpoint=False)
    ab = chroma * np.stack([np.cos(angle), np.sin(angle)], axis=-1)[None]
    return ab.astype(np.float32), np.full((1, WHEEL), gray, np.uint8)


def shown(ab, gray):
    """R'G'B' (..., 3) of ab at the lightness of gray."""
    return np.asarray(_shown(ab, gray))


@jax.jit
def _shown(ab, gray):
    lightness = color.luma_to_lightness(jnp.float32(gray) / 255)
    return color.lab_to_srgb(jnp.concatenate([lightness[..., None], ab], axis=-1))


def hues(ab, gray):
    """HSV hue in degrees, slowly: the sector by comparison."""
    found = []
    for red, green, blue in shown(ab, gray).reshape(-1, 3):
        span = max(red, green, blue) - min(red, green, blue)
        if red >= max(green, blue):
            sector = (green - blue) / span
        elif green >= blue:
            sector = 2 + (blue - red) / span
        else:
            sector = 4 + (red - green) / span
        found.append(60 * sector % 360)
    return np.array(found).reshape(gray.shape)


def chroma(ab):
    return np.hypot(ab[..., 0], ab[..., 1])


# -- what is left alone


def test_the_defaults_change_no_bit():
    rng = np.random.default_rng(0)
    ab = rng.normal(0, 20, (6, 9, 2)).astype(np.float32)
    gray = rng.integers(0, 256, (6, 9), dtype=np.uint8)
    np.testing.assert_array_equal(adjust(ab, gray, Controls()), ab)
    kept = ColorFrame(frame(0, gray), quantize(ab, np.ones((6, 9)), gray), ab)
    assert next(control([kept], Controls())) is kept


def test_a_window_without_colors_changes_no_bit():
    ab, gray = wheel()
    found = hues(ab, gray)
    away = (found > 340) | (found < 260)
    for change in ("0", "2.5", "+90"):
        result = adjust(ab, gray, Controls(hue=f"280:320|{change}"))
        np.testing.assert_array_equal(result[away], ab[away])


def test_gray_has_no_hue_to_repair():
    gray = np.linspace(0, 255, WHEEL).astype(np.uint8)[None]
    none = np.zeros((1, WHEEL, 2), np.float32)
    assert np.abs(adjust(none, gray, Controls(hue="0:360|3"))).max() == 0
    assert np.abs(adjust(none, gray, Controls(hue="0:360|+120"))).max() < 0.02


# -- saturation, strength, warmth, tint


def test_saturation_and_strength_scale():
    ab = np.float32([[[10, -20]]])
    gray = np.uint8([[120]])
    np.testing.assert_allclose(adjust(ab, gray, Controls(saturation=1.5)), 1.5 * ab)
    np.testing.assert_allclose(adjust(ab, gray, Controls(strength=0)), 0 * ab)


def test_warmth_leaves_black_and_white_alone():
    ab = np.zeros((1, 3, 2), np.float32)
    warmed = adjust(ab, np.uint8([[0, 128, 255]]), Controls(warmth=1))
    assert np.abs(warmed[0, [0, 2]]).max() < 1e-6
    assert warmed[0, 1, 1] > warmed[0, 1, 0] > 0


def test_tint_leaves_black_and_white_alone():
    gray = np.uint8([[0, 128, 255]])
    ab = np.zeros((1, 3, 2), np.float32)
    magenta = adjust(ab, gray, Controls(tint=1))
    assert np.abs(magenta[0, [0, 2]]).max() < 1e-6
    red, green, blue = shown(magenta, gray)[0, 1]
    assert min(red, blue) > green
    np.testing.assert_allclose(adjust(ab, gray, Controls(tint=-1)), -magenta)


def test_controls_apply_to_frames():
    ab = np.ones((6, 9, 2), np.float32)
    gray = np.full((6, 9), 90, np.uint8)
    before = ColorFrame(frame(0, gray), quantize(ab, np.ones((6, 9)), gray), ab)
    (after,) = control([before], Controls(saturation=0))
    assert not after.ab.any()
    assert after.chroma is before.chroma


# -- hue windows


@pytest.mark.parametrize("window", ["300:340", "340:20", "0:30", "200:250", "red-violet,rose"])
def test_a_saturation_of_0_is_gray_inside_and_nothing_outside(window):
    ab, gray = wheel()
    result = adjust(ab, gray, Controls(hue=f"{window}|0"))
    begin, end = {"red-violet,rose": (300, 360)}.get(window) or map(float, window.split(":"))
    beyond = (hues(ab, gray) - begin) % 360
    width = (end - begin) % 360
    inside = (beyond > 0.1) & (beyond < width - 0.1)
    outside = (beyond > width + EDGE_DEGREES) & (beyond < 360 - EDGE_DEGREES)
    assert inside.sum() > 10
    assert chroma(result)[inside].max() == 0
    np.testing.assert_array_equal(result[outside], ab[outside])


def test_windows_that_touch_leave_no_seam():
    ab, gray = wheel()
    two = adjust(ab, gray, Controls(hue="300:360,0:20|0.3"))
    np.testing.assert_allclose(two, adjust(ab, gray, Controls(hue="300:20|0.3")), atol=1e-4)


def test_a_positive_weight_reaches_every_color():
    ab, gray = wheel()
    result = adjust(ab, gray, Controls(hue="300:340|0.4,0.2"))
    away = hues(ab, gray) < 200
    np.testing.assert_allclose(result[away], (1 - 0.2 * 0.6) * ab[away], rtol=1e-5)
    np.testing.assert_allclose(chroma(result).min(), 0.4 * 20, rtol=1e-5)


@pytest.mark.parametrize(("change", "least"), [("0.4,-0.5", 0.7), ("0.4,-1", 1.0)])
def test_a_negative_weight_keeps_some_of_the_color(change, least):
    ab, gray = wheel()
    result = adjust(ab, gray, Controls(hue=f"300:340|{change}"))
    assert chroma(result).min() == pytest.approx(least * 20, rel=1e-5)


@pytest.mark.parametrize("degrees", [140, -75, 350])
def test_a_turn_turns_hsv_hues_and_keeps_lightness_and_saturation(degrees):
    ab, gray = wheel(12.0)
    result = adjust(ab, gray, Controls(hue=f"0:360|{degrees:+}"))
    wanted = (hues(ab, gray) + degrees) % 360
    assert np.abs((hues(result, gray) - wanted + 180) % 360 - 180).max() < 0.5
    before, after = shown(ab, gray), shown(result, gray)
    saturation = np.ptp(before, axis=-1) / before.max(-1)
    np.testing.assert_allclose(np.ptp(after, axis=-1) / after.max(-1), saturation, atol=0.01)


def test_a_turn_of_one_window_leaves_the_others():
    ab, gray = wheel(12.0)
    before = hues(ab, gray)
    after = hues(adjust(ab, gray, Controls(hue="180:280|+140")), gray)
    blue = (before > 181) & (before < 279)
    assert np.abs((after - before - 140 + 180) % 360 - 180)[blue].max() < 0.5
    warm = (before > 300) | (before < 160)
    np.testing.assert_array_equal(after[warm], before[warm])


def test_the_order_of_repairs_does_not_matter():
    ab, gray = wheel()
    one, other = "280:350|0.4,0.2", "180:300|+140,0.1"
    first = adjust(ab, gray, Controls(hue=f"{one};{other}"))
    np.testing.assert_allclose(
        first, adjust(ab, gray, Controls(hue=f" {other} ; {one}")), atol=1e-4
    )


@pytest.mark.parametrize("repair", ["300:340|0", "340:20|2,0.1", "100:110|0", "180:280|+140"])
def test_no_window_has_a_contour(repair):
    """From one half degree to the next, chroma changes by no more than the soft edge's slope."""
    ab, gray = wheel()
    before = np.abs(np.diff(hues(ab, gray), append=hues(ab, gray)[:, :1], axis=1))
    step = np.minimum(before, 360 - before).max()
    result = adjust(ab, gray, Controls(hue=repair))
    jump = chroma(np.diff(result, append=result[:, :1], axis=1)).max()
    assert jump < 2 * 20 * (1.5 * step / EDGE_DEGREES) + 0.5


def test_repairs_follow_the_colors_that_are_seen():
    """Hues are judged after warmth, at the lightness of the frame."""
    ab, gray = wheel()
    warmed = adjust(ab, gray, Controls(warmth=0.8))
    both = adjust(ab, gray, Controls(warmth=0.8, hue="20:50|0"))
    np.testing.assert_array_equal(both, adjust(warmed, gray, Controls(hue="20:50|0")))


# -- dark, cast


def test_dark_takes_color_from_the_dark_only():
    gray = np.arange(256, dtype=np.uint8)[None]
    ab = np.full((1, 256, 2), 10, np.float32)
    factor = adjust(ab, gray, Controls(dark=0.8))[0, :, 0] / 10
    assert factor[0] == pytest.approx(0.2)
    assert (np.diff(factor) >= 0).all()
    assert np.diff(factor).max() < 0.8 * 1.51 / (255 * DARK_LEVEL)
    np.testing.assert_array_equal(factor[39:], 1)


def test_natural_means_are_left_alone():
    rng = np.random.default_rng(1)
    ab = (cast.MEAN_AB + rng.normal(0, 15, (20, 30, 2))).astype(np.float32)
    gray = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    np.testing.assert_array_equal(adjust(ab, gray, Controls(cast=1)), ab)


@pytest.mark.parametrize("mean", [(40, -30), (-30, 0), (5, 60), (0, -40)])
def test_a_cast_is_brought_within_the_ellipse(mean):
    rng = np.random.default_rng(2)
    ab = (np.float32(mean) + rng.normal(0, 6, (20, 30, 2))).astype(np.float32)
    gray = rng.integers(30, 235, (20, 30), dtype=np.uint8)
    result = adjust(ab, gray, Controls(cast=1))
    off = result.mean((0, 1)) - cast.MEAN_AB
    assert np.sqrt(off @ np.linalg.inv(cast.COVARIANCE) @ off) <= cast.MOST + 1e-3
    half = adjust(ab, gray, Controls(cast=0.5))
    np.testing.assert_allclose(half, (ab + result) / 2, atol=1e-4)


def test_the_limit_of_casts_is_steady():
    """A mean that wanders far never jumps: it moves no faster than it came."""
    way = np.stack([np.linspace(-60, 60, 2000), np.linspace(70, -50, 2000)], -1).astype(np.float32)
    brought = np.array([cast.within(mean) for mean in way])
    assert chroma(np.diff(brought, axis=0)).max() <= 1.5 * chroma(np.diff(way, axis=0)).max()


def test_black_and_white_have_no_cast():
    ab = np.full((8, 8, 2), -40, np.float32)
    gray = np.tile(np.uint8([0, 0, 120, 120, 120, 120, 255, 255]), (8, 1))
    moved = chroma(adjust(ab, gray, Controls(cast=1)) - ab)
    assert moved[:, [0, 1, 6, 7]].max() == 0
    assert moved[:, 2:6].min() > 5
    dark = np.zeros((8, 8), np.uint8)
    np.testing.assert_array_equal(adjust(ab, dark, Controls(cast=1)), ab)


# -- films and pictures


def test_another_repair_does_not_ask_the_network(tmp_path):
    make_film(tmp_path / "film.mp4", lumas(12))
    color_film(tmp_path / "film.mp4", tmp_path / "out.mp4")
    before = (tmp_path / "out.mp4").read_bytes()
    fake = FakeColorizer()
    for controls in (Controls(hue="0:90|0.5"), Controls(hue="0:90|0.2"), Controls(dark=1, cast=1)):
        done = color_film(tmp_path / "film.mp4", tmp_path / "out.mp4", fake, controls=controls)
        assert (done.new_frames, fake.calls) == (12, 0)
        assert (tmp_path / "out.mp4").read_bytes() != before
        before = (tmp_path / "out.mp4").read_bytes()


def test_pictures_obey():
    gray = next(lumas(1))
    painter = Painter(FakeColorizer(), (32, 64))
    colored = color_picture(gray, painter, Controls())
    assert np.ptp(colored, axis=-1).max() > 30
    repaired = color_picture(gray, painter, Controls(hue="0:360|0"))
    assert np.ptp(repaired, axis=-1).max() <= 1


# -- values


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", [-1.5, 4.5, float("nan")])
def test_numbers_out_of_their_limits_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        Controls(**{name: value})


def test_controls_are_plain_values():
    values = dataclasses.asdict(Controls(hue="red|0.5", dark=0.2))
    assert Controls(**values) == Controls(hue="red|0.5", dark=0.2)
    assert all(isinstance(value, (float, str)) for value in values.values())
