"""A user's PyTorch class beside ours; what goes wrong with it is said."""

import importlib.util
import json

import pytest

from hueshift_jax.cli.run import run
from hueshift_jax.errors import ParityError
from hueshift_jax.parity.baseline import Baseline, paired_ratio

ENCODER = '''
import torch
from layers import layer

class VGGReconstructor(torch.nn.Module):
    """The published feature encoder, written anew."""

    def __init__(self, channels=1, slope=0.0):
        super().__init__()
        widths, counts = (64, 128, 256, 512, 512), (2, 2, 3, 3, 4)
        for place, (width, count) in enumerate(zip(widths, counts), 1):
            parts = []
            for n in range(count):
                parts += layer(channels, width, 2 if n == count - 1 else 1, place + n > 1, slope)
                channels = width
            setattr(self, f"block{place}", torch.nn.Sequential(*parts))

    def forward(self, x):
        for place in range(1, 6):
            x = getattr(self, f"block{place}")(x)
        return {"features": x}
'''
LAYERS = """
from torch import nn

def layer(inputs, outputs, stride, normed, slope):
    norm = [nn.BatchNorm2d(outputs)] if normed else []
    return [nn.Conv2d(inputs, outputs, 3, stride, 1), *norm, nn.LeakyReLU(slope)]
"""


@pytest.fixture
def encoder(tmp_path):
    (tmp_path / "layers.py").write_text(LAYERS)
    (tmp_path / "encoder.py").write_text(ENCODER)
    return tmp_path / "encoder.py"


def parity(*words):
    """Exit code of `hueshift parity`."""
    from hueshift_jax.cli import parity as command

    return run(command.main, [str(word) for word in words])


@pytest.mark.torch
def test_the_same_network_agrees(encoder, capsys):
    code = parity("hueshift_encoder", "--torch", f"{encoder}:VGGReconstructor", "--size", "64x48")
    told = capsys.readouterr()
    assert code == 0, told.out + told.err
    assert "parameters                17,082,688 here, 17,082,688 there" in told.out
    for line in ("output 0", "gradient by input 0", "gradient by parameters", "time"):
        assert line in told.out


@pytest.mark.torch
def test_another_network_does_not(encoder, capsys):
    words = ("--torch", f"{encoder}:VGGReconstructor", "--torch-args", json.dumps({"slope": 0.2}))
    assert parity("hueshift_encoder", *words, "--size", "32x32") == 1
    assert "<-- beyond" in capsys.readouterr().out


@pytest.mark.torch
def test_weights_of_a_checkpoint(encoder, tmp_path, capsys):
    import torch

    network, _ = Baseline(encoder, "VGGReconstructor").load(seed=7)
    torch.save({"state_dict": network.state_dict()}, tmp_path / "it.pth")
    words = ("--torch", f"{encoder}:VGGReconstructor", "--checkpoint", tmp_path / "it.pth")
    assert parity("hueshift_encoder", *words, "--size", "32x32") == 0
    loaded, _ = Baseline(encoder, "VGGReconstructor").load(tmp_path / "it.pth")
    assert torch.equal(loaded.block1[0].weight, network.block1[0].weight)
    torch.save({"state_dict": {"block1.0.weight": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(ParityError, match="does not fit the baseline"):
        Baseline(encoder, "VGGReconstructor").load(tmp_path / "other.pth")


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Other", {}, "has no class Other"),
        ("VGGReconstructor", {"width": 3}, "cannot be made with"),
        ("VGGReconstructor", [1, 2, 3], "cannot be made with"),
    ],
)
def test_what_cannot_be_made(encoder, name, arguments, message):
    with pytest.raises(ParityError, match=message):
        Baseline(encoder, name, arguments).load()


@pytest.mark.torch
def test_what_cannot_be_imported(tmp_path):
    with pytest.raises(ParityError, match="is no Python file"):
        Baseline(tmp_path / "missing.py", "It").load()
    (tmp_path / "broken.py").write_text("import nothing_of_that_name")
    with pytest.raises(ParityError, match="cannot be imported: No module named 'nothing_of_that"):
        Baseline(tmp_path / "broken.py", "It").load()


@pytest.mark.torch
def test_arguments_in_order(encoder):
    assert Baseline(encoder, "VGGReconstructor", [1, 0.2]).load()[1] == {
        "channels": 1,
        "slope": 0.2,
    }


def test_without_pytorch(encoder, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert parity("hueshift_encoder", "--torch", f"{encoder}:VGGReconstructor") == 1
    assert "PyTorch is not installed" in capsys.readouterr().err


def test_ratios_are_of_pairs():
    from time import sleep

    assert paired_ratio(lambda: sleep(0.02), lambda: sleep(0.01), rounds=3) > 1.2
