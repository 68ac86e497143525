"""`hueshift parity` says what agrees, and refuses what it cannot do in one sentence."""

from pathlib import Path

import pytest

from hueshift_jax.cli import parity
from hueshift_jax.cli.run import run

GOLDEN = Path(__file__).parents[1] / "golden"


def call(*words):
    """Exit code."""
    return run(parity.main, [str(word) for word in words])


def test_references(capsys):
    assert call("colour_srgb_lab", "--golden", GOLDEN) == 0
    told = capsys.readouterr().out
    assert "colour_srgb_lab" in told
    assert "passed" in told
    assert told.endswith("1 passed\n")


def test_a_file_is_known_by_its_key_too(tmp_path):
    (tmp_path / "another.npz").write_bytes((GOLDEN / "colour_srgb_lab.npz").read_bytes())
    assert call("all", "--golden", tmp_path) == 0


def test_the_list(capsys):
    assert call("networks") == 0
    assert "hueshift_generator" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("all",), "say what to compare with"),
        (("all", "--golden", "nowhere"), "holds no reference files"),
        (("a", "b", "--torch", "x.py:Y"), "--torch takes one network"),
        (("a", "--golden", "g", "--torch", "x.py:Y"), "--torch takes one network"),
        (("hueshift_encodr", "--torch", "x.py:Y"), "did you mean hueshift_encoder"),
        (("hueshift_encoder", "--torch", "x.py"), "expected FILE.py:CLASS"),
        (("hueshift_encoder", "--torch", "x.py:Y", "--torch-args", "{"), "no JSON"),
        (("hueshift_encoder", "--torch", "x.py:Y", "--torch-args", "3"), "object or a list"),
        (("hueshift_encoder", "--torch", "x.py:Y", "--size", "3"), "is no size"),
    ],
)
def test_what_is_refused(words, message, capsys):
    assert call(*words) != 0
    assert message in capsys.readouterr().err
