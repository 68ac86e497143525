"""The perceptual loss at work: a classification network that compares two pictures.

`squeezenet` is the bundled SqueezeNet 1.1, `efficientnet` the bundled EfficientNet-Lite0. A file
holds the weights of VGG-16 or VGG-19 (made by `hueshift convert` from torchvision's), which is what
published colorizers use and a hundred times more work.
"""

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.errors import MismatchedWeightsError
from hueshift_jax.losses import perceptual as losses
from hueshift_jax.models.efficientnet_lite import LITE0, EfficientNetLite
from hueshift_jax.models.squeezenet import SqueezeNet
from hueshift_jax.models.vgg import SCGAN_TAPS, VGG16, VGG19, Vgg
from hueshift_jax.systems.network import Network
from hueshift_jax.weights import FOLDER

_BUNDLED = {
    "squeezenet": FOLDER / "squeezenet_features.safetensors",
    "efficientnet": FOLDER / "efficientnet_lite0_features.safetensors",
}
_CAFFE_MEAN = np.array([104.0, 117.0, 123.0], np.float32)


class Perceptual:
    """A distance of pictures by what a network finds in them.

    Args:
      network: squeezenet (also if empty), efficientnet, or a file of VGG's weights by our names.

    Raises:
      MissingWeightsError: there is no such file.
      MismatchedWeightsError: it is damaged, or holds another network.
    """

    def __init__(self, network: str | Path = "squeezenet"):
        network = network or "squeezenet"
        self._name = str(network) if str(network) in _BUNDLED else "vgg"
        values, _ = checkpoint.load_weights(_BUNDLED.get(self._name, network))
        makers = {"squeezenet": _squeezenet, "efficientnet": _efficientnet}
        self._network = Network(makers.get(self._name) or _vgg(values))
        self._weights, self._stats = self._network.taken(values)

    def distance(self, srgb: jax.Array, truth: jax.Array) -> jax.Array:
        """How far pictures (b, h, w, 3) are from the truth, gamma-encoded RGB of 0..1.

        By a bundled network: the mean, over its depths, of the mean absolute difference as a part
        of the truth's mean; 0 for equal pictures, about 1 for pictures with nothing in common. The
        sides are multiples of 32 for `efficientnet`.
        By VGG: the mean absolute difference before the rectifier of conv3_3, as SCGAN has it.
        """
        found, wanted = self._features(srgb), self._features(jax.lax.stop_gradient(truth))
        differences = losses.feature_l1(found, wanted)
        if self._name == "vgg":
            return differences.mean()
        levels = jnp.stack([jnp.mean(jnp.abs(features)) for features in wanted])
        return jnp.mean(differences / levels)

    def _features(self, srgb: jax.Array) -> list[jax.Array]:
        module = self._network.merged(self._weights, self._stats)
        module.eval()
        if self._name == "vgg":
            return list(module(srgb, SCGAN_TAPS))
        if self._name == "efficientnet":
            return list(module(srgb))
        return module.taps(255.0 * srgb[..., ::-1] - _CAFFE_MEAN[None, None, None])


def _squeezenet(rngs: nnx.Rngs) -> SqueezeNet:
    return SqueezeNet(classes=None, whole_windows=True, rngs=rngs)


def _efficientnet(rngs: nnx.Rngs) -> EfficientNetLite:
    return EfficientNetLite(LITE0, channels=3, rngs=rngs)


def _vgg(values: dict[str, np.ndarray]) -> Callable[[nnx.Rngs], Vgg]:
    """What builds as much of VGG-16 or VGG-19 as these weights are of."""
    kernels = [name.split(".") for name in values if name.endswith(".kernel")]
    if not kernels or any(name[0] != "blocks" or len(name) != 4 for name in kernels):
        raise MismatchedWeightsError(
            "the perceptual network's weights are not VGG's, expected a file that `hueshift "
            "convert` made of torchvision's vgg16 or vgg19"
        )
    blocks = [int(name[1]) for name in kernels]
    layers = tuple(blocks.count(block) for block in range(max(blocks) + 1))
    if layers not in (VGG16[: len(layers)], VGG19[: len(layers)]) or len(layers) < 3:
        raise MismatchedWeightsError(
            f"the perceptual network has {layers} convolutions in its blocks, expected at least "
            f"three blocks of {VGG16} or {VGG19}"
        )
    return lambda rngs: Vgg(layers, rngs=rngs)
