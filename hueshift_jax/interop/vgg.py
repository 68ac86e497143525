"""The published names of VGG and of the networks that are a part of it."""

import itertools

from flax import nnx

from hueshift_jax.interop.published import Published, Rules, call_nchw, pictures
from hueshift_jax.models.vgg import CONTENT_TAPS, SCGAN_TAPS, VGG16, VGG19, Vgg


def numbered(layers: tuple[int, ...], path: str, prefix: str) -> Rules:
    """Rules from `path`.block.layer to `prefix` and the place in torchvision's `features`."""
    starts = itertools.accumulate((2 * count + 1 for count in layers), initial=0)
    return tuple(
        (rf"^{path}{block}\.{layer}\.", f"{prefix}{start + 2 * layer}.")
        for block, (start, count) in enumerate(zip(starts, layers, strict=False))
        for layer in range(count)
    )


def _call(*taps: str):
    def call(network: nnx.Module, x):
        return call_nchw(lambda picture: network(picture, taps), x)

    return call


SCGAN_PERCEPTUAL = Published(
    name="scgan_perceptual",
    source="zhaoyuzhi/Semantic-Colorization-GAN: train/network.py, PerceptualNet",
    build=lambda args, rngs: Vgg(VGG16[:3], rngs=rngs),
    rules=numbered(VGG16[:3], r"blocks\.", "features."),
    inputs=pictures(3),
    call=_call(*SCGAN_TAPS),
)

VGG19_FEATURES = Published(
    name="vgg19",
    source="Harry-Thasarathan/TCVC: src/loss.py, VGG19; torchvision: vgg19().features",
    build=lambda args, rngs: Vgg(VGG19, rngs=rngs),
    rules=numbered(VGG19, r"blocks\.", "features."),
    inputs=pictures(3),
    call=_call(*CONTENT_TAPS),
)

NETWORKS = (SCGAN_PERCEPTUAL, VGG19_FEATURES)
