"""`hueshift pack` packs, goes on, verifies, and refuses in one sentence."""

import pytest

from hueshift_jax.cli import pack
from hueshift_jax.cli.run import run
from tests.data.pictures import encoded, picture


def call(*words):
    """Exit code."""
    return run(pack.main, [str(word) for word in words])


@pytest.fixture
def source(tmp_path):
    (tmp_path / "in").mkdir()
    for n in range(5):
        (tmp_path / "in" / f"{n}.png").write_bytes(encoded(picture(n)))
    return tmp_path / "in"


def test_pack_again_and_verify(source, tmp_path, capsys):
    out = tmp_path / "out"
    assert call(source, out, "--short-side", 16, "--per-shard", 2, "--workers", 1) == 0
    assert "5 records in 3 shards, 3 of them new, 0 skipped" in capsys.readouterr().out
    assert call(source, out, "--short-side", 16, "--per-shard", 2, "--workers", 1) == 0
    assert "0 of them new" in capsys.readouterr().out
    assert call(out, "--verify") == 0
    assert "no problems" in capsys.readouterr().out
    (out / "shard-00001.array_record").unlink()
    assert call(out, "--verify") == 1
    assert "shard-00001.array_record is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("SOURCE",), "say where to"),
        (("SOURCE", "out", "--verify"), "--verify takes one"),
        (("nowhere", "out"), "there is no folder"),
        (("SOURCE", "out", "--quality", "0"), "quality is 0"),
    ],
)
def test_what_is_refused(words, message, source, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(*(source if word == "SOURCE" else word for word in words)) != 0
    assert message in capsys.readouterr().err
