"""The loop with a system of two numbers: what it writes, and that it resumes exactly."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.contracts import Batch
from hueshift_jax.data.batches import DataConfig
from hueshift_jax.errors import ConfigError, TrainingError
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig
from hueshift_jax.training import loop
from hueshift_jax.training.config import TrainConfig


class Walk:
    """A random walk that the batches push."""

    def __init__(self, bad_from=None):
        self.bad_from = bad_from

    def init(self, key):
        return {"at": jax.random.normal(key, (3,)), "steps": jnp.zeros((), jnp.int32)}

    def step(self, state, batch, key):
        steps = state["steps"] + 1
        at = state["at"] + 0.1 * jax.random.normal(key, (3,)) + batch.luma.mean()
        loss = jnp.square(at).mean()
        if self.bad_from is not None:
            loss = jnp.where(steps >= self.bad_from, jnp.nan, loss)
        return {"at": at, "steps": steps}, {"loss": loss, "at": at[0]}


def batches_until(steps, *, stop_after=None):
    """The batches of a run; stopping means that someone pressed Ctrl-C."""

    def batches(start):
        for n in range(start, steps):
            if n == stop_after:
                raise KeyboardInterrupt
            yield Batch(np.full((2, 4, 4), n / 10, np.float32), np.zeros((2, 1, 1, 3), np.uint8))

    return batches


def settings(**changes):
    usual = {"steps": 10, "log_every": 2, "save_every_s": 0.0, "sample_every": 4}
    return TrainConfig(system=HueShiftGanConfig(), data=DataConfig(), **(usual | changes))


def train(folder, *, system=None, hooks=(), stop_after=None, **changes):
    folder.mkdir(exist_ok=True)
    made = settings(**changes)
    batches = batches_until(made.steps, stop_after=stop_after)
    return loop.run(made, system or Walk(), batches, folder=folder, hooks=hooks)


def lines(folder):
    text = (folder / "log.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=pytest.fail) for line in text]


def without_speed(entries):
    speed = ("pictures_per_s", "input_share", "memory_mib")
    return [{k: v for k, v in e.items() if k not in speed} for e in entries]


def same(first, second):
    return jax.tree.all(jax.tree.map(lambda a, b: np.array_equal(a, b), first, second))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The state and the folder of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return train(folder), folder


def test_logs_are_means_between_two_lines(whole):
    _, folder = whole
    entries = lines(folder)
    assert [entry["step"] for entry in entries] == [2, 4, 6, 8, 10]
    assert all(entry["pictures_per_s"] > 0 for entry in entries)
    key = jax.random.key(0)
    system, state, losses = Walk(), Walk().init(key), []
    for n, batch in enumerate(batches_until(4)(0), start=1):
        state, logs = system.step(state, batch, jax.random.fold_in(key, n))
        losses.append(float(logs["loss"]))
    assert entries[0]["loss"] == pytest.approx(np.mean(losses[:2]), rel=1e-6)
    assert entries[1]["loss"] == pytest.approx(np.mean(losses[2:]), rel=1e-6)


def test_progress_is_printed(tmp_path, capsys):
    train(tmp_path, steps=2)
    assert capsys.readouterr().out.startswith("step 2  loss ")


@pytest.mark.parametrize("stop_after", [0, 1, 5, 8])
def test_a_resumed_run_ends_bit_for_bit_as_an_uninterrupted_one(tmp_path, whole, stop_after):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop_after=stop_after)
    state = train(tmp_path)
    assert same(state, whole[0])
    assert without_speed(lines(tmp_path)) == without_speed(lines(whole[1]))


def test_a_finished_run_does_nothing_more(whole):
    state, folder = whole
    before = lines(folder)
    assert same(train(folder, hooks=(pytest.fail,)), state)
    assert lines(folder) == before


def test_a_longer_run_goes_on_from_a_finished_one(tmp_path, whole):
    train(tmp_path, steps=5)
    assert same(train(tmp_path), whole[0])


def test_another_seed_is_another_run(tmp_path, whole):
    assert not same(train(tmp_path, seed=1), whole[0])


def test_hooks_see_every_so_many_steps_and_the_last(tmp_path):
    seen = []
    train(tmp_path, hooks=(lambda step, state: seen.append((step, int(state["steps"]))),))
    assert seen == [(4, 4), (8, 8), (10, 10)]


def test_few_checkpoints_stay_and_carry_the_configuration(whole):
    from hueshift_jax import checkpoint, config

    state, folder = whole
    keeper = checkpoint.Checkpoints(folder / "checkpoints")
    assert keeper.steps() == [8, 10]
    assert config.from_json(keeper.restore(state).config) == settings()


def test_checkpoints_wait_for_their_time(tmp_path):
    from hueshift_jax import checkpoint

    train(tmp_path, save_every_s=3600.0)
    assert checkpoint.Checkpoints(tmp_path / "checkpoints").steps() == [10]


def test_a_figure_that_is_not_finite_stops_the_run(tmp_path):
    from hueshift_jax import checkpoint

    with pytest.raises(TrainingError, match=r"^loss became non-finite between steps 4 and 6"):
        train(tmp_path, system=Walk(bad_from=6))
    assert checkpoint.Checkpoints(tmp_path / "checkpoints").steps() == [2, 4]
    assert lines(tmp_path)[-1]["loss"] is None


def test_the_last_steps_are_logged_and_checked_too(tmp_path):
    from hueshift_jax import checkpoint

    with pytest.raises(TrainingError, match=r"between steps 4 and 5"):
        train(tmp_path, system=Walk(bad_from=5), steps=5)
    assert checkpoint.Checkpoints(tmp_path / "checkpoints").steps() == [2, 4]
    assert [entry["step"] for entry in lines(tmp_path)] == [2, 4, 5]


@pytest.mark.parametrize("name", ["steps", "log_every", "sample_every", "keep"])
def test_settings_that_count_are_at_least_one(name):
    with pytest.raises(ConfigError, match=f"{name} is 0, expected at least 1"):
        settings(**{name: 0})
