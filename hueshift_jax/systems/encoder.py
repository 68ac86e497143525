"""The bundled encoder, pretrained on gray ImageNet, with which networks begin."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hueshift_jax import checkpoint
from hueshift_jax.weights import FOLDER

ENCODER_WEIGHTS = "efficientnet_lite2_gray.safetensors"


def pretrained_encoder(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The parameters of `encoder`, by the names that a network has; it may have fewer blocks.

    Raises:
      MismatchedWeightsError: it has other ones, or other shapes.
    """
    found, _ = checkpoint.load_weights(FOLDER / ENCODER_WEIGHTS)
    expected = {name: value for name, value in params.items() if name.startswith("encoder.")}
    ours = {f"encoder.{name}": value for name, value in found.items()}
    ours = {name: value for name, value in ours.items() if name in expected}
    checkpoint.match(expected, ours, ENCODER_WEIGHTS)
    return ours
