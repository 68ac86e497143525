"""The published names of the networks of blind deflickering."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop.published import Inputs, Published, Rules, call_nchw
from hueshift_jax.models.filter_unet import LEVELS, FilterUNet
from hueshift_jax.models.transform_net import TransformNet
from hueshift_jax.nn.recurrent import ConvLSTM, PictureMemory

_SOURCE = "ChenyangLEI/All-In-One-Deflicker"


def _level(number: int) -> Rules:
    """The published names of one level, which count from 1."""
    ours, theirs = number - 1, number
    return (
        (rf"^encoder\.{ours}\.", f"encoder{theirs}.enc{theirs}"),
        (rf"^decoder\.{ours}\.", f"decoder{theirs}.dec{theirs}"),
        (rf"^rise\.{ours}\.", f"upconv{theirs}.1."),
    )


FILTER = Published(
    name="deflicker_filter",
    source=f"{_SOURCE}: src/models/network_filter.py, UNet",
    build=lambda args, rngs: FilterUNet(
        args.get("in_channels", 6),
        args.get("out_channels", 3),
        args.get("init_features", 32),
        rngs=rngs,
    ),
    rules=(
        *(rule for number in range(1, LEVELS + 1) for rule in _level(number)),
        (r"^bottleneck\.", "bottleneck.bottleneck"),
        (r"(enc\d|dec\d|bottleneck)first\.", r"\1conv1."),
        (r"(enc\d|dec\d|bottleneck)second\.", r"\1conv2."),
        (r"^color\.", "conv."),
    ),
    inputs=lambda args, size, rng: (
        rng.random((1, args.get("in_channels", 6), *size), np.float32),
    ),
)


def _transform_options(args: Mapping[str, Any]) -> dict[str, Any]:
    """All by name, also those that stand in `opts`, a dict or a namespace."""
    inner = args.get("opts", {})
    return {**args, **(inner if isinstance(inner, Mapping) else vars(inner))}


def _transform_net(args: Mapping[str, Any], rngs: nnx.Rngs) -> TransformNet:
    stated = _transform_options(args)
    return TransformNet(
        stated.get("nc_in", 12),
        stated.get("nc_out", 3),
        stated.get("nf", 32),
        stated.get("blocks", 5),
        with_statistics=stated.get("norm", "IN") == "IN",
        rngs=rngs,
    )


def _recurrent(name: str, default: int, hidden: Callable, reduction: int) -> Inputs:
    """A picture and the memory of the step before: output and cell, (2, 1, c, h, w).

    name, default: of the argument that gives the picture's channels.
    hidden: the memory's channels from the arguments.
    reduction: how much smaller the memory is.
    """

    def make(args, size, rng):
        sides = size[0] // reduction, size[1] // reduction
        return (
            rng.random((1, args.get(name, default), *size), np.float32),
            rng.uniform(-1.0, 1.0, (2, 1, hidden(args), *sides)).astype(np.float32),
        )

    return make


def _call_recurrent(
    network: Callable, picture: jax.Array, memory: jax.Array
) -> tuple[jax.Array, ...]:
    """Whatever comes out, the memory as its output, then its cell; all NCHW."""
    before = PictureMemory(*jnp.moveaxis(memory, 2, -1))
    return call_nchw(lambda x: network(x, before), picture)


REFINEMENT = Published(
    name="deflicker_refinement",
    source=f"{_SOURCE}: src/models/network_local.py, TransformNet",
    build=_transform_net,
    rules=(
        (r"^output_stem\.", "conv1a."),
        (r"^input_stem\.", "conv1b."),
        (r"^output_half\.", "conv2a."),
        (r"^input_half\.", "conv2b."),
        (r"^quarter\.", "conv3."),
        (r"^blocks\.(\d+)\.first\.", r"ResBlocks.\1.conv1."),
        (r"^blocks\.(\d+)\.second\.", r"ResBlocks.\1.conv2."),
        (r"^memory\.gates\.", "convlstm.Gates."),
        (r"^half\.", "deconv1."),
        (r"^full\.", "deconv2."),
        (r"^change\.", "deconv3."),
        (r"\.conv\.", ".conv2d."),
        (r"\.norm\.", ".norm_layer."),
    ),
    inputs=_recurrent("nc_in", 12, lambda args: 4 * _transform_options(args).get("nf", 32), 4),
    call=_call_recurrent,
)


def _conv_lstm(args: Mapping[str, Any], rngs: nnx.Rngs) -> ConvLSTM:
    return ConvLSTM(
        args.get("input_size", 128),
        args.get("hidden_size", 128),
        args.get("kernel_size", 3),
        rngs=rngs,
    )


CONV_LSTM = Published(
    name="conv_lstm",
    source=f"{_SOURCE}: src/models/network_local.py, ConvLSTM",
    build=_conv_lstm,
    rules=((r"^gates\.", "Gates."),),
    size=(16, 16),
    inputs=_recurrent("input_size", 128, lambda args: args.get("hidden_size", 128), 1),
    call=_call_recurrent,
)

NETWORKS = (FILTER, REFINEMENT, CONV_LSTM)
