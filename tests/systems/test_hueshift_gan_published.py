"""The published generator as a system: it learns, it colors, and its presets differ as stated."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax import config
from hueshift_jax.contracts import Batch
from hueshift_jax.errors import ConfigError, MismatchedWeightsError
from hueshift_jax.models.hueshift_generator import Prediction
from hueshift_jax.ops import color
from hueshift_jax.systems import hueshift_gan_published as published
from hueshift_jax.systems.hueshift_gan_published import (
    HueShiftGanPublishedConfig,
    OptimConfig,
)

TINY = HueShiftGanPublishedConfig(
    widths=(12, 8, 6, 4), feature_widths=(2, 4, 4, 6, 8), optim=OptimConfig(lr=4e-3), short_side=32
)


def batch_of(size=64):
    """Two pictures of two halves, lit unevenly, and mirrored; the film shows their luma."""
    x = np.linspace(0.2, 0.9, size)[None, :, None]
    tint = np.where(np.arange(size)[:, None, None] < size // 2, [1.0, 0.5, 0.3], [0.3, 0.6, 1.0])
    picture = (x * tint).astype(np.float32)
    rgb = np.stack([picture, picture[::-1, ::-1]])
    luma = np.asarray(color.srgb_to_luma(jnp.asarray(rgb)))
    return Batch(luma, np.round(rgb[:, ::4, ::4] * 255).astype(np.uint8))


def zeros(system):
    """Weights of the right names and shapes."""
    shapes = system.network.params | system.network.stats
    return {name: np.zeros(like.shape, np.float32) for name, like in shapes.items()}


@pytest.fixture(scope="module")
def trained():
    """(system, logs of eleven steps on one batch, last state)."""
    system, batch = TINY.build(), batch_of()
    state, losses = system.init(jax.random.key(0)), []
    for n in range(11):
        state, logs = system.step(state, batch, jax.random.key(n))
        losses.append({name: float(value) for name, value in logs.items()})
    return system, losses, state


def test_ten_steps_lower_the_loss(trained):
    _, losses, _ = trained
    assert losses[10]["loss"] < 0.8 * losses[0]["loss"]
    assert all(np.isfinite(list(logs.values())).all() for logs in losses)
    first = losses[0]
    assert first["loss"] == pytest.approx(first["color"] + 0.5 * first["saliency"], rel=1e-5)


def test_the_published_preset_has_the_same_forms(trained):
    """Traced only: what differs in values is tested by its parts."""
    repaired, _, state = trained
    system = dataclasses.replace(TINY, as_published=True).build()
    found, logs = jax.eval_shape(system.step, state, batch_of(), jax.random.key(0))
    forms = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), found) == forms
    assert logs.keys() == {"loss", "color", "saliency", "gradient_norm"}
    colorizer = system.colorizer_from(repaired.weights(state))
    luma = jax.ShapeDtypeStruct((3, 32, 64), jnp.float32)
    _, ab, confidence = jax.eval_shape(lambda x: colorizer((), x, None), luma)
    assert (ab.shape, confidence.shape) == ((3, 8, 16, 2), (3, 8, 16))


@pytest.mark.parametrize("as_published", [False, True])
def test_losses(as_published):
    """Means of absolute differences, by hand."""
    rng = np.random.default_rng(0)
    srgb, guess = rng.random((2, 3, 4, 3)), rng.standard_normal((2, 3, 4, 3))
    saliency = rng.standard_normal((2, 3, 4, 1))
    target = (srgb - color.IMAGENET_MEAN) / color.IMAGENET_STD
    shown, map_ = (target, saliency) if as_published else (srgb, 1 / (1 + np.exp(-saliency)))
    expected = {
        "color": np.abs(guess - target).mean(),
        "saliency": np.abs(map_[..., 0] - shown.mean(-1)).mean(),
    }
    expected["loss"] = 2.0 * expected["color"] + 3.0 * expected["saliency"]
    settings = dataclasses.replace(
        TINY, as_published=as_published, color_weight=2.0, saliency_weight=3.0
    )
    prediction = Prediction(*(jnp.asarray(x, jnp.float32) for x in (guess, saliency)))
    loss, logs = settings.build()._losses(prediction, jnp.asarray(srgb, jnp.float32))
    assert {name: float(value) for name, value in logs.items()} == pytest.approx(expected, 1e-5)
    assert float(loss) == float(logs["loss"])


def test_the_unused_convolutions_stay_as_they_began(trained):
    system, _, state = trained
    began = system.init(jax.random.key(0)).params
    still = {n for n, v in state.params.items() if np.array_equal(v, began[n])}
    names = {f"generator.saliency_dec{n}.{part}" for n in (1, 2, 3) for part in ("kernel", "bias")}
    assert still == names


def test_the_statistics_move(trained):
    system, _, state = trained
    began = system.init(jax.random.key(0)).stats
    assert all(not np.array_equal(value, began[name]) for name, value in state.stats.items())


def test_the_colorizer(trained):
    system, _, state = trained
    colorizer = system.colorizer(state)
    size = colorizer.working_size(480, 720)
    assert size == (32, 64)
    luma = np.random.default_rng(0).random((3, *size)).astype(np.float32)
    memory = colorizer.start(*size)
    memory, ab, confidence = colorizer(memory, luma, jax.random.key(0))
    assert memory == ()
    assert ab.shape == (3, 8, 16, 2)
    assert np.isfinite(ab).all()
    np.testing.assert_array_equal(confidence, np.ones((3, 8, 16)))
    again = system.colorizer_from(system.weights(state))(memory, luma, jax.random.key(1))[1]
    np.testing.assert_array_equal(again, ab)


def test_working_sizes():
    system = HueShiftGanPublishedConfig(widths=TINY.widths, feature_widths=TINY.feature_widths)
    colorizer = system.build().colorizer_from(zeros(system.build()))
    assert colorizer.working_size(1080, 1920) == (128, 224)
    assert colorizer.working_size(640, 480) == (160, 128)
    assert colorizer.working_size(50, 50) == (128, 128)
    assert colorizer.working_size(10, 1000) == (128, 512)


def test_weights_of_other_widths_are_refused():
    system = dataclasses.replace(TINY, widths=(8, 8, 8, 8)).build()
    with pytest.raises(MismatchedWeightsError, match="generator"):
        system.colorizer_from(zeros(TINY.build()))


@pytest.mark.parametrize("short_side", [0, 100])
def test_impossible_working_sizes_are_refused(short_side):
    with pytest.raises(ConfigError, match="multiple of 32"):
        HueShiftGanPublishedConfig(short_side=short_side)


def test_gray_is_that_of_a_gray_picture_in_both_presets():
    luma = np.random.default_rng(0).random((1, 32, 32)).astype(np.float32)
    small = luma.reshape(1, 8, 4, 8, 4).mean((2, 4))
    srgb = jnp.repeat(jnp.asarray(small)[..., None], 3, -1)
    for as_published in (False, True):
        system = dataclasses.replace(TINY, as_published=as_published).build()
        gray = system._gray(luma, srgb)
        np.testing.assert_allclose(gray[..., 0], published.encode_gray(small)[..., 0], atol=1e-5)
    weights = np.array([0.2989, 0.587, 0.114])
    expected = ((np.asarray(srgb) - color.IMAGENET_MEAN) / color.IMAGENET_STD) @ weights
    np.testing.assert_allclose(gray[..., 0], expected, atol=1e-5)


def test_normalization_and_back():
    srgb = jnp.asarray(np.random.default_rng(0).random((1, 2, 3, 3)), jnp.float32)
    np.testing.assert_allclose(published.denormalize(published.normalize(srgb)), srgb, atol=1e-6)
    np.testing.assert_array_equal(published.denormalize(jnp.full((1, 1, 1, 3), 9.0)), 1.0)


@pytest.mark.parametrize("keep_luma", [False, True])
def test_perfect_colors_give_their_chroma(keep_luma):
    """Means of 4x4 boxes of equal pixels."""
    srgb = np.random.default_rng(0).random((1, 2, 2, 3)).astype(np.float32)
    large = jnp.asarray(srgb.repeat(4, 1).repeat(4, 2))
    luma = color.srgb_to_luma(large)
    found = published.small_ab(published.normalize(large), luma, keep_luma=keep_luma)
    np.testing.assert_allclose(found, color.srgb_to_lab(jnp.asarray(srgb))[..., 1:], atol=1e-2)


def test_the_film_s_luma_replaces_the_predicted_one():
    srgb = jnp.full((1, 4, 4, 3), 0.5) + jnp.asarray([0.1, 0.0, -0.1])[None, None, None]
    luma = color.srgb_to_luma(srgb)
    brighter = published.normalize(srgb + 0.2)
    expected = color.srgb_to_lab(srgb)[:, :1, :1, 1:]
    kept = published.small_ab(brighter, luma, keep_luma=True)
    np.testing.assert_allclose(kept, expected, atol=1e-2)
    as_predicted = published.small_ab(brighter, luma, keep_luma=False)
    assert np.abs(as_predicted - expected).max() > 0.5


def test_the_configuration_builds_the_published_size():
    settings = config.load("hueshift_gan_published")
    system = dataclasses.replace(settings.system, optim=OptimConfig(steps=settings.steps)).build()
    state = jax.eval_shape(system.init, jax.random.key(0))
    count = sum(int(np.prod(value.shape)) for value in state.params.values())
    assert count == 9_989_959 + 17_082_688
    assert {settings.data.size_at(part) for part in (0.0, 1.0)} == {512}
    assert system.config.as_published is False
