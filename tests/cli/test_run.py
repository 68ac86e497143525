"""Sub-commands are found, and every error becomes one sentence and an exit code."""

import errno
import importlib.util
import os
import subprocess
import sys

import pytest

import hueshift_jax
from hueshift_jax import errors
from hueshift_jax.cli import run
from tests.architecture import source


def failing(exc):
    def command(argv):
        raise exc

    return command


@pytest.mark.parametrize("kind", [errors.ConfigError, errors.UnreadableMediaError])
def test_our_errors(kind, capsys):
    assert run.run(failing(kind("found this,\n expected that")), []) == kind.exit_code
    assert capsys.readouterr() == ("", "error: found this, expected that\n")


@pytest.mark.parametrize(
    ("exc", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "not enough memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: out of memory"), 1, "not enough memory"),
        (OSError(errno.ENOSPC, "No space", "a.mp4"), 1, "no space left on the disk for a.mp4"),
        (OSError(errno.ENOSPC, "No space"), 1, "no space left on the disk\n"),
        (ZeroDivisionError("oh"), 1, "unexpected ZeroDivisionError: oh (run again with --debug"),
        (PermissionError(errno.EACCES, "denied", "x"), 1, "unexpected PermissionError"),
    ],
)
def test_other_errors(exc, code, message, capsys):
    assert run.run(failing(exc), []) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("code", "expected"), [(None, 0), (0, 0), (2, 2), ("bad", 1)])
def test_exits_of_a_command_become_codes(code, expected, capsys):
    assert run.run(failing(SystemExit(code)), []) == expected
    assert capsys.readouterr().err == ("error: bad\n" if code == "bad" else "")


@pytest.mark.parametrize("returned", [0, None, 1])
def test_return_values(returned):
    assert run.run(lambda argv: returned, []) == (returned or 0)


@pytest.mark.parametrize("argv", [["--debug", "x"], ["x", "--debug"]])
def test_debug_shows_the_traceback_and_is_taken_out(argv, capsys):
    seen = []

    def command(argv):
        seen.append(argv)
        raise errors.UsageError("no")

    assert run.run(command, argv) == 2
    assert seen == [["x"]]
    assert "Traceback" in capsys.readouterr().err


def test_debug_after_two_hyphens_is_a_name():
    seen = []
    run.run(seen.append, ["--", "--debug"])
    assert seen == [["--", "--debug"]]


@pytest.mark.parametrize("name", ["--help", "-h", "help"])
def test_help(name, capsys):
    assert run.dispatch([name]) == 0
    assert all(command in capsys.readouterr().out for command in ["colorize"])


def test_no_command_is_a_usage_error(capsys):
    assert run.dispatch([]) == 2
    assert "usage: hueshift COMMAND" in capsys.readouterr().out


def test_version(capsys):
    assert run.dispatch(["--version"]) == 0
    assert capsys.readouterr().out == f"hueshift {hueshift_jax.__version__}\n"


@pytest.mark.parametrize(
    ("name", "message"), [("colourize", "did you mean colorize"), ("zzz", "there are colorize")]
)
def test_unknown_command(name, message):
    with pytest.raises(errors.UsageError, match=message):
        run.dispatch([name])


@pytest.mark.parametrize("name", run.COMMANDS)
def test_every_listed_command_exists(name):
    assert importlib.util.find_spec(f"hueshift_jax.cli.{name}")


def test_dispatch_passes_the_rest(monkeypatch):
    seen = []
    monkeypatch.setattr(run.importlib, "import_module", lambda name: _module(name, seen))
    assert run.dispatch(["systems", "--json"]) == 5
    assert seen == [("hueshift_jax.cli.systems", ["--json"])]


def _module(name, seen):
    def main(argv):
        seen.append((name, list(argv)))
        return 5

    return type("Module", (), {"main": staticmethod(main)})


def test_main_reads_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["hueshift", "trian"])
    assert run.main() == 2
    assert "did you mean train" in capsys.readouterr().err


def test_train_py_is_hueshift_train():
    done = subprocess.run(
        [sys.executable, "train.py", "--help"],
        cwd=source.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout


def test_a_reader_that_leaves_is_no_error():
    command = (
        "import sys; from hueshift_jax.cli.run import run; "
        "sys.exit(run(lambda argv: print('x' * 10**6), []))"
    )
    done = subprocess.run(
        [sys.executable, "-c", command + "\n"],
        cwd=source.ROOT,
        stdout=_closed_pipe(),
        stderr=subprocess.PIPE,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (1, b"")


def _closed_pipe():
    read, write = os.pipe()
    os.close(read)
    return write
