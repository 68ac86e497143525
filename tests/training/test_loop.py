"""The loop with a system of two numbers: what it writes, and that it resumes exactly."""

import json
import signal
import sys
import threading
import time

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax import sharding
from hueshift_jax.contracts import Batch
from hueshift_jax.data.batches import DataConfig
from hueshift_jax.errors import CheckpointError, ConfigError, TrainingError
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig
from hueshift_jax.training import loop, program
from hueshift_jax.training.config import TrainConfig
from hueshift_jax.training.log import Log
from hueshift_jax.training.program import Program
from hueshift_jax.training.screen import Screen


class Walk:
    """A random walk that the batches push."""

    def __init__(self, bad_from=None, silent=False):
        self.bad_from = bad_from
        self.silent = silent

    def init(self, key):
        return {"at": jax.random.normal(key, (3,)), "steps": jnp.zeros((), jnp.int32)}

    def step(self, state, batch, key):
        steps = state["steps"] + 1
        at = state["at"] + 0.1 * jax.random.normal(key, (3,)) + batch.luma.mean()
        loss = jnp.square(at).mean()
        if self.bad_from is not None:
            bad = jnp.where(steps >= self.bad_from, jnp.nan, 0.0)
            loss, at = (loss, at + bad) if self.silent else (loss + bad, at)
        return {"at": at, "steps": steps}, {"loss": loss, "at": jnp.nan_to_num(at[0])}


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


def train(folder, *, system=None, hooks=(), evaluators=(), stop_after=None, **changes):
    folder.mkdir(exist_ok=True)
    made = settings(**changes)
    batches = batches_until(made.steps, stop_after=stop_after)
    return loop.run(
        made, system or Walk(), batches, folder=folder, hooks=hooks, evaluators=evaluators
    )


def lines(folder):
    text = (folder / "log.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=pytest.fail) for line in text]


def without_speed(entries):
    speed = ("pictures_per_s", "input_share", "memory_mib", "peak_share")
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


@pytest.mark.parametrize("name", ["steps", "log_every", "sample_every", "evaluate_every", "keep"])
def test_settings_that_count_are_at_least_one(name):
    with pytest.raises(ConfigError, match=f"{name} is 0, expected at least 1"):
        settings(**{name: 0})


def test_a_state_that_is_not_finite_is_never_saved(tmp_path):
    from hueshift_jax import checkpoint

    system = Walk(bad_from=10, silent=True)
    with pytest.raises(TrainingError, match=r"^at became non-finite between steps \d+ and 10"):
        train(tmp_path, system=system)
    assert checkpoint.Checkpoints(tmp_path / "checkpoints").steps() == [6, 8]


# -- The log of a run that did not end by itself ---------------------------------------------


def test_lines_after_the_restored_step_are_written_anew(tmp_path, whole, capsys):
    """A killed run has logged more than it has saved, and was writing a line."""
    train(tmp_path, steps=4)
    entries = lines(whole[1])
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write("".join(json.dumps(entry) + "\n" for entry in entries[2:4]) + '{"step": 9, "lo')
    capsys.readouterr()
    train(tmp_path)
    assert without_speed(lines(tmp_path)) == without_speed(entries)
    told = capsys.readouterr().out.splitlines()[0]
    assert told == "continues after step 4, with other settings: steps 4 -> 10"


def test_a_log_that_cannot_be_written_does_not_end_the_run(tmp_path, capsys):
    (tmp_path / "log.jsonl").mkdir(parents=True)
    train(tmp_path, steps=2)
    assert "log.jsonl cannot be written" in capsys.readouterr().err


def test_the_share_of_time_spent_waiting_for_pictures(tmp_path):
    log = Log(tmp_path, every=1, screen=Screen())
    time.sleep(0.02)
    log.waited(0.01)
    log.step(1, {"loss": np.float32(1)}, pictures=4)
    (entry,) = lines(tmp_path)
    assert 0.0 < entry["input_share"] < 1.0
    assert entry["memory_mib"] > 1


# -- Stopping --------------------------------------------------------------------------------


def test_sigterm_saves_and_returns(tmp_path, whole, capsys):
    from hueshift_jax import checkpoint

    def batches(start):
        for n, batch in enumerate(batches_until(10)(start), start=start + 1):
            if n == 7:
                signal.raise_signal(signal.SIGTERM)
            yield batch

    before = signal.getsignal(signal.SIGTERM)
    loop.run(settings(save_every_s=3600.0), Walk(), batches, folder=tmp_path)
    assert signal.getsignal(signal.SIGTERM) == before
    assert checkpoint.Checkpoints(tmp_path / "checkpoints").steps() == [7]
    assert capsys.readouterr().out.endswith("stopped after step 7; the same command continues\n")
    assert same(train(tmp_path), whole[0])


@pytest.mark.parametrize("method", ["_compile", "init"])
def test_sigterm_is_served_while_xla_compiles(tmp_path, monkeypatch, method):
    """At a later step what is done is saved; at the first there is nothing to save."""
    train(tmp_path, steps=2)
    slow = threading.Event()

    def compile_slowly(*_):
        threading.Timer(0.3, signal.raise_signal, [signal.SIGTERM]).start()
        slow.wait(60)

    folder = tmp_path if method == "_compile" else tmp_path / "new"
    where = Program if method == "_compile" else Walk
    monkeypatch.setattr(where, method, compile_slowly)
    if method == "init":
        monkeypatch.setattr(jax, "eval_shape", lambda *_: {"at": jnp.zeros(3)})
    train(folder)
    assert program.is_compiling()
    slow.set()
    until = time.monotonic() + 30
    while program.is_compiling() and time.monotonic() < until:
        time.sleep(0.01)
    assert not program.is_compiling()


# -- Saving ----------------------------------------------------------------------------------


def test_a_failed_save_is_told_and_tried_again(tmp_path, whole, monkeypatch, capsys):
    from hueshift_jax import checkpoint

    usual, count = checkpoint.Checkpoints.save, []

    def save(self, step, *args, **kwargs):
        count.append(step)
        if step == 4:
            raise CheckpointError("the state of step 4 cannot be written")
        return usual(self, step, *args, **kwargs)

    monkeypatch.setattr(checkpoint.Checkpoints, "save", save)
    assert same(train(tmp_path), whole[0])
    assert count == [2, 4, 6, 8, 10]
    assert "step 4 cannot be written; training goes on" in capsys.readouterr().err


def test_a_last_save_that_fails_is_an_error(tmp_path, monkeypatch):
    from hueshift_jax import checkpoint

    def save(*_, **__):
        raise CheckpointError("there is no space left")

    monkeypatch.setattr(checkpoint.Checkpoints, "save", save)
    with pytest.raises(CheckpointError, match="no space left"):
        train(tmp_path, steps=2)


# -- Evaluating and showing ------------------------------------------------------------------


def test_evaluators_write_to_the_log_and_tell_the_best(tmp_path):
    from hueshift_jax import checkpoint

    def evaluate(state):
        yield "distance", abs(int(state["steps"]) - 3.0)

    changes = {"evaluate_every": 3, "best": "distance", "keep": 1, "save_every_s": 3600.0}
    train(tmp_path, evaluators=(evaluate,), **changes)
    found = {e["step"]: e["distance"] for e in lines(tmp_path) if "distance" in e}
    assert found == {0: 3.0, 3: 0.0, 6: 3.0, 9: 6.0, 10: 7.0}
    kept = checkpoint.Checkpoints(tmp_path / "checkpoints", best="distance")
    assert (kept.steps(), kept.best_step()) == ([3, 10], 3)


def test_a_run_ends_when_nothing_gets_better(tmp_path, capsys):
    def evaluate(state):
        yield "distance", abs(int(state["steps"]) - 3.0)

    changes = {"evaluate_every": 1, "best": "distance", "patience": 2, "steps": 10}
    train(tmp_path, evaluators=(evaluate,), **changes)
    assert lines(tmp_path)[-1]["step"] == 5
    assert "ended after step 5: no better distance than at step 3" in capsys.readouterr().out
    train(tmp_path, evaluators=(evaluate,), **changes)
    assert lines(tmp_path)[-1]["step"] == 5
    assert "ended after step 5" in capsys.readouterr().out


def test_patience_needs_a_figure(tmp_path):
    with pytest.raises(ConfigError, match="patience is 2, but no figure tells the best"):
        train(tmp_path, patience=2)
    assert not list(tmp_path.iterdir())


def test_a_best_figure_needs_an_evaluator(tmp_path):
    with pytest.raises(ConfigError, match="best is 'psnr', but nothing evaluates"):
        train(tmp_path, best="psnr")
    assert not list(tmp_path.iterdir())


def test_a_best_figure_that_is_not_evaluated_is_told_before_the_first_step(tmp_path):
    with pytest.raises(ConfigError, match="best is 'psnr', but what is evaluated is distance"):
        train(tmp_path, best="psnr", evaluators=(lambda state: iter([("distance", 1.0)]),))
    assert [entry["step"] for entry in lines(tmp_path)] == [0]


def test_what_belongs_to_the_whole_run_is_logged_once(tmp_path):
    """Killed before its first checkpoint, a run begins again, and so does its log."""

    def run(**options):
        evaluators = (lambda state: iter([("distance", 1.0)]),)
        batches = batches_until(4, **options)
        notes = {"gray/psnr": 21.5}
        made = settings(steps=4, evaluate_every=4, save_every_s=3600.0)
        loop.run(made, Walk(), batches, folder=tmp_path, evaluators=evaluators, notes=notes)

    with pytest.raises(KeyboardInterrupt):
        run(stop_after=3)
    run()
    expected = [(0, "gray/psnr"), (0, "distance"), (2, "loss"), (4, "loss"), (4, "distance")]
    assert [(entry["step"], list(entry)[1]) for entry in lines(tmp_path)] == expected


def test_the_share_of_the_peak(tmp_path):
    """A step that XLA counts is set beside what the device can do; evaluations do not count."""
    log = Log(tmp_path, every=1, screen=Screen(), peak_gflops=100.0)
    with log.aside():
        time.sleep(0.3)
    time.sleep(0.02)
    log.step(1, {"loss": np.float32(1)}, pictures=4, gflop=1.0)
    (entry,) = lines(tmp_path)
    seconds = 4 / entry["pictures_per_s"]
    assert 0.02 <= seconds < 0.2
    assert entry["peak_share"] == pytest.approx(1.0 / seconds / 100.0, rel=0.05)


def test_xla_counts_what_a_step_computes():
    class Product(Walk):
        def step(self, state, batch, key):
            big = jnp.full((100, 200), batch.luma.mean())
            product = jax.lax.optimization_barrier(big) @ jax.lax.optimization_barrier(big.T)
            return state, {"loss": product.mean()}

    made = Program(Product(), sharding.make_mesh(1, 1), jax.random.key(0))
    batch = made.place(next(batches_until(1)(0)))
    assert made.prepare(made.init(), batch)
    assert made.gflop(batch) == pytest.approx(2 * 100 * 200 * 100 / 1e9, rel=0.1)


def test_tensorboard_gets_figures_and_pictures(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    picture = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)

    def sheet(step, state):
        path = tmp_path / "samples" / "sheet.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), picture)
        return path

    train(tmp_path, hooks=(sheet,), tensorboard=True, steps=4)
    (written,) = (tmp_path / "tensorboard").iterdir()
    content, events = written.read_bytes(), []
    while content:
        length = int.from_bytes(content[:8], "little")
        events.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    values = [(event.step, value) for event in events for value in event.summary.value]
    assert {(step, v.tag) for step, v in values} >= {(2, "loss"), (4, "loss"), (4, "samples")}
    (image,) = (v.image for _, v in values if v.tag == "samples")
    assert (image.height, image.width) == (8, 12)
    shown = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(shown, picture)


def test_tensorboard_is_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ConfigError, match=r"pip install hueshift-jax\[tensorboard\]"):
        train(tmp_path, tensorboard=True)
