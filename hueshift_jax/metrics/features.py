"""Features of whole frames by networks, for distances of sets of frames."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax.models.efficientnet_lite import EfficientNetLite
from hueshift_jax.models.inception import InceptionV3, fid_features

_SIDE = 224

Features = Callable[[np.ndarray], np.ndarray]


def inception(network: InceptionV3) -> Features:
    """FID's: 2048 features of one rgb_u8 (h, w, 3), resized as pytorch-fid does."""
    graph, state = nnx.split(network)

    @jax.jit
    def features(state: nnx.State, rgb_u8: jax.Array) -> jax.Array:
        return fid_features(nnx.merge(graph, state), rgb_u8[None].astype(jnp.float32) / 255.0)[0]

    return lambda rgb_u8: np.asarray(features(state, rgb_u8))


def efficientnet(network: EfficientNetLite) -> Features:
    """Mean last features of one rgb_u8 (h, w, 3) at 224x224, resized with a filter against aliases.

    A network that sees gray is shown red, green and blue one by one, and its features are joined.
    """
    graph, state = nnx.split(network)
    gray = network.stem.kernel.shape[2] == 1

    # Apart, so that pictures of many sizes compile the network only once.
    @jax.jit
    def reduced(rgb_u8: jax.Array) -> jax.Array:
        return jax.image.resize(rgb_u8.astype(jnp.float32) / 255.0, (_SIDE, _SIDE, 3), "linear")

    @jax.jit
    def features(state: nnx.State, x: jax.Array) -> jax.Array:
        planes = jnp.moveaxis(x, -1, 0)[..., None] if gray else x[None]
        return jnp.mean(nnx.merge(graph, state)(planes)[-1], (1, 2)).reshape(-1)

    return lambda rgb_u8: np.asarray(features(state, reduced(rgb_u8)))
