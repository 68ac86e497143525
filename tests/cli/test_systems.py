"""The table of systems names each as `--system` takes it, however narrow the terminal."""

import json

from hueshift_jax.cli import systems

ROW = {"system": "a_rather_long_name", "what": "words " * 20, "license": "x", "data": "y " * 40}


def test_names_are_whole(monkeypatch, capsys):
    monkeypatch.setattr(systems, "_rows", lambda: [ROW])
    monkeypatch.setenv("COLUMNS", "60")
    assert systems.main([]) == 0
    out = capsys.readouterr().out
    assert ROW["system"] in out
    assert max(map(len, out.splitlines())) <= 60


def test_json(monkeypatch, capsys):
    monkeypatch.setattr(systems, "_rows", lambda: [ROW])
    assert systems.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ROW
