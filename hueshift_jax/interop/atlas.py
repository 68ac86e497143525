"""The published names of the layered neural atlas."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import nnx

from hueshift_jax.interop.published import Inputs, Published
from hueshift_jax.models.atlas import CoordinateNetwork

_SOURCE = "ChenyangLEI/All-In-One-Deflicker: src/models/stage_1/implicit_neural_networks.py, IMLP"


def _points(inputs: int, low: float) -> Inputs:
    """Random points, as many as a picture has pixels."""

    def make(args, size, rng):
        shape = (size[0] * size[1], args.get("input_dim", inputs))
        return (rng.uniform(low, 1.0, shape).astype(np.float32),)

    return make


def _published(name: str, defaults: Mapping[str, Any], low: float = -1.0) -> Published:
    """A network of coordinates; `defaults` are the published constructor's arguments."""

    def build(args: Mapping[str, Any], rngs: nnx.Rngs) -> CoordinateNetwork:
        stated = {**defaults, **args}
        return CoordinateNetwork(
            stated["input_dim"],
            stated["output_dim"],
            stated["num_layers"],
            width=stated["hidden_dim"],
            octaves=stated["positional_dim"] if stated["use_positional"] else 0,
            skips=stated["skip_layers"],
            rngs=rngs,
        )

    return Published(
        name=name,
        source=_SOURCE,
        build=build,
        rules=((r"^layers\.", "hidden."),),
        size=(16, 16),
        inputs=_points(defaults["input_dim"], low),
    )


_PLAIN = {"hidden_dim": 256, "use_positional": False, "positional_dim": 0, "skip_layers": ()}
_MAPPING = {**_PLAIN, "input_dim": 3, "output_dim": 2}
_WAVY = {**_PLAIN, "use_positional": True, "num_layers": 8}

MAPPING = _published("atlas_mapping", {**_MAPPING, "num_layers": 6})
BACKGROUND_MAPPING = _published("atlas_background_mapping", {**_MAPPING, "num_layers": 4})
TEXTURE = _published(
    "atlas_texture",
    {**_WAVY, "input_dim": 2, "output_dim": 3, "positional_dim": 10, "skip_layers": (4, 7)},
    low=0.0,
)
OPACITY = _published(
    "atlas_opacity", {**_WAVY, "input_dim": 3, "output_dim": 1, "positional_dim": 5}
)

NETWORKS = (MAPPING, BACKGROUND_MAPPING, TEXTURE, OPACITY)
