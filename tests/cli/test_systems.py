"""The table of systems: names are whole, and the README's is the generated one."""

import json
from pathlib import Path

import pytest

from hueshift_jax.cli import bench_road, systems
from hueshift_jax.cli.run import run
from hueshift_jax.systems import SYSTEMS, measured

README = Path(__file__).parents[2] / "README.md"
ROW = {"system": "a_rather_long_name", "what": "words " * 20, "license": "x", "data": "y " * 40}


def test_names_are_whole(monkeypatch, capsys):
    monkeypatch.setattr(systems, "_rows", lambda here: [ROW])
    monkeypatch.setenv("COLUMNS", "60")
    assert systems.main([]) == 0
    out = capsys.readouterr().out
    assert ROW["system"] in out
    assert max(map(len, out.splitlines())) <= 60


def test_json(monkeypatch, capsys):
    monkeypatch.setattr(systems, "_rows", lambda here: [ROW])
    assert systems.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ROW


def test_the_table_in_the_readme_is_the_generated_one():
    """Otherwise: `hueshift systems --readme README.md`."""
    part = README.read_text(encoding="utf-8").partition("<!-- systems: begin -->\n")[2]
    assert part.partition("\n<!-- systems: end -->")[0] == "\n".join(systems.markdown())


def test_the_table_has_every_system_and_the_references():
    lines = systems.markdown()
    for name in (*SYSTEMS, "gray", "training-mean ab", "own-mean ab (oracle)", "truth"):
        assert any(line.startswith((f"| {name} |", f"| **{name}**:")) for line in lines)
    table = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert "| truth | 0.00 | - | 1.00 |" in "\n".join(lines)


def test_scores_of_other_weights_are_not_shown(monkeypatch, tmp_path):
    stored = json.loads(measured.PATH.read_text())
    for quality in stored["systems"].values():
        quality["weights"] = "others"
    stored["speeds"] = {}
    path = tmp_path / "m.json"
    path.write_text(json.dumps(stored))
    record = measured.load(path)
    monkeypatch.setattr(measured, "load", lambda: record)
    row = systems._rows(here=False)[0]
    assert row["quality"] == row["frames/s"] == "not measured"
    (line,) = (line for line in systems.markdown() if line.startswith("| **hueshift_gan**"))
    assert "| - | - | - | - |" in line


def test_speed_here(monkeypatch):
    monkeypatch.setattr(bench_road, "speed", lambda name, **options: 12.34)
    row = systems._rows(here=True)[0]
    assert row["frames/s here"] == "12.3"
    assert "gray" in row["quality"]
    assert row["license"] == "Apache-2.0"
    assert row["MB"] > 1.0


def test_a_file_is_renewed(tmp_path, capsys):
    path = tmp_path / "R.md"
    path.write_text("before\n<!-- systems: begin -->\nold\n<!-- systems: end -->\nafter\n")
    assert systems.main(["--readme", str(path)]) == 0
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "hueshift_gan" in text


def test_no_such_file(tmp_path, capsys):
    assert run(systems.main, ["--readme", str(tmp_path / "no.md")]) == 2
    assert "there is no file" in capsys.readouterr().err


@pytest.mark.parametrize("name", list(SYSTEMS))
def test_license_and_data_terms_are_named(name):
    assert SYSTEMS[name].license
    assert SYSTEMS[name].data_terms
