"""Whole runs as processes: killed, told to stop, and several that train together."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from hueshift_jax.checkpoint import Checkpoints
from tests.architecture.source import ROOT

pytestmark = pytest.mark.slow


def kills():
    """The script `benchmarks/kills.py` as a module."""
    spec = importlib.util.spec_from_file_location("kills", ROOT / "benchmarks" / "kills.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def command(folder, steps, *options):
    return [sys.executable, "-m", "tests.training.child", str(folder), str(steps), *options]


def environment(devices=1):
    flag = f"--xla_force_host_platform_device_count={devices}"
    return os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flag}


def start(folder, steps, *options, devices=1):
    return subprocess.Popen(
        command(folder, steps, *options),
        cwd=ROOT,
        env=environment(devices),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process):
    """What a process has printed; it must end well."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


def losses(folder):
    lines = (folder / "log.jsonl").read_text().splitlines()
    return {entry["step"]: entry["loss"] for entry in map(json.loads, lines)}


def wait_for_steps(folder, count):
    log = folder / "log.jsonl"
    until = time.monotonic() + 240
    while time.monotonic() < until:
        if log.is_file() and log.read_text().count("\n") >= count:
            return
        time.sleep(0.02)
    pytest.fail("the run did not begin")


def test_killed_runs_end_as_undisturbed_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "environ", environment())
    monkeypatch.chdir(ROOT)
    script = kills()
    subprocess.run(command(tmp_path / "whole", 60), check=True)
    done = script.kill(command(tmp_path / "killed", 60), tmp_path / "killed", kills=4)
    assert len(done) == 4
    assert any(done), "one of them inside a save"
    script.compare(tmp_path / "whole", tmp_path / "killed")


def test_sigterm_saves_the_last_step_and_ends_well(tmp_path):
    run = start(tmp_path, 5000, "--slow", "0.01", "--save-every", "3600")
    wait_for_steps(tmp_path, 10)
    run.send_signal(signal.SIGTERM)
    told = time.monotonic()
    out = finished(run)
    assert time.monotonic() - told < 20
    (step,) = Checkpoints(tmp_path / "checkpoints").steps()
    assert step == max(losses(tmp_path)) >= 10
    assert f"stopped after step {step}; the same command continues" in out
    assert finished(start(tmp_path, step + 3)).count(f"continues after step {step}") == 1
    assert list(losses(tmp_path)) == list(range(1, step + 4))


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.parametrize("fsdp", ["1", "2"])
def test_two_processes_are_one_with_two_devices(tmp_path, fsdp):
    alone = finished(start(tmp_path / "one", 6, "--fsdp", fsdp, devices=2))
    port = free_port()
    pair = [
        start(
            tmp_path / "two",
            6,
            *("--fsdp", fsdp, "--coordinator", f"127.0.0.1:{port}"),
            *("--process-id", str(n), "--num-processes", "2"),
        )
        for n in range(2)
    ]
    results = [json.loads(finished(process).splitlines()[-1]) for process in pair]
    assert results[0] == results[1]
    expected = json.loads(alone.splitlines()[-1])
    for name, value in results[0].items():
        assert value == pytest.approx(expected[name], rel=1e-5), name
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    np.testing.assert_allclose(list(two.values()), list(one.values()), rtol=1e-5)
    assert Checkpoints(tmp_path / "two" / "checkpoints").steps()[-1] == 6
    # What two processes saved, one goes on with.
    finished(start(tmp_path / "two", 8))
    assert list(losses(tmp_path / "two")) == list(range(1, 9))


def test_sigterm_to_one_of_two_processes_stops_both_at_one_step(tmp_path):
    port = free_port()
    options = ("--slow", "0.05", "--save-every", "3600", "--coordinator", f"127.0.0.1:{port}")
    pair = [
        start(tmp_path, 5000, *options, "--process-id", str(n), "--num-processes", "2")
        for n in range(2)
    ]
    wait_for_steps(tmp_path, 5)
    pair[1].send_signal(signal.SIGTERM)
    told = time.monotonic()
    for process in pair:
        finished(process)
    assert time.monotonic() - told < 20
    (step,) = Checkpoints(tmp_path / "checkpoints").steps()
    assert step == max(losses(tmp_path))
