"""References of VGG and of the losses that look through it."""

import ast
import re

import jax
import numpy as np
from flax import nnx

from hueshift_jax.interop import vgg
from hueshift_jax.losses import adversarial, perceptual
from hueshift_jax.models.vgg import CONTENT_TAPS, SCGAN_TAPS, STYLE_TAPS
from hueshift_jax.parity.case import Case, nchw, nhwc


def _features(network: nnx.Module, x: np.ndarray, y: np.ndarray, taps: tuple[str, ...]) -> tuple:
    """The features of two batches (b, c, h, w), found in one go."""
    run = nnx.jit(lambda net, pictures: net(pictures, taps))
    found = run(network, nhwc(np.concatenate([x, y])))
    return [f[: len(x)] for f in found], [f[len(x) :] for f in found]


def compare_scgan(case: Case) -> None:
    """Features before the third rectifier of the third block, and their L1."""
    network = case.network(vgg.SCGAN_PERCEPTUAL)
    ours, theirs = _features(network, case.draw("x"), case.draw("x2"), SCGAN_TAPS)
    case.compare("feat", nchw(ours[0]))
    case.compare("loss", perceptual.feature_l1(ours, theirs)[0])


def compare_vgg19(case: Case) -> None:
    """Content, style, and the cross entropies that stand beside them."""
    network = case.network(vgg.VGG19_FEATURES)
    taps = (*CONTENT_TAPS, *STYLE_TAPS)
    ours, theirs = _features(network, case.draw("x"), case.draw("y"), taps)
    depth = len(CONTENT_TAPS)
    content = perceptual.feature_l1(ours[:depth], theirs[:depth])
    case.compare("layers", content)
    case.compare("content", content @ _weights(case))
    style = perceptual.style_l1(ours[depth:], theirs[depth:])
    case.compare("style_layers", style)
    case.compare("style", style.sum())
    case.compare("relu5_1", nchw(ours[depth - 1])[0])
    p = jax.nn.sigmoid(case.draw("p"))
    case.compare("bce", np.stack([adversarial.cross_entropy(p, goal) for goal in (1.0, 0.0)]))


def _weights(case: Case) -> np.ndarray:
    """Of the five content depths; 1 each unless the file says otherwise."""
    stated = re.search(r"weights\W*(\[[^\]]*\])", str(case.meta.get("args", "")))
    return np.array(ast.literal_eval(stated[1]) if stated else [1.0] * 5, np.float32)


RUNNERS = {"scgan_perceptual": compare_scgan, "vgg19_perceptual": compare_vgg19}
