"""The default system's second half: the critics alone, then the game."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax import checkpoint
from hueshift_jax.contracts import Phased
from hueshift_jax.errors import ConfigError
from hueshift_jax.systems import saliency_game
from hueshift_jax.systems.adversary import AdversaryConfig
from hueshift_jax.systems.hueshift_gan import OptimConfig
from hueshift_jax.systems.saliency_game import GameConfig
from tests.systems import tiny

GAME = GameConfig(
    weight=0.1,
    attention_weight=0.5,
    saliency_weight=0.1,
    perceptual_weight=0.2,
    begins_after=2,
    critic_steps=2,
    lr=2e-3,
    encoder_lr=5e-4,
    width=4,
)
CONFIG = dataclasses.replace(tiny.CONFIG, game=GAME)


def bright(luma):
    """Stands for `pfan`: what is bright is salient."""
    return luma[:, ::2, ::2]


class Plain:
    """Stands for the perceptual network: pictures are compared as they are."""

    def __init__(self, network):
        self.network = network

    def distance(self, srgb, truth):
        return jnp.mean(jnp.abs(srgb - truth))


@pytest.fixture(scope="module", autouse=True)
def small_networks():
    with tiny.small_and_quick(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(saliency_game, "load_detector", lambda: bright)
        patch.setattr(saliency_game, "Perceptual", Plain)
        yield


def played(system, steps):
    """States by step, and logs."""
    state, states, logs = tiny.initial(system), [], []
    for n in range(steps):
        states.append(jax.tree.map(np.array, state))
        state, figures = system.step(state, tiny.batch(), jax.random.key(n), system.phase(n))
        logs.append({name: float(value) for name, value in figures.items()})
    return [*states, jax.tree.map(np.array, state)], logs


@pytest.fixture(scope="module")
def system(small_networks):
    return CONFIG.build()


@pytest.fixture(scope="module")
def run(system):
    """A game of some steps and its reconstruction before."""
    return played(system, 24)


def same(first, second):
    return jax.tree.all(jax.tree.map(np.array_equal, first, second))


def test_phases(system):
    assert isinstance(system, Phased)
    assert [system.phase(n) for n in range(6)] == [0, 0, 1, 1, 2, 2]
    assert tiny.CONFIG.build().phase(1000) == 0


def test_each_phase_moves_what_it_is_to_move(run):
    states, _ = run
    for before, after, phase in zip(states[:-1], states[1:], (0, 0, 1, 1, 2, 2)):
        assert same(before.critics, after.critics) == (phase == 0)
        assert same(before.ema, after.ema) == (phase == 1)
        assert same(before.optimizer, after.optimizer) == (phase == 1)


def test_the_game_begins_with_the_average(run):
    states, _ = run
    assert same(states[3].params | states[3].stats, states[2].ema)


def test_the_loss_of_a_game_is_the_sum_of_its_parts(run):
    figures = run[1][-1]
    weights = {
        "huber": 0.3,
        "log_mse": 0.5,
        "bins": 0.05,
        "attention": 0.5,
        "saliency": 0.1,
        "perceptual": 0.2,
        "color_game": 0.1,
        "attention_game": 0.1,
    }
    expected = sum(weight * figures[name] for name, weight in weights.items())
    assert figures["loss"] == pytest.approx(expected, rel=1e-4)


def test_twenty_steps_of_the_game_lower_the_reconstruction_losses(run):
    first, *_, last = run[1][4:]
    assert last["huber"] <= 0.9 * first["huber"]
    assert last["saliency"] < first["saliency"]
    assert np.isfinite([value for entry in run[1] for value in entry.values()]).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lsgan", "hinge", "wgan-gp"])
def test_three_hundred_steps_stay_finite(kind):
    game = dataclasses.replace(
        GAME, begins_after=20, critic_steps=20, adversary=AdversaryConfig(kind=kind)
    )
    states, logs = played(dataclasses.replace(CONFIG, game=game).build(), 300)
    assert np.isfinite([value for entry in logs for value in entry.values()]).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(states[-1]))


def test_one_device_and_two(monkeypatch):
    class Begun:
        """A system whose first state is given, in the game at once."""

        def __init__(self):
            game = dataclasses.replace(GAME, lr=1e-4, encoder_lr=2e-5)
            optim = OptimConfig(warmup=20)
            self._system = dataclasses.replace(CONFIG, game=game, optim=optim).build()
            self.init = lambda key: tiny.initial(self._system)

        def step(self, state, batch, key):
            return self._system.step(state, batch, key, 2)

    batches = [tiny.batch(n, count=8) for n in range(3)]
    alone, together = (tiny.first_steps(Begun(), (n, 1), batches)[0] for n in (1, 2))
    for name, values in together.items():
        np.testing.assert_allclose(values, alone[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_views_of_the_critics():
    game = saliency_game.SaliencyGame(GAME)
    luma = jnp.asarray(tiny.batch().luma)
    saliency = game.saliency(luma)
    assert saliency.shape == (4, 16, 16)
    views = game.views(luma, jnp.full((4, 16, 16, 2), 32.0), saliency)
    assert {name: view[1].shape for name, view in views.items()} == {
        "color": (4, 64, 64, 2),
        "attention": (4, 64, 64, 2),
    }
    np.testing.assert_allclose(views["color"][1], 1.0)
    assert float(views["attention"][1].max()) < 1.0


def test_weights_from_before_there_was_a_saliency_head():
    system = tiny.CONFIG.build()
    weights = {
        name: np.asarray(value)
        for name, value in system.weights(tiny.initial(system)).items()
        if not name.startswith("saliency.")
    }
    colorizer = system.colorizer_from(weights)
    found = colorizer.saliency(jnp.asarray(tiny.batch().luma))
    np.testing.assert_array_equal(found, np.full((4, 16, 16), 0.5, np.float32))


def test_a_game_survives_a_checkpoint(system, run, tmp_path):
    kept = checkpoint.Checkpoints(tmp_path)
    kept.save(24, run[0][-1], "{}")
    restored = kept.restore(jax.eval_shape(lambda: tiny.initial(system)))
    assert same(restored.state, run[0][-1])
    kept.close()


def test_coloring_needs_none_of_the_judges(monkeypatch):
    def absent(*_):
        raise AssertionError("it was read")

    monkeypatch.setattr(saliency_game, "load_detector", absent)
    monkeypatch.setattr(saliency_game, "Perceptual", absent)
    system = dataclasses.replace(CONFIG, short_side=32).build()
    shapes = system.network.params | system.network.stats
    colorizer = system.colorizer_from({n: np.zeros(x.shape, x.dtype) for n, x in shapes.items()})
    assert colorizer.working_size(32, 32) == (32, 32)
    with pytest.raises(AssertionError, match="it was read"):
        system.init(jax.random.key(0))


def test_a_schedule_that_cannot_be():
    with pytest.raises(ConfigError, match="critics have to see first"):
        GameConfig(begins_after=5, critic_steps=0)
    with pytest.raises(ConfigError, match="numbers of steps"):
        GameConfig(critic_steps=-1)
