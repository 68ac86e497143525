"""The report says what there is, and fails if something is missing."""

import importlib.metadata

import pytest

from hueshift_jax.cli import doctor


def test_report(capsys):
    assert doctor.main([]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows["jax"] == importlib.metadata.version("jax")
    assert rows["devices"].startswith("8 x cpu")
    assert "because JAX_PLATFORMS is cpu" in rows["used"]
    assert "(writable)" in rows["temporary"]


def test_a_missing_package_is_said_and_fails(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "PACKAGES", ("jax", "not-a-package"))
    assert doctor.main([]) == 1
    assert "MISSING: install the package again" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("used", "asked", "reason"),
    [
        ("cpu", "cpu", "JAX_PLATFORMS is cpu"),
        ("cpu", None, "no accelerator"),
        ("gpu", None, "prefers an accelerator"),
    ],
)
def test_reason(used, asked, reason):
    assert reason in doctor._reason(used, asked)


def test_writable(tmp_path, monkeypatch):
    assert doctor._writable(tmp_path / "new" / "deep").endswith("deep (writable)")
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    assert doctor._writable(tmp_path).endswith("(NOT writable)")
