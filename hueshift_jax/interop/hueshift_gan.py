"""The published names of the HueShift notebook GAN."""

import numpy as np

from hueshift_jax.interop.published import Published, pictures
from hueshift_jax.models.hueshift_autoencoder import HueShiftAutoencoder
from hueshift_jax.models.hueshift_discriminator import HueShiftDiscriminator
from hueshift_jax.models.hueshift_generator import FeatureEncoder, HueShiftGenerator

_SOURCE = "SreeDakshinya/HueShift-Video-Coloring"


def _gray_and_features(args, size, rng):
    (gray,) = pictures(1)(args, size, rng)
    return gray, rng.standard_normal((1, 512, 4, 4), np.float32)


GENERATOR = Published(
    name="hueshift_generator",
    source=f"{_SOURCE}: training notebook, ColorizationUNetWithAttentionDecoder",
    build=lambda args, rngs: HueShiftGenerator(rngs=rngs),
    rules=(
        (r"^(enc3)\.1\.conv\.", r"\1.3."),
        (r"^(enc3)\.1\.norm\.", r"\1.4."),
        (r"^(enc3)\.0\.", r"\1."),
        (r"^final_layer\.", "final_layer.0."),
        (r"\.conv\.", ".0."),
        (r"\.norm\.", ".1."),
    ),
    size=(48, 48),
    inputs=_gray_and_features,
)


def _index(place: int, layer: int) -> int:
    """Where a layer of the encoder stands in its published `Sequential`."""
    missing = 1 if place == 0 and layer > 0 else 0
    return 3 * layer - missing


_ENCODER_RULES = tuple(
    (
        rf"^(?:encoder\.)?blocks\.{place}\.{layer}\.{part}\.",
        f"block{place + 1}.{_index(place, layer) + offset}.",
    )
    for place, count in enumerate((2, 2, 3, 3, 4))
    for layer in range(count)
    for part, offset in (("conv", 0), ("norm", 1))
)

ENCODER = Published(
    name="hueshift_encoder",
    source=f"{_SOURCE}: feature notebook, VGGReconstructor",
    build=lambda args, rngs: FeatureEncoder(rngs=rngs),
    rules=_ENCODER_RULES,
)

AUTOENCODER = Published(
    name="hueshift_autoencoder",
    source=f"{_SOURCE}: feature notebook, VGGReconstructor with its decoder",
    build=lambda args, rngs: HueShiftAutoencoder(rngs=rngs),
    rules=(
        *_ENCODER_RULES,
        *((rf"^decoder\.{place}\.first\.", f"block{place + 6}.0.") for place in range(4)),
        *((rf"^decoder\.{place}\.second\.", f"block{place + 6}.2.") for place in range(4)),
        (r"^final\.", "block9.4."),
    ),
)

DISCRIMINATOR = Published(
    name="hueshift_discriminator",
    source=f"{_SOURCE}: training notebook, Discriminator",
    build=lambda args, rngs: HueShiftDiscriminator(args.get("input_channels", 3), rngs=rngs),
    rules=(
        *((rf"^convs\.{place}\.", f"conv{place + 1}.") for place in range(4)),
        *((rf"^norms\.{place}\.", f"batch_norm{place + 2}.") for place in range(3)),
    ),
    size=(128, 128),
    inputs=lambda args, size, rng: pictures(args.get("input_channels", 3))(args, size, rng),
)

NETWORKS = (GENERATOR, ENCODER, AUTOENCODER, DISCRIMINATOR)
