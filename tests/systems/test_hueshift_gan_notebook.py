"""The published generator as a system: it learns, it colors, and its presets differ as stated."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax import config, sharding
from hueshift_jax.contracts import Batch, Phased
from hueshift_jax.errors import ConfigError, MismatchedWeightsError
from hueshift_jax.models import hueshift_generator
from hueshift_jax.models.hueshift_generator import Prediction
from hueshift_jax.ops import color
from hueshift_jax.ops.pooling import average_pool
from hueshift_jax.systems import hueshift_gan_notebook as notebook
from hueshift_jax.systems.hueshift_gan_notebook import (
    HueShiftGanNotebookConfig,
    OptimConfig,
)
from tests.models.weights import quick_compilation
from tests.systems import tiny

TINY = HueShiftGanNotebookConfig(
    widths=(12, 8, 6, 4),
    feature_widths=(2, 4, 4, 6, 8),
    critic_widths=(4, 4, 8, 8),
    adversarial_weight=0.1,
    optim=OptimConfig(lr=4e-3),
    short_side=32,
)
DEPTHS = hueshift_generator._LAYERS_PER_BLOCK
PUBLISHED = dataclasses.replace(TINY, as_published=True, adversarial_weight=1.0)


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Compiles without polish, has few layers, and finds salient what is bright."""

    def bright(luma):
        return average_pool(luma[..., None], 2)[..., 0]

    with quick_compilation(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebook, "load_detector", lambda: bright)
        patch.setattr(hueshift_generator, "_LAYERS_PER_BLOCK", (1, 1, 1, 1, 1))
        yield


def batch_of(size=64):
    """Two pictures of two halves, lit unevenly, and mirrored; the film shows their luma."""
    x = np.linspace(0.2, 0.9, size)[None, :, None]
    tint = np.where(np.arange(size)[:, None, None] < size // 2, [1.0, 0.5, 0.3], [0.3, 0.6, 1.0])
    picture = (x * tint).astype(np.float32)
    rgb = np.stack([picture, picture[::-1, ::-1]])
    luma = np.asarray(color.srgb_to_luma(jnp.asarray(rgb)))
    return Batch(luma, np.round(rgb[:, ::4, ::4] * 255).astype(np.uint8))


def srgb_of(batch):
    return jnp.asarray(batch.rgb_u8, jnp.float32) / 255.0


def zeros(system):
    """Weights of the right names and shapes."""
    shapes = system.network.params | system.network.stats
    return {name: np.zeros(like.shape, np.float32) for name, like in shapes.items()}


def several(preset, count, shape=(1, 1), batch=None):
    """(system, logs of so many steps on one batch, last state)."""
    system = preset.build()
    found, state = tiny.first_steps(system, shape, [batch or batch_of()] * count)
    return system, found, state


@pytest.fixture(scope="module")
def trained():
    return several(TINY, 20)


@pytest.fixture(scope="module")
def trained_as_published():
    return several(PUBLISHED, 20)


@pytest.mark.parametrize(
    "preset", ["trained", pytest.param("trained_as_published", marks=pytest.mark.slow)]
)
def test_twenty_steps_of_the_game_lower_the_reconstruction_loss(preset, request):
    system, found, _ = request.getfixturevalue(preset)
    assert found["reconstruction"][-1] < 0.9 * found["reconstruction"][0]
    assert all(np.isfinite(values).all() for values in found.values())
    game = system.config.adversarial_weight * (found["color_game"] + found["attention_game"])
    expected = found["color"] + 0.5 * found["saliency"] + game
    np.testing.assert_allclose(found["loss"], expected, rtol=1e-5)


def test_the_critics_learn(trained):
    system, _, state = trained
    began = system.init(jax.random.key(0)).critics
    moved = (not np.array_equal(v, began.params[name]) for name, v in state.critics.params.items())
    assert all(moved)
    assert {name.partition(".")[0] for name in began.params} == set(notebook.CRITICS)


def test_reconstruction_comes_first():
    system = dataclasses.replace(TINY, reconstruction_steps=3).build()
    assert isinstance(system, Phased)
    kinds = [notebook.RECONSTRUCTION] * 3 + [notebook.GAME] * 2
    assert [system.phase(done) for done in range(5)] == kinds
    assert TINY.build().phase(0) == notebook.GAME


@pytest.mark.slow
def test_reconstruction_leaves_the_critics_alone():
    system, found, state = several(dataclasses.replace(TINY, reconstruction_steps=3), 3)
    began = system.init(jax.random.key(0)).critics
    assert all(np.array_equal(v, began.params[name]) for name, v in state.critics.params.items())
    np.testing.assert_array_equal(found["loss"], found["reconstruction"])
    assert found["loss"][-1] < found["loss"][0]


class Recorder:
    """In place of critics: what it is asked, in which order."""

    def __init__(self):
        self.asked = []

    def step(self, state, real, fake, key):
        after = jax.tree.map(lambda leaf: leaf + 0, state)
        self.asked.append(("step", state, after, real, fake))
        return after, {}

    def judge(self, state, fake, key):
        self.asked.append(("judge", state, fake))
        return {name: jnp.zeros(()) for name in notebook.CRITICS}, {}


@pytest.mark.parametrize("phase", [notebook.GAME, notebook.RECONSTRUCTION])
def test_the_generator_plays_against_what_the_critics_have_become(phase):
    system = TINY.build()
    state = jax.eval_shape(system.init, jax.random.key(0))
    system.critics = recorder = Recorder()
    jax.eval_shape(
        lambda state, batch, key: system.step(state, batch, key, phase),
        state,
        batch_of(),
        jax.random.key(0),
    )
    if phase == notebook.RECONSTRUCTION:
        assert not recorder.asked
        return
    (_, _, after, real, fake), (_, judged, _) = recorder.asked
    assert [kind for kind, *_ in recorder.asked] == ["step", "judge"]
    assert judged is after
    for seen in (real, fake):
        assert {name: view[0].shape for name, view in seen.items()} == dict.fromkeys(
            notebook.CRITICS, (2, 16, 16, 3)
        )


def test_goals_and_labels():
    """The notebook's label 0.9 is also its generator's goal; repaired, that is 1."""
    for preset, goal in ((TINY, 1.0), (PUBLISHED, 0.9)):
        settings = preset.build().critics.config
        assert (settings.kind, settings.real_goal) == ("cross-entropy", 0.9)
        assert settings.generator_goal == goal
        assert (settings.lr, settings.beta1, settings.beta2) == (1e-4, 0.5, 0.999)
        assert (settings.weight_decay, settings.clip_norm) == (1e-4, 1.0)


def test_what_the_critics_see():
    colors = jnp.arange(12.0).reshape(1, 2, 2, 3)
    saliency = jnp.asarray([0.0, 0.5, 1.0, 2.0]).reshape(1, 2, 2, 1)
    seen = notebook.views(Prediction(colors, saliency))
    np.testing.assert_array_equal(seen["color"][0], colors)
    np.testing.assert_array_equal(seen["attention"][0][0, 1, 1], 2.0 * colors[0, 1, 1])


@pytest.mark.slow
@pytest.mark.parametrize("preset", [TINY, PUBLISHED], ids=["repaired", "as_published"])
def test_three_hundred_steps_stay_finite(preset):
    _, found, state = several(preset, 300)
    assert all(np.isfinite(values).all() for values in found.values())
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
    assert found["reconstruction"][-1] < 0.8 * found["reconstruction"][0]


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(2, 1), (1, 2)])
def test_two_devices_do_what_one_does(shape):
    """Batches and parameters are shared; sums in another order, so not to the last digit."""
    preset, batch = dataclasses.replace(TINY, optim=OptimConfig()), tiny.batch(count=8)
    _, alone, _ = several(preset, 3, batch=batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharding, "SMALLEST_SPLIT", 64)
        _, shared, state = several(preset, 3, shape, batch)
    for name, values in alone.items():
        np.testing.assert_allclose(shared[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    kernel = state.critics.params["color.convs.3.kernel"]
    assert len(kernel.sharding.device_set) == 2
    assert kernel.addressable_shards[0].data.size * shape[1] == kernel.size


def test_the_presets_have_states_of_the_same_form(trained):
    _, found, state = trained
    system = PUBLISHED.build()
    after, logs = jax.eval_shape(system.step, state, batch_of(), jax.random.key(0))
    forms = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), after) == forms
    assert logs.keys() == found.keys()


@pytest.mark.parametrize("as_published", [False, True])
def test_losses(as_published):
    """Means of absolute differences, by hand."""
    rng = np.random.default_rng(0)
    srgb, guess = rng.random((2, 3, 4, 3)), rng.standard_normal((2, 3, 4, 3))
    saliency, wanted = rng.standard_normal((2, 2, 3, 4, 1))
    made = Prediction(*(jnp.asarray(x, jnp.float32) for x in (guess, saliency)))
    target = (srgb - color.IMAGENET_MEAN) / color.IMAGENET_STD
    map_ = saliency
    if not as_published:
        weights = np.array([0.299, 0.587, 0.114])
        painted = guess * color.IMAGENET_STD + color.IMAGENET_MEAN
        painted = painted + ((srgb - painted) @ weights)[..., None]
        guess = (painted - color.IMAGENET_MEAN) / color.IMAGENET_STD
        map_ = 1 / (1 + np.exp(-saliency))
    expected = {
        "color": np.abs(guess - target).mean(),
        "saliency": np.abs(map_ - wanted).mean(),
    }
    expected["reconstruction"] = 2.0 * expected["color"] + 3.0 * expected["saliency"]
    settings = dataclasses.replace(
        TINY, as_published=as_published, color_weight=2.0, saliency_weight=3.0
    )
    truth = Prediction(jnp.asarray(target, jnp.float32), jnp.asarray(wanted, jnp.float32))
    system = settings.build()
    loss, logs = system._losses(system._shown(made, truth), truth)
    assert {name: float(value) for name, value in logs.items()} == pytest.approx(expected, 1e-4)
    assert float(loss) == float(logs["reconstruction"])


def test_the_unused_convolutions_stay_as_they_began(trained):
    system, _, state = trained
    began = system.init(jax.random.key(0)).params
    still = {n for n, v in state.params.items() if np.array_equal(v, began[n])}
    names = {f"generator.saliency_dec{n}.{part}" for n in (1, 2, 3) for part in ("kernel", "bias")}
    assert still == names


@pytest.mark.slow
def test_the_published_encoder_stays_random(trained_as_published):
    system, _, state = trained_as_published
    began = system.init(jax.random.key(0))
    for part, first in ((state.params, began.params), (state.stats, began.stats)):
        still = {n for n, v in part.items() if np.array_equal(v, first[n])}
        assert {n for n in part if n.startswith("encoder.")} <= still
        assert "generator.enc1.norm.mean" not in still


def test_what_the_saliency_map_learns():
    batch = batch_of()
    srgb = srgb_of(batch)
    published = PUBLISHED.build()._salient(batch.luma, srgb)
    np.testing.assert_allclose(published[..., 0], notebook.normalize(srgb).mean(-1), atol=1e-6)
    for size in (64, 96):  # the detector sees a half of the one and all of the other
        luma = np.random.default_rng(0).random((2, size, size)).astype(np.float32)
        small = luma.reshape(2, size // 4, 4, size // 4, 4).mean((2, 4))
        truth = jnp.zeros((2, size // 4, size // 4, 3))
        found = TINY.build()._salient(luma, truth)
        np.testing.assert_allclose(found[..., 0], small, atol=1e-6)


def test_the_perceptual_loss_is_part_of_the_reconstruction():
    system = dataclasses.replace(TINY, perceptual_weight=2.0).build()
    system.__dict__["_perceptual"] = Measured()
    truth = Prediction(jnp.zeros((1, 4, 4, 3)), jnp.zeros((1, 4, 4, 1)))
    shown = truth._replace(color=jnp.ones((1, 4, 4, 3)))
    loss, logs = system._losses(shown, truth)
    difference = float(jnp.mean(color.IMAGENET_STD))
    assert float(logs["perceptual"]) == pytest.approx(difference, rel=1e-5)
    assert float(loss) == pytest.approx(1.0 + 2.0 * difference, rel=1e-5)


class Measured:
    """In place of a network, the mean absolute difference."""

    def distance(self, srgb, truth):
        return jnp.abs(srgb - truth).mean()


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
    assert ab.shape == (3, 16, 32, 2)
    assert np.isfinite(ab).all()
    np.testing.assert_array_equal(confidence, np.ones((3, 16, 32)))
    again = system.colorizer_from(system.weights(state))(memory, luma, jax.random.key(1))[1]
    np.testing.assert_array_equal(again, ab)


def test_working_sizes():
    system = HueShiftGanNotebookConfig(widths=TINY.widths, feature_widths=TINY.feature_widths)
    colorizer = system.build().colorizer_from(zeros(system.build()))
    assert colorizer.working_size(1080, 1920) == (128, 224)
    assert colorizer.working_size(640, 480) == (160, 128)
    assert colorizer.working_size(50, 50) == (128, 128)
    assert colorizer.working_size(10, 1000) == (128, 512)


def test_weights_of_other_widths_are_refused():
    system = dataclasses.replace(TINY, widths=(8, 8, 8, 8)).build()
    with pytest.raises(MismatchedWeightsError, match="generator"):
        system.colorizer_from(zeros(TINY.build()))


def test_strength_multiplies_chroma(trained):
    system, _, state = trained
    weights = system.weights(state)
    strong = dataclasses.replace(TINY, strength=1.5).build()
    luma = batch_of(32).luma
    plain, doubled = (made.colorizer_from(weights)((), luma, None)[1] for made in (system, strong))
    np.testing.assert_allclose(doubled, 1.5 * plain, rtol=1e-5)


def test_a_game_cannot_begin_before_the_run():
    with pytest.raises(ConfigError, match="reconstruction_steps is -1"):
        HueShiftGanNotebookConfig(reconstruction_steps=-1)


@pytest.mark.parametrize("short_side", [0, 100])
def test_impossible_working_sizes_are_refused(short_side):
    with pytest.raises(ConfigError, match="multiple of 32"):
        HueShiftGanNotebookConfig(short_side=short_side)


def test_gray_is_that_of_a_gray_picture_in_both_presets():
    luma = np.random.default_rng(0).random((1, 32, 32)).astype(np.float32)
    small = luma.reshape(1, 8, 4, 8, 4).mean((2, 4))
    srgb = jnp.repeat(jnp.asarray(small)[..., None], 3, -1)
    for as_published in (False, True):
        system = dataclasses.replace(TINY, as_published=as_published).build()
        gray = system._gray(luma, srgb)
        np.testing.assert_allclose(gray[..., 0], notebook.encode_gray(small)[..., 0], atol=1e-5)
    weights = np.array([0.2989, 0.587, 0.114])
    expected = ((np.asarray(srgb) - color.IMAGENET_MEAN) / color.IMAGENET_STD) @ weights
    np.testing.assert_allclose(gray[..., 0], expected, atol=1e-5)


def test_normalization_and_back():
    srgb = jnp.asarray(np.random.default_rng(0).random((1, 2, 3, 3)), jnp.float32)
    np.testing.assert_allclose(notebook.denormalize(notebook.normalize(srgb)), srgb, atol=1e-6)


@pytest.mark.parametrize("keep_luma", [False, True])
def test_perfect_colors_give_their_chroma(keep_luma):
    """Means of 2x2 boxes of equal pixels."""
    srgb = np.random.default_rng(0).random((1, 2, 2, 3)).astype(np.float32)
    large = jnp.asarray(srgb.repeat(2, 1).repeat(2, 2))
    luma = color.srgb_to_luma(large)
    found = notebook.small_ab(notebook.normalize(large), luma, keep_luma=keep_luma)
    np.testing.assert_allclose(found, color.srgb_to_lab(jnp.asarray(srgb))[..., 1:], atol=1e-2)


def test_the_film_s_luma_replaces_the_predicted_one():
    srgb = jnp.full((1, 4, 4, 3), 0.5) + jnp.asarray([0.1, 0.0, -0.1])[None, None, None]
    luma = color.srgb_to_luma(srgb)
    brighter = notebook.normalize(srgb + 0.2)
    expected = color.srgb_to_lab(srgb)[:, :2, :2, 1:]
    kept = notebook.small_ab(brighter, luma, keep_luma=True)
    np.testing.assert_allclose(kept, expected, atol=1e-2)
    as_predicted = notebook.small_ab(brighter, luma, keep_luma=False)
    assert np.abs(as_predicted - expected).max() > 0.5


def test_the_configuration_builds_the_published_size(monkeypatch):
    monkeypatch.setattr(hueshift_generator, "_LAYERS_PER_BLOCK", DEPTHS)
    settings = config.load("hueshift_gan_notebook")
    system = settings.system.build()
    state = jax.eval_shape(system.init, jax.random.key(0))
    counts = [
        sum(int(np.prod(value.shape)) for value in params.values())
        for params in (state.params, state.critics.params)
    ]
    assert counts == [9_989_959 + 17_082_688, 2 * 1_553_281]
    assert {settings.data.size_at(part) for part in (0.0, 1.0)} == {512}
    assert system.config.as_published is False
