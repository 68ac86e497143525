"""The published names of FlowChroma and of the Inception-ResNet-v2 that advises it.

Both are Keras networks. Their tensors are named and arranged here as PyTorch would: weight, bias,
running_mean, running_var; convolutions (out, in, height, width), matrices (out, in). Layers that
Keras named by itself are counted from 0, as `interop.keras_weights` reads them.
"""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.interop.published import Published, pictures
from hueshift_jax.models import flowchroma, inception_resnet_v2
from hueshift_jax.models.flowchroma import FlowChroma
from hueshift_jax.models.inception_resnet_v2 import InceptionResNetV2
from hueshift_jax.nn.lstm import hard_sigmoid

_GATES = {"hard_sigmoid": hard_sigmoid, "sigmoid": jax.nn.sigmoid}


def _build_flowchroma(args, rngs):
    return FlowChroma(
        tuple(args.get("encoder_widths", flowchroma.ENCODER_WIDTHS)),
        args.get("units", 256),
        tuple(args.get("decoder_widths", flowchroma.DECODER_WIDTHS)),
        features=args.get("features", 1000),
        gate=_GATES[args.get("gate", "hard_sigmoid")],
        blocky=True,
        rngs=rngs,
    )


def _window(args, size, rng):
    """Gray frames (n, t, h, w, 1) and a classifier's vectors."""
    frames = args.get("time_steps", 3)
    gray = rng.uniform(-1, 1, (1, frames, *size, 1)).astype(np.float32)
    return gray, rng.standard_normal((1, frames, args.get("features", 1000)), np.float32)


def _call_nhwc(network, *inputs):
    """Keras has channels last, as we do."""
    return tuple(jax.tree.leaves(network(*map(jnp.asarray, inputs))))


FLOWCHROMA = Published(
    name="flowchroma",
    source="ThejanW/FlowChroma: model/flowchroma_network.py, FlowChroma",
    build=_build_flowchroma,
    rules=(
        *((rf"^encoder\.{n}\.", f"encoder_conv{n + 1}.") for n in range(8)),
        *((rf"^decoder\.{n}\.", f"decoder_conv{n + 1}.") for n in range(5)),
        (r"^fuse\.", "decoder_fuse."),
        (r"^dense\.", "rnn_dense1."),
        (r"^(lstm\d)\.recurrent\.", r"rnn_\1.recurrent_"),
        (r"^(lstm\d)\.input\.", r"rnn_\1."),
    ),
    keras=((r"^time_distributed_0\.", "decoder_fuse."),),
    size=(240, 320),
    inputs=_window,
    call=_call_nhwc,
)


def _build_inception(args, rngs):
    return InceptionResNetV2(
        args.get("classes", 1000),
        width=args.get("width", 1.0),
        repeats=tuple(args.get("repeats", inception_resnet_v2.REPEATS)),
        rngs=rngs,
    )


def _chains(path: str, lengths: tuple[int, ...]) -> list[str]:
    """The paths of the layers of parallel chains."""
    return [
        f"{path}.chains.{n}.layers.{k}" for n, count in enumerate(lengths) for k in range(count)
    ]


def _calls() -> list[str]:
    """The paths of the layers with a norm, in the order in which Keras makes them."""
    blocks = {"block35": (1, 2, 3), "block17": (1, 3), "block8": (1, 3)}
    residual = {
        kind: [p for n in range(count) for p in _chains(f"{kind}.{n}.branches", lengths)]
        for (kind, lengths), count in zip(blocks.items(), inception_resnet_v2.REPEATS)
    }
    return [
        *(f"stem.before.layers.{n}" for n in range(3)),
        *(f"stem.after.layers.{n}" for n in range(2)),
        *_chains("stem.mixed", (1, 2, 3)),
        "stem.pooled",
        *residual["block35"],
        *_chains("mixed_6a.branches", (1, 3)),
        *residual["block17"],
        *_chains("mixed_7a.branches", (2, 2, 3)),
        *residual["block8"],
    ]


_NUMBERS = dict(zip(_calls(), itertools.count()))
_KINDS = {"conv": "conv2d", "norm": "batch_normalization"}


def _numbered(found: re.Match) -> str:
    """The automatic name of a layer."""
    return f"{_KINDS[found[2]]}_{_NUMBERS[found[1]]}."


INCEPTION_RESNET_V2 = Published(
    name="inception_resnet_v2",
    source="keras.applications 3.15.1: inception_resnet_v2.py, InceptionResNetV2",
    build=_build_inception,
    rules=(
        (r"^head\.conv\.conv\.", "conv_7b."),
        (r"^head\.conv\.norm\.", "conv_7b_bn."),
        (r"^head\.predictions\.", "predictions."),
        *((rf"^(block\d+)\.{n}\.up\.", rf"\1_{n + 1}_conv.") for n in range(20)),
        (r"^(stem\..+|block.+|mixed_.+)\.(conv|norm)\.", _numbered),
    ),
    size=(299, 299),
    inputs=pictures(3),
)

NETWORKS = (FLOWCHROMA, INCEPTION_RESNET_V2)
