"""Checkpoints of every age of the autoencoder are read."""

import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ConversionError
from hueshift_jax.interop import dlvc

ARGS = {"block_out_channels": [2, 2, 4, 4], "layers_per_block": 1, "norm_num_groups": 2}
SECOND = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
FIRST = (
    ("mid_block.attentions.0.group_norm", "mid.attn_1.norm"),
    ("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out"),
    ("mid_block.attentions.0.to_", "mid.attn_1."),
    ("mid_block.resnets.0", "mid.block_1"),
    ("mid_block.resnets.1", "mid.block_2"),
    *((f"up_blocks.{n}", f"up.{3 - n}") for n in range(4)),
    ("down_blocks", "down"),
    (".resnets.", ".block."),
    ("conv_shortcut", "nin_shortcut"),
    ("samplers.0.conv", "sample.conv"),
    ("conv_norm_out", "norm_out"),
)


@pytest.fixture(scope="module")
def tensors():
    network = dlvc.AUTOENCODER.build(ARGS, nnx.Rngs(0))
    return dlvc.AUTOENCODER.export(network)


def same(network, tensors):
    found = dlvc.AUTOENCODER.export(network)
    return found.keys() == tensors.keys() and all(
        np.array_equal(found[name], value) for name, value in tensors.items()
    )


def test_there_and_back(tensors):
    assert "decoder.up_blocks.2.upsamplers.0.conv.weight" in tensors
    assert same(dlvc.AUTOENCODER.load(ARGS, tensors), tensors)


def test_the_second_generation(tensors):
    older = {}
    for name, value in tensors.items():
        for new, old in SECOND.items():
            name = name.replace(f".{new}.", f".{old}.")
        older[name] = value
    assert older.keys() != tensors.keys()
    assert same(dlvc.AUTOENCODER.load(ARGS, older), tensors)


def test_the_first_generation(tensors):
    older = {}
    for name, value in tensors.items():
        for new, old in FIRST:
            name = name.replace(new, old)
        linear = "attn_1" in name and value.ndim == 2
        older[name] = value[:, :, None, None] if linear else value
    assert older["encoder.mid.attn_1.q.weight"].shape == (4, 4, 1, 1)
    assert same(dlvc.AUTOENCODER.load(ARGS, older), tensors)


def test_other_shapes_are_not_forced(tensors):
    wrong = dict(tensors)
    wrong["quant_conv.weight"] = wrong["quant_conv.weight"][:, :, 0, 0]
    with pytest.raises(ConversionError, match="quant_conv"):
        dlvc.AUTOENCODER.load(ARGS, wrong)
