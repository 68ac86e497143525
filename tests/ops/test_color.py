"""sRGB, linear light and CIELAB against the published values, and the reduction to the gamut."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.ops import color

GOLDEN = Path(__file__).parents[1] / "golden" / "colour_srgb_lab.npz"

SPOTS = {
    (1.0, 0.0, 0.0): (53.2406, 80.0923, 67.2028),
    (0.0, 1.0, 0.0): (87.7351, -86.1830, 83.1797),
    (0.0, 0.0, 1.0): (32.2957, 79.1856, -107.8573),
    (1.0, 1.0, 0.0): (97.1395, -21.5547, 94.4781),
    (0.0, 1.0, 1.0): (91.1133, -48.0906, -14.1263),
    (1.0, 0.0, 1.0): (60.3235, 98.2331, -60.8210),
    (1.0, 0.5, 0.0): (66.9565, 43.0713, 73.9592),
    (0.9, 0.7, 0.6): (76.7294, 15.0417, 20.1482),
    (0.02, 0.01, 0.03): (0.9487, 1.3759, -1.6949),
    (0.5, 0.5, 0.5): (53.389, -0.0015, 0.0028),
    (1.0, 1.0, 1.0): (100.0, -0.0025, 0.0046),
    (0.0, 0.0, 0.0): (0.0, 0.0, 0.0),
}

HARD_SRGB = jnp.array(
    [[0.0] * 3, [1.0] * 3, [0.04045] * 3, [0.04045, 0.0, 1.0], [1e-8] * 3, [-0.2, 0.5, 1.3]]
)
HARD_LAB = jnp.array(
    [
        [0.0, 0.0, 0.0],
        [100.0, 0.0, 0.0],
        [0.0, 100.0, -100.0],
        [8.0, 0.0, 0.0],
        [7.9996, 20.0, 20.0],
        [50.0, -120.0, 120.0],
        [50.0, 0.0, 200.0],
        [100.0, 110.0, -110.0],
        [-5.0, 3.0, 3.0],
    ]
)


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def lattice():
    """Colors all over sRGB, (n, 3)."""
    axis = np.linspace(0.0, 1.0, 9)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    return jnp.asarray(grid, jnp.float32)


@pytest.fixture(scope="module")
def vivid():
    """Lab colors, most of them outside sRGB, (n, 3)."""
    rng = np.random.default_rng(0)
    lab = np.concatenate([rng.uniform(1, 99, (500, 1)), rng.uniform(-120, 120, (500, 2))], 1)
    return jnp.asarray(lab, jnp.float32)


def test_golden_states_the_tolerance_that_is_tested(golden):
    stated = json.loads(str(golden["meta"]))["tolerance"]
    assert stated.startswith("abs 1e-3 in Lab; 1e-5 in RGB")


def test_srgb_to_lab_agrees_with_the_published_values(golden):
    lab = color.srgb_to_lab(jnp.asarray(golden["rgb"], jnp.float32))
    np.testing.assert_allclose(lab, golden["lab"], atol=1e-3, rtol=0)


def test_lab_to_srgb_agrees_with_the_published_values(golden):
    rgb = color.lab_to_srgb(jnp.asarray(golden["lab"]))
    np.testing.assert_allclose(rgb, golden["rgb"], atol=1e-5, rtol=0)


def test_colors_outside_srgb_are_clipped_as_published(golden):
    rgb = color.lab_to_srgb(jnp.asarray(golden["lab_oog"]))
    np.testing.assert_allclose(rgb, golden["rgb_oog"], atol=1e-5, rtol=0)


def test_rec709_luma_agrees_with_the_published_values(golden):
    rgb = jnp.asarray(golden["rgb"][:1024], jnp.float32)
    gray = color.srgb_to_luma(rgb, color.REC709_LUMA)
    np.testing.assert_allclose(gray, golden["gray"], atol=1e-6, rtol=0)


@pytest.mark.parametrize(("srgb", "lab"), SPOTS.items(), ids=str)
def test_spot_values(srgb, lab):
    np.testing.assert_allclose(color.srgb_to_lab(jnp.array(srgb)), lab, atol=5e-4)


def test_lab_of_srgb_stays_in_its_documented_range(lattice):
    lab = np.asarray(color.srgb_to_lab(lattice))
    assert lab[:, 0].min() >= -1e-4
    assert lab[:, 0].max() <= 100 + 1e-4
    assert tuple(lab[:, 1:].min(0)) > (-86.2, -107.9)
    assert tuple(lab[:, 1:].max(0)) < (98.3, 94.5)


def test_round_trips(lattice):
    linear = color.srgb_to_linear(lattice)
    np.testing.assert_allclose(color.linear_to_srgb(linear), lattice, atol=2e-6)
    np.testing.assert_allclose(color.lab_to_linear(color.linear_to_lab(linear)), linear, atol=2e-5)
    np.testing.assert_allclose(color.lab_to_srgb(color.srgb_to_lab(lattice)), lattice, atol=2e-5)


def test_any_leading_axes(lattice):
    flat = color.srgb_to_lab(lattice)
    shaped = color.srgb_to_lab(lattice.reshape(9, 9, 9, 3))
    np.testing.assert_array_equal(shaped.reshape(-1, 3), flat)


def test_mid_gray_is_not_half_lightness():
    assert float(color.luma_to_lightness(jnp.array(0.5))) == pytest.approx(53.389, abs=1e-3)


def test_lightness_of_luma_is_that_of_the_gray_color():
    luma = jnp.linspace(0.0, 1.0, 256)
    gray = jnp.stack([luma] * 3, -1)
    lightness = color.luma_to_lightness(luma)
    np.testing.assert_allclose(lightness, color.srgb_to_lab(gray)[:, 0], atol=1e-4)
    np.testing.assert_allclose(color.lightness_to_luma(lightness), luma, atol=2e-6)


@pytest.mark.parametrize(
    ("convert", "colors"),
    [
        (color.srgb_to_linear, HARD_SRGB),
        (color.linear_to_srgb, HARD_SRGB),
        (color.srgb_to_lab, HARD_SRGB),
        (color.linear_to_lab, HARD_SRGB),
        (color.lab_to_linear, HARD_LAB),
        (color.lab_to_srgb, HARD_LAB),
        (color.reduce_to_gamut, HARD_LAB),
        (color.luma_to_lightness, HARD_SRGB),
        (color.lightness_to_luma, HARD_LAB),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_values_and_gradients_are_finite(convert, colors):
    value, gradient = jax.jit(jax.value_and_grad(lambda c: convert(c).sum()))(colors)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("at", [0.02, 0.0405, 0.3, 1.0])
def test_gradients_are_those_of_a_difference_quotient(at):
    def lightness(luma):
        return color.luma_to_lightness(luma)

    step = 1e-3
    quotient = (lightness(jnp.array(at + step)) - lightness(jnp.array(at - step))) / (2 * step)
    assert float(jax.grad(lightness)(jnp.array(at))) == pytest.approx(float(quotient), rel=0.02)


def test_jit_changes_nothing(lattice, vivid):
    np.testing.assert_allclose(
        jax.jit(color.srgb_to_lab)(lattice), color.srgb_to_lab(lattice), atol=1e-4
    )
    np.testing.assert_allclose(
        jax.jit(color.reduce_to_gamut)(vivid), color.reduce_to_gamut(vivid), atol=1e-4
    )


def test_in_gamut(lattice, vivid):
    assert color.in_gamut(color.srgb_to_lab(lattice)).all()
    assert not color.in_gamut(jnp.array([50.0, 120.0, 0.0]))
    share = float(color.in_gamut(vivid).mean())
    assert 0.05 < share < 0.5, "the test colors are of both kinds"


def test_reduced_colors_are_displayable_and_keep_lightness_and_hue(vivid):
    reduced = color.reduce_to_gamut(vivid)
    assert color.in_gamut(reduced).all()
    np.testing.assert_array_equal(reduced[:, 0], vivid[:, 0])
    cross = vivid[:, 1] * reduced[:, 2] - vivid[:, 2] * reduced[:, 1]
    np.testing.assert_allclose(cross, 0.0, atol=1e-2)
    assert (jnp.sum(vivid[:, 1:] * reduced[:, 1:], -1) >= 0).all()


def test_displayable_colors_stay(lattice):
    lab = color.srgb_to_lab(lattice)
    np.testing.assert_array_equal(color.reduce_to_gamut(lab), lab)


def test_no_more_chroma_than_needed_is_lost(vivid):
    reduced = color.reduce_to_gamut(vivid)
    outside = ~color.in_gamut(vivid)
    more = reduced.at[:, 1:].add(vivid[:, 1:] * 2.0**-8)
    assert not color.in_gamut(more)[outside].any()


def test_reduction_is_monotone_in_chroma():
    factors = jnp.linspace(0.0, 1.5, 61)[:, None]
    ab = factors * jnp.array([[90.0, 60.0]])
    lab = jnp.concatenate([jnp.full((61, 1), 60.0), ab], -1)
    chroma = jnp.linalg.norm(color.reduce_to_gamut(lab)[:, 1:], axis=-1)
    slack = 1.5 * float(jnp.linalg.norm(ab[-1])) * 2.0**-8
    assert float(jnp.diff(chroma).min()) >= -slack


def test_black_white_and_beyond_lose_all_chroma():
    lab = jnp.array([[-5.0, 30.0, 30.0], [110.0, 30.0, -30.0], [0.0, 50.0, 50.0]])
    reduced = color.reduce_to_gamut(lab)
    np.testing.assert_allclose(reduced[:, 1:], 0.0, atol=0.5)


PRESETS = {
    "hueshift_ddpm": (color.HUESHIFT_DDPM_CHROMA, 0.0, 128 / 255),
    "hueshift_ddpm_centered": (color.CENTERED_CHROMA, 55.0, 0.5),
    "flowchroma": (color.FLOWCHROMA_CHROMA, 64.0, 0.5),
    "colornet": (color.COLORNET_CHROMA, 127.0, 1.0),
    "report_unet": (color.REPORT_UNET_CHROMA, -110.0, -1.0),
    "report_wgan": (color.REPORT_WGAN_CHROMA, -64.0, -0.5),
    "zhang": (color.ZHANG_CHROMA, 110.0, 1.0),
    "hueshift_ddpm_lightness": (color.HUESHIFT_DDPM_LIGHTNESS, 53.0, 0.53),
    "centered_lightness": (color.CENTERED_LIGHTNESS, 0.0, -1.0),
    "colornet_lightness": (color.COLORNET_LIGHTNESS, 100.0, 1.0),
    "zhang_lightness": (color.ZHANG_LIGHTNESS, 100.0, 0.5),
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name):
    preset, ours, theirs = PRESETS[name]
    assert float(preset.encode(jnp.array(ours))) == pytest.approx(theirs, abs=1e-6)
    assert float(preset.decode(jnp.array(theirs))) == pytest.approx(ours, abs=1e-4)
    values = jnp.linspace(-110.0, 110.0, 23)
    np.testing.assert_allclose(preset.decode(preset.encode(values)), values, atol=1e-4)


@pytest.mark.parametrize(
    ("weights", "total"),
    [(color.REC601_LUMA, 1.0), (color.TORCHVISION_LUMA, 0.9999), (color.REC709_LUMA, 1.0)],
)
def test_luma_of_white_is_the_sum_of_the_weights(weights, total):
    white = color.srgb_to_luma(jnp.ones((2, 2, 3)), weights)
    np.testing.assert_allclose(white, np.full((2, 2), total), atol=1e-6)


def test_colors_can_be_given_another_luma():
    srgb, luma = jnp.asarray([[0.2, 0.5, 0.9], [0.4, 0.4, 0.4]]), jnp.asarray([0.7, 0.1])
    found = color.with_luma(srgb, luma)
    np.testing.assert_allclose(color.srgb_to_luma(found), luma, atol=1e-6)
    np.testing.assert_allclose(found[:, 0] - found[:, 2], srgb[:, 0] - srgb[:, 2], atol=1e-6)
