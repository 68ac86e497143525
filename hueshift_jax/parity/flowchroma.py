"""References of FlowChroma and Inception-ResNet-v2; pictures are NHWC, as in Keras."""

import re

import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.interop import flowchroma
from hueshift_jax.models.inception_resnet_v2 import run_part
from hueshift_jax.parity.case import Case, nhwc

_GATES = {"keras2": "hard_sigmoid", "sigmoid": "sigmoid"}


def _widths(case: Case) -> dict:
    """Arguments from the shapes of the tensors: the meta tells sizes only in words."""
    outputs = {name: value.shape[0] for name, value in case.tensors.items()}
    encoder = [outputs[f"encoder_conv{n}.weight"] for n in range(1, 9)]
    decoder = ["decoder_fuse", *(f"decoder_conv{n}" for n in range(1, 5))]
    units = outputs["rnn_dense1.weight"]
    joined = case.tensors["decoder_fuse.weight"].shape[1]
    return {
        "encoder_widths": encoder,
        "units": units,
        "decoder_widths": [outputs[f"{name}.weight"] for name in decoder],
        "features": joined - units - encoder[-1],
    }


def _predict(network, gray, features):
    neck = network.encode(gray)
    return network.decode(neck, features), network.recall(neck), neck


def compare_flowchroma(case: Case) -> None:
    """Chroma and the recurrent layers with both kinds of gates, and the encoder."""
    gray = jnp.asarray(case.draw("L"))[..., None]
    features = jnp.asarray(case.draw("inception"))
    for suffix, gate in _GATES.items():
        network = case.network(flowchroma.FLOWCHROMA, _widths(case) | {"gate": gate})
        chroma, (first, recalled), neck = nnx.jit(_predict)(network, gray, features)
        case.compare(f"y_{suffix}", chroma)
        case.compare(f"lstm1_{suffix}", first)
        case.compare(f"rnn_{suffix}", recalled)
    case.compare("enc", neck)


def _stored(case: Case, name: str, value: np.ndarray) -> np.ndarray:
    """The part that the file keeps, as its notes say: `mixed_5b [:, ::7, ::7, ::16]`."""
    found = re.search(rf"{name} \[:, ::(\d+), ::(\d+), ::(\d+)\]", str(case.meta.get("notes")))
    rows, columns, channels = map(int, found.groups()) if found else (1, 1, 1)
    return value[:, ::rows, ::columns, ::channels]


def compare_inception_resnet_v2(case: Case) -> None:
    """Values before the softmax, and the three mixed blocks on the way."""
    picture = jnp.asarray(nhwc(case.draw("image")))
    classes = len(case.tensors["predictions.bias"])
    network = case.network(flowchroma.INCEPTION_RESNET_V2, {"classes": classes})
    # Part by part: blocks of one kind share one program, and less has to be compiled.
    outputs = dict(network.steps(picture, nnx.jit(run_part)))
    for name in ("mixed_5b", "mixed_6a", "mixed_7a"):
        if name in case.arrays:
            case.compare(name, _stored(case, name, np.asarray(outputs[name])))
    case.compare("logits", outputs["predictions"])


RUNNERS = {
    "flowchroma": compare_flowchroma,
    "inception_resnet_v2": compare_inception_resnet_v2,
}
