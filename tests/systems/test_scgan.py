"""SCGAN as a system: it goes through its stages, it colors, and its presets differ as stated.

The real generator, of 38 layers at 256 pixels, is slow to compile: but for the slow tests, a small
one with the same face stands in its place.
"""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax import config, sharding
from hueshift_jax.contracts import Batch
from hueshift_jax.errors import ConfigError, MismatchedWeightsError
from hueshift_jax.losses import adversarial
from hueshift_jax.models.scgan import Prediction, ScganDiscriminator, ScganGenerator
from hueshift_jax.nn.norm import BatchNorm
from hueshift_jax.nn.spectral import SpectralConv
from hueshift_jax.ops import color
from hueshift_jax.systems import scgan
from hueshift_jax.systems.adversary import AdversaryConfig
from hueshift_jax.systems.scgan import OptimConfig, Part, Scgan, ScganConfig
from hueshift_jax.training.program import Program
from tests.models.weights import filled, quick_compilation, random_weights
from tests.systems import tiny

slow = pytest.mark.slow
OPTIM = OptimConfig(lr=1e-2, steps=20)
TINY = ScganConfig(
    width=4,
    critic_width=2,
    reconstruction_steps=20,
    adversary=AdversaryConfig(kind="lsgan"),
    optim=OPTIM,
)
PLAYING = dataclasses.replace(TINY, reconstruction_steps=1, critic_steps=1)
REAL = {"width": 2, "saliency_width": 2, "feature_widths": (2, 2, 2, 2, 2)}


class Small(nnx.Module):
    """A generator of two layers."""

    def __init__(self, *, width, saliency_width, feature_widths, as_published, rngs):
        del saliency_width, feature_widths
        options = {"padding": 1, "iterates_in_eval": as_published, "rngs": rngs}
        self.first = SpectralConv(1, width, 3, **options)
        self.norm = BatchNorm(width)
        self.second = SpectralConv(width, 4, 3, **options)

    def __call__(self, gray):
        found = self.second(jax.nn.relu(self.norm(self.first(gray))))
        return Prediction(0.5 * (jnp.tanh(found[..., :3]) + 1.0), found[..., 3:])


class Bright:
    """Finds what is bright, at half the size."""

    def __call__(self, luma):
        return luma[:, ::2, ::2]


class Plain:
    """Compares pixels."""

    def __init__(self, weights=""):
        del weights

    def distance(self, srgb, truth):
        return jnp.abs(srgb - truth).mean()


@pytest.fixture(scope="module", autouse=True)
def quick():
    with quick_compilation(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(scgan, "load_detector", Bright)
        patch.setattr(scgan, "Perceptual", Plain)
        patch.setattr(scgan, "ScganGenerator", Small)
        yield


@pytest.fixture
def real(monkeypatch):
    """The real generator again."""
    monkeypatch.setattr(scgan, "ScganGenerator", ScganGenerator)


def batch_of(count=2, size=32):
    """Pictures whose colors follow from their brightness and place."""
    return tiny.batch(count=count, size=size)


def begun(system):
    """What `system.init` returns, with random weights made by NumPy."""
    state = jax.eval_shape(system.init, jax.random.key(0))
    made = {
        "params": random_weights(state.params),
        "stats": random_weights(state.stats),
        "optimizer": jax.jit(system._optimizer.init)(state.params),
        "critics": state.critics._replace(
            params=random_weights(state.critics.params),
            stats=random_weights(state.critics.stats),
        ),
    }
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), state)
    made["optimizer"] = nothing.optimizer
    made["critics"] = made["critics"]._replace(optimizer=nothing.critics.optimizer)
    return state._replace(**made)


def steps(settings, count, batch):
    """(system, figures of the first steps on one batch, last state)."""
    system = settings.build()
    state, found = begun(system), []
    for n in range(count):
        state, logs = system.step(state, batch, jax.random.key(n), system.phase(n))
        found.append({name: float(value) for name, value in logs.items()})
    return system, found, state


@pytest.fixture(scope="module")
def trained():
    """Twenty steps of the first stage."""
    return steps(TINY, 20, batch_of())


def test_twenty_steps_lower_the_reconstruction_loss_by_a_tenth(trained):
    _, losses, _ = trained
    assert losses[-1]["loss"] < 0.9 * losses[0]["loss"]
    assert np.isfinite([list(logs.values()) for logs in losses]).all()
    first = losses[0]
    assert first["loss"] == pytest.approx(first["pixel"] + 0.5 * first["attention"], rel=1e-5)


def test_losses():
    """Means of absolute differences, by hand."""
    rng = np.random.default_rng(0)
    made, truth = jnp.asarray(rng.random((2, 2, 3, 4, 3)), jnp.float32)
    logits, salient, luma = jnp.asarray(rng.random((3, 2, 3, 4, 1)), jnp.float32)
    prediction, part = Prediction(made, logits), Part(luma, truth, salient)
    weights = np.array([0.299, 0.587, 0.114])
    for as_published in (False, True):
        settings = dataclasses.replace(TINY, as_published=as_published, pixel_weight=3.0)
        loss, logs = settings.build()._reconstruction(prediction, part)
        shown = made if as_published else made + luma - (made @ weights)[..., None]
        pixel = np.abs(shown - truth).mean()
        attention = np.abs(shown / (1 + np.exp(-logits)) - truth * salient).mean()
        assert float(logs["pixel"]) == pytest.approx(pixel, rel=1e-4)
        assert float(logs["attention"]) == pytest.approx(attention, rel=1e-4)
        assert float(loss) == pytest.approx(3.0 * pixel + 0.5 * attention, rel=1e-4)


def test_true_colors_have_the_film_s_luma_and_the_truth_s_chroma():
    gray = np.random.default_rng(0).uniform(0.3, 0.6, (1, 8, 8)).astype(np.float32)
    rgb = np.full((1, 2, 2, 3), (120, 100, 90), np.uint8)
    found = scgan.true_colors(Batch(jnp.asarray(gray), rgb))
    np.testing.assert_allclose(color.srgb_to_luma(found), gray, atol=1e-6)
    np.testing.assert_allclose(found[..., 0] - found[..., 2], 30 / 255, atol=1e-6)


def test_rates_are_halved_at_equal_distances_in_each_stage():
    optim = OptimConfig(lr=8.0, game_lr=16.0, halvings=3, steps=24)
    settings = dataclasses.replace(TINY, optim=optim, reconstruction_steps=8, critic_steps=8)
    rate = scgan._schedule(settings)
    found = [float(rate(n)) for n in range(16)]
    assert found == [8, 8, 4, 4, 2, 2, 1, 1, 16, 16, 8, 8, 4, 4, 2, 2]
    assert float(scgan.halving(8.0, 4, 3)(100)) == 1.0


# -- The game ---------------------------------------------------------------------------------


def moved(before, after):
    """Whether any array differs."""
    return any(not np.array_equal(value, after[name]) for name, value in before.items())


@pytest.fixture(scope="module")
def played():
    """The states before and after each of three stages, and the logs."""
    system = PLAYING.build()
    states, logs = [begun(system)], []
    for n in range(3):
        given = jax.tree.map(jnp.array, states[-1])
        state, figures = system.step(given, batch_of(), jax.random.key(n), system.phase(n))
        states.append(jax.tree.map(jnp.array, state))
        logs.append({name: float(value) for name, value in figures.items()})
    return states, logs


def test_each_stage_trains_its_own(played):
    states, _ = played
    pairs = list(itertools.pairwise(states))
    assert [moved(a.params, b.params) for a, b in pairs] == [True, False, True]
    assert [moved(a.stats, b.stats) for a, b in pairs] == [True, False, True]
    assert [moved(a.critics.params, b.critics.params) for a, b in pairs] == [False, True, True]


def test_the_loss_of_the_game_is_the_weighted_sum_of_its_parts(played):
    _, logs = played
    found = logs[2]
    expected = found["pixel"] + 0.5 * found["attention"] + 5.0 * found["perceptual"]
    expected += 0.05 * (found["color_game"] + found["attention_game"])
    assert found["loss"] == pytest.approx(expected, rel=1e-4)
    assert "perceptual" not in logs[0]
    assert "pixel" not in logs[1]
    assert all(np.isfinite(list(figures.values())).all() for figures in logs)


@pytest.mark.parametrize("kind", ["hinge", "wgan-gp"])
@pytest.mark.parametrize("as_published", [False, True])
def test_other_games_have_the_same_forms(kind, as_published):
    """Traced only."""
    settings = dataclasses.replace(
        PLAYING,
        as_published=as_published,
        attention_critic=not as_published,
        adversary=AdversaryConfig(kind=kind),
    )
    system = settings.build()
    state = jax.eval_shape(system.init, jax.random.key(0))
    after, logs = jax.eval_shape(
        lambda *given: system.step(*given, 2), state, batch_of(), jax.random.key(0)
    )
    forms = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), (state, after))
    assert forms[0] == forms[1]
    assert ("attention_critic" in logs) == (not as_published)


def test_the_published_critics_take_the_generator_s_rate():
    for as_published, expected in ((True, 3.0), (False, 7.0)):
        settings = dataclasses.replace(
            PLAYING,
            as_published=as_published,
            optim=OptimConfig(game_lr=3.0, steps=20),
            adversary=AdversaryConfig(lr=7.0),
        )
        assert float(scgan._critic_schedule(settings)(0)) == expected


def test_frozen_weights_come_to_a_largest_singular_value_of_one(real):
    """All layers of the real generator, by fifty steps of power iteration."""
    network = Scgan(dataclasses.replace(TINY, **REAL)).network
    layers = [
        layer
        for _, layer in nnx.iter_graph(
            network.merged(random_weights(network.params), random_weights(network.stats))
        )
        if isinstance(layer, SpectralConv)
    ]
    assert len(layers) == 38
    iterate = nnx.jit(SpectralConv.sigma)
    for layer in layers:
        for _ in range(50):
            sigma = float(iterate(layer))
        kernel = np.asarray(layer.kernel[...]) / sigma
        matrix = kernel.transpose(3, 2, 0, 1).reshape(len(layer.u[...]), -1)
        largest = np.linalg.svd(matrix, compute_uv=False)[0]
        assert largest == pytest.approx(1.0, abs=0.01)


def test_the_gradient_penalty_equals_a_brute_force_one():
    """Of the gradient of each score by each pixel; batch norm makes pictures depend on others."""
    rng = np.random.default_rng(0)
    gray, real, fake = (jnp.asarray(rng.random((2, 32, 32, n)), jnp.float32) for n in (1, 3, 3))
    alpha = jnp.asarray([0.3, 0.8])
    graph, state = nnx.split(filled(lambda: ScganDiscriminator(width=2, rngs=nnx.Rngs(0))))

    def critic(pictures):
        return nnx.merge(graph, state, copy=True)(gray, pictures)

    found = jax.jit(lambda *given: adversarial.gradient_penalty(critic, *given))(real, fake, alpha)
    mixed = alpha[:, None, None, None] * real + (1 - alpha)[:, None, None, None] * fake
    each = np.asarray(jax.jit(jax.jacrev(critic))(mixed))
    assert each.shape == (2, 2, 2, 1, 2, 32, 32, 3)
    norms = np.linalg.norm(each.sum((0, 1, 2, 3)).reshape(2, -1), axis=1)
    assert float(found) == pytest.approx(np.mean((norms - 1) ** 2), rel=1e-3)


# -- At work ----------------------------------------------------------------------------------


def test_the_colorizer(trained):
    system, _, state = trained
    colorizer = system.colorizer(state)
    size = colorizer.working_size(480, 720)
    assert size == (256, 384)
    luma = np.random.default_rng(0).random((1, *size)).astype(np.float32)
    memory, ab, confidence = colorizer(colorizer.start(*size), luma, jax.random.key(0))
    assert memory == ()
    assert ab.shape == (1, 64, 96, 2)
    assert np.isfinite(ab).all()
    np.testing.assert_array_equal(confidence, np.ones((1, 64, 96)))
    stronger = dataclasses.replace(TINY, strength=2.0).build()
    twice = stronger.colorizer_from(system.weights(state))
    np.testing.assert_allclose(twice(memory, luma, jax.random.key(1))[1], 2 * ab, atol=1e-4)


def test_pictures_are_extended_by_what_is_missing():
    assert [scgan._around(size) for size in (256, 384, 512, 225)] == [
        (0, 0),
        (64, 64),
        (0, 0),
        (15, 16),
    ]


def test_weights_of_another_width_are_refused(trained):
    system, _, state = trained
    with pytest.raises(MismatchedWeightsError, match="fit"):
        dataclasses.replace(TINY, width=6).build().colorizer_from(system.weights(state))


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="multiple of 32"):
        ScganConfig(short_side=100)
    with pytest.raises(ConfigError, match="numbers of steps"):
        ScganConfig(critic_steps=-1)


def test_the_configuration_builds_the_published_size(real):
    settings = config.load("scgan")
    system = settings.system.build()
    state = jax.eval_shape(system.init, jax.random.key(0))
    count = sum(int(np.prod(value.shape)) for value in state.params.values())
    assert count == 58_755_200
    per_critic = sum(int(np.prod(value.shape)) for value in state.critics.params.values())
    assert per_critic == 2 * 5_766_144


# -- Long -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [pytest.param("lsgan", marks=slow), pytest.param("hinge", marks=slow), "wgan-gp"]
)
def test_three_hundred_steps_of_a_small_generator_stay_finite(kind):
    settings = dataclasses.replace(
        PLAYING,
        reconstruction_steps=100,
        critic_steps=20,
        adversary=AdversaryConfig(kind=kind),
        optim=OptimConfig(lr=1e-3, steps=300),
    )
    _, logs, state = steps(settings, 300, batch_of())
    assert all(np.isfinite(list(figures.values())).all() for figures in logs)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))


@slow
def test_three_hundred_steps_of_the_real_generator_learn_and_stay_finite(real):
    settings = dataclasses.replace(
        TINY, **REAL, reconstruction_steps=200, optim=OptimConfig(lr=3e-3, steps=300)
    )
    _, logs, state = steps(settings, 300, batch_of(size=256))
    assert logs[20]["loss"] < 0.9 * logs[0]["loss"]
    assert all(np.isfinite(list(figures.values())).all() for figures in logs)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))


class Begun:
    """A system whose first state is given."""

    def __init__(self, system):
        self.step, self.phase = system.step, system.phase
        self.init = lambda key: begun(system)


def first_steps(settings, shape, size):
    """The figures of the first steps of all stages on a mesh, one after the other."""
    program = Program(Begun(settings.build()), sharding.make_mesh(*shape), jax.random.key(0))
    state, found = program.init(), []
    for number in range(1, 5):
        placed = program.place(batch_of(4, size))
        assert program.prepare(state, placed, number=number)
        state, logs = program.step(state, placed, number)
        found.append({name: float(value) for name, value in logs.items()})
    return found


def check_devices(settings, shape, size):
    settings = dataclasses.replace(settings, optim=OptimConfig(steps=20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharding, "SMALLEST_SPLIT", 64)
        alone, together = (first_steps(settings, one, size) for one in ((1, 1), shape))
    for one, two in zip(alone, together, strict=True):
        assert two == pytest.approx(one, rel=1e-4, abs=1e-5)


def test_two_devices_do_what_one_does():
    check_devices(PLAYING, (2, 1), 32)


@slow
def test_two_devices_share_the_parameters_of_the_real_generator(real):
    check_devices(dataclasses.replace(PLAYING, **REAL), (1, 2), 256)
