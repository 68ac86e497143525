"""The published names of the HueShift notebook GAN."""

import numpy as np

from hueshift_jax.interop.published import Published, pictures
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


ENCODER = Published(
    name="hueshift_encoder",
    source=f"{_SOURCE}: feature notebook, VGGReconstructor",
    build=lambda args, rngs: FeatureEncoder(rngs=rngs),
    rules=tuple(
        (
            rf"^blocks\.{place}\.{layer}\.{part}\.",
            f"block{place + 1}.{_index(place, layer) + offset}.",
        )
        for place, count in enumerate((2, 2, 3, 3, 4))
        for layer in range(count)
        for part, offset in (("conv", 0), ("norm", 1))
    ),
)

NETWORKS = (GENERATOR, ENCODER)
