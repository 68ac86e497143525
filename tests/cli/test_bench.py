"""`hueshift bench` measures, and puts each table in its own place."""

import pytest

from hueshift_jax.cli import bench, bench_networks
from hueshift_jax.cli.run import run

NETWORK = {
    "name": "some_network",
    "parameters": 1234567,
    "size": [48, 64],
    "compile_s": 2.0,
    "seconds": 0.5,
    "gflop": 10.0,
    "share": 0.25,
    "product": 80.0,
}
ALONE = {"what": "a layer", "bar": 0.5, "our_ms": 1.0}
BESIDE = ALONE | {"their_ms": 2.0, "ratio": 0.54, "error": 1e-6}


def call(*words):
    """Exit code."""
    return run(bench.main, [str(word) for word in words])


@pytest.fixture
def tables(monkeypatch, tmp_path):
    """What `bench networks` writes if it is told these rows."""

    def written(*rows):
        monkeypatch.setattr(bench_networks, "_rows", lambda *_: iter(rows))
        monkeypatch.setattr(bench_networks, "version", lambda name: "9.9")
        path = tmp_path / "found.md"
        assert call("networks", "--output", path) == 0
        return path.read_text()

    return written


def test_networks(tables):
    text = tables(NETWORK)
    assert "| some_network | 1,234,567 | 48x64 | 500.0 | 10.00 | 20 | 25% | 2 |" in text
    assert "product in the same rounds (80 GFLOP/s)" in text
    assert "Layers" not in text


def test_layers_beside_pytorch(tables):
    text = tables(BESIDE, BESIDE | {"ratio": 0.56})
    assert "| a layer | 1.00 | 2.00 | 0.54 | 0.50 | yes | 1e-06 |" in text
    assert "| a layer | 1.00 | 2.00 | 0.56 | 0.50 | no | 1e-06 |" in text
    assert "Beside PyTorch 9.9" in text


def test_layers_alone(tables):
    text = tables(ALONE | {"their_ms": None, "ratio": None, "error": None})
    assert "| a layer | 1.00 |" in text
    assert text.count("PyTorch") == 1


def test_each_part_has_its_place(tmp_path):
    path = tmp_path / "found.md"
    path.write_text("# Mine\n\nwords\n")
    bench.write(path, "a", ["first"])
    bench.write(path, "b", ["second"])
    bench.write(path, "a", ["third"])
    lines = path.read_text().splitlines()
    assert [line for line in lines if line and "<" not in line] == [
        "# Mine",
        "words",
        "third",
        "second",
    ]


def test_the_list(capsys):
    assert call("--help") == 0
    assert "networks" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "there are road, networks"),
        (("rode",), "there is no benchmark 'rode'"),
        (("networks", "hueshift_encodr"), "did you mean hueshift_encoder"),
    ],
)
def test_what_is_refused(words, message, capsys):
    assert call(*words) == 2 or "did you mean" in message
    assert message in capsys.readouterr().err


def test_a_run_that_fails_is_told(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(bench_networks, "_START", "raise SystemExit(3)")
    assert call("networks", "--output", tmp_path / "found.md") == 2
    assert "exit code 3" in capsys.readouterr().err
    assert not (tmp_path / "found.md").exists()


@pytest.mark.slow
def test_a_network_is_measured(tmp_path):
    path = tmp_path / "found.md"
    words = ("hueshift_discriminator", "--layers", "no", "--rounds", 1)
    assert call("networks", *words, "--output", path) == 0
    assert "| hueshift_discriminator | 1,5" in path.read_text()
