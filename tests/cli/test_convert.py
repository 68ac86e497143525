"""`hueshift convert`: one sentence for everything that goes wrong, and nothing half-written."""

import os
import pickle

import numpy as np
import pytest

from hueshift_jax import checkpoint
from hueshift_jax.cli import run
from hueshift_jax.interop import networks
from hueshift_jax.interop.torch_archive import archive
from tests.interop import checkpoints

ARGS = '{"fires": [1, 1, 1, 1, 1, 1, 1, 1], "stem": 2, "num_classes": 3}'
OPTIONS = ("--network", "squeezenet", "--args", ARGS)


@pytest.fixture(scope="module")
def tensors():
    published = networks.network("squeezenet")
    shapes = published.shapes({"fires": [1] * 8, "stem": 2, "num_classes": 3})
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(s).astype(np.float32) for name, s in shapes.items()}


@pytest.fixture
def folder(tmp_path, tensors, monkeypatch):
    (tmp_path / "in.pth").write_bytes(archive(tensors))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def convert(*argv):
    return run.run(run.dispatch, ["convert", *argv])


def assert_fails(capsys, code, message, *argv):
    """The exit code, one sentence, no file beside those that were there."""
    before = sorted(os.listdir())
    assert convert(*argv) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert sorted(os.listdir()) == before


def test_there_and_back(folder, tensors, capsys):
    assert convert("in.pth", "out.safetensors", *OPTIONS) == 0
    assert "squeezenet, 52 tensors" in capsys.readouterr().out
    assert convert("out.safetensors", "back.pth") == 0
    assert (folder / "back.pth").read_bytes() != b""
    assert convert("back.pth", "again.safetensors", *OPTIONS, "--published") == 0
    found, _ = checkpoint.load_weights("again.safetensors")
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        np.testing.assert_array_equal(found[name], value)
    assert sorted(os.listdir()) == ["again.safetensors", "back.pth", "in.pth", "out.safetensors"]


def test_what_was_taken_is_told(folder, tensors, capsys):
    wrapped = {f"module.{name}": value for name, value in tensors.items()}
    tree = {name: checkpoints.tensor(n, v) for n, (name, v) in enumerate(wrapped.items())}
    checkpoints.write_legacy(folder / "in.pth", {"params": tree, "params_ema": tree})
    assert convert("in.pth", "out.safetensors", *OPTIONS) == 0
    out = capsys.readouterr().out
    assert "from in.pth, entry params, without the prefix module." in out
    assert "others that fit: params_ema; choose with --key" in out


def test_an_existing_file_stays(folder, capsys):
    (folder / "out.safetensors").write_bytes(b"mine")
    message = "out.safetensors exists; add --overwrite to replace it"
    assert_fails(capsys, 2, message, "in.pth", "out.safetensors", *OPTIONS)
    assert (folder / "out.safetensors").read_bytes() == b"mine"
    assert convert("in.pth", "out.safetensors", *OPTIONS, "--overwrite") == 0
    assert (folder / "out.safetensors").stat().st_size > 1000


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (("missing.pth", "o.pth", *OPTIONS), 1, "missing.pth cannot be read: No such file"),
        (("missing.safetensors", "o.pth"), 1, "there is no weights file missing.safetensors"),
        (("in.txt", "o.pth", *OPTIONS), 1, "in.txt has no suffix of a weights file"),
        (("in.pth", "o.txt", *OPTIONS), 1, "o.txt cannot be written; known are .safetensors"),
        (("in.pth", "no/o.pth", *OPTIONS), 1, "no/o.pth cannot be written: No such file"),
        (("in.pth", "o.pth"), 1, "in.pth does not say which network it belongs to; name it"),
        (("in.pth", "o.pth", "--network", "squeeze"), 1, "did you mean squeezenet"),
        (("in.pth", "o.pth", "--network", "conv_lstm"), 1, "no tensor of the file is called"),
        (("in.pth", "o.pth", "--network", "squeezenet"), 1, "52 misshapen: "),
        (("in.pth", "o.pth", *OPTIONS, "--key", "ema"), 1, "has no tensors under 'ema'"),
        (("in.pth", "o.pth", *OPTIONS, "--prefix", "net."), 1, "found none ..., expected"),
        (("in.pth", "o.pth", "--network", "x", "--args", "{"), 2, "--args is no JSON"),
        (("in.pth", "o.pth", "--network", "x", "--args", "[3]"), 2, "expected a JSON object"),
    ],
)
def test_what_cannot_be_converted(folder, capsys, argv, code, message):
    assert_fails(capsys, code, message, *argv)


def test_all_misshapen_tensors_are_named(folder, tensors, capsys):
    assert convert("in.pth", "o.pth", "--network", "squeezenet") == 1
    error = capsys.readouterr().err
    assert all(name in error for name in tensors)


class Payload:
    """What an attacker would pickle."""

    def __reduce__(self):
        return os.system, ("touch proof",)


def write_pickled(path, tree):
    """A bare pickle with a suffix of ours."""
    del tree
    path.write_bytes(pickle.dumps(Payload()))


@pytest.mark.parametrize("write", [*checkpoints.WRITERS.values(), write_pickled])
def test_a_malicious_checkpoint_is_not_run(folder, capsys, write, tensors):
    call = checkpoints.Call(checkpoints.Name("os", "system"), "touch proof")
    tree = {name: checkpoints.tensor(n, v) for n, (name, v) in enumerate(tensors.items())}
    write(folder / "in.pth", {"state_dict": tree, "callback": call})
    assert_fails(capsys, 1, "refused", "in.pth", "out.safetensors", *OPTIONS)
    assert not (folder / "proof").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".h5"])
def test_damaged_files(folder, capsys, suffix):
    path = folder / f"damaged{suffix}"
    path.write_bytes((folder / "in.pth").read_bytes()[:1000])
    assert_fails(capsys, 1, "", path.name, "out.safetensors", *OPTIONS)


@pytest.mark.torch
def test_pytorch_reads_what_is_written(folder, tensors):
    torch = pytest.importorskip("torch")
    assert convert("in.pth", "out.safetensors", *OPTIONS) == 0
    assert convert("out.safetensors", "back.pth") == 0
    found = torch.load("back.pth", weights_only=True)
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        np.testing.assert_array_equal(found[name].numpy(), value)


@pytest.mark.torch
@pytest.mark.parametrize("zipped", [True, False])
def test_what_pytorch_writes_is_read(folder, tensors, zipped):
    torch = pytest.importorskip("torch")
    halves = {f"module.{n}": torch.tensor(v).bfloat16() for n, v in tensors.items()}
    content = {"state_dict": halves, "epoch": 3, "best": np.float64(0.5), "size": torch.Size([2])}
    torch.save(content, "in.pth", _use_new_zipfile_serialization=zipped)
    assert convert("in.pth", "out.safetensors", *OPTIONS, "--published") == 0
    found, _ = checkpoint.load_weights("out.safetensors")
    for name, value in halves.items():
        np.testing.assert_array_equal(found[name.removeprefix("module.")], value.float().numpy())
