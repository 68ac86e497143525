"""SqueezeNet 1.1: a small ImageNet classifier, and its features for perceptual distances.

Input: whatever the weights were trained on: torchvision's want ImageNet-normalized RGB, the Caffe
weights BGR in 0..255 minus (104, 117, 123).

Source: Iandola et al. 2016 (1602.07360); pytorch/vision, torchvision/models/squeezenet.py
(`SqueezeNet`, version "1_1", 1,235,496 parameters). Departure: no dropout before the classes.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Conv, Pointwise
from hueshift_jax.ops.pooling import max_pool
from hueshift_jax.ops.shapes import require_picture

FIRES = (16, 16, 32, 32, 48, 48, 64, 64)
"""As published: channels of the eight squeezes; each expands to eight times as many."""
LEAST = 17
_POOLED_BEFORE = (0, 2, 4)
_TAPS = (1, 3, 4, 5, 6, 7)


class Fire(nnx.Module):
    """A 1x1 squeeze, then 1x1 and 3x3 side by side, all rectified."""

    def __init__(self, inputs: int, squeezed: int, *, rngs):
        self.squeeze = Pointwise(inputs, squeezed, rngs=rngs)
        self.expand1x1 = Pointwise(squeezed, 4 * squeezed, rngs=rngs)
        self.expand3x3 = Conv(squeezed, 4 * squeezed, 3, padding=1, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        x = jax.nn.relu(self.squeeze(x))
        return jax.nn.relu(jnp.concatenate([self.expand1x1(x), self.expand3x3(x)], -1))


class SqueezeNet(nnx.Module):
    """Classes of a picture.

    Args:
      classes: how many; None: the network has no head and gives its last features.
      fires: channels of the squeezes.
      stem: channels of the first layer.
      whole_windows: pools leave out rows and columns that fill no whole window, as the Keras
        conversion of the weights has it; Caffe and torchvision keep them.
    """

    def __init__(
        self,
        classes: int | None = 1000,
        fires: tuple[int, ...] = FIRES,
        *,
        stem: int = 64,
        whole_windows: bool = False,
        rngs,
    ):
        self.stem = Conv(3, stem, 3, stride=2, padding=0, rngs=rngs)
        inputs = (stem, *(8 * squeezed for squeezed in fires))
        self.fires = nnx.List([Fire(n, s, rngs=rngs) for n, s in zip(inputs, fires, strict=False)])
        self.classes = None if classes is None else Pointwise(inputs[-1], classes, rngs=rngs)
        self.whole_windows = whole_windows

    def __call__(self, picture: Float[Array, "b h w c"]) -> Float[Array, "..."]:
        """Values before the softmax, (b, classes); without a head the last features.

        Raises:
          ShapeError: another number of channels, or a side below 17.
        """
        features = self.taps(picture)[-1]
        if self.classes is None:
            return features
        return jnp.mean(jax.nn.relu(self.classes(features)), (1, 2))

    def taps(self, picture: Float[Array, "b h w c"]) -> list[Float[Array, "b p q d"]]:
        """The seven features that LPIPS compares: after the stem and the fires 2, 4, 5, 6, 7, 8."""
        require_picture(picture, 3, least=LEAST)
        x = jax.nn.relu(self.stem(picture))
        found = [x]
        for n, fire in enumerate(self.fires):
            x = fire(self._pooled(x) if n in _POOLED_BEFORE else x)
            if n in _TAPS:
                found.append(x)
        return found

    def _pooled(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q c"]:
        if not self.whole_windows:
            rows, columns = ((side - 3) % 2 for side in x.shape[1:3])
            added = ((0, 0), (0, rows), (0, columns), (0, 0))
            x = jnp.pad(x, added, constant_values=-jnp.inf)
        return max_pool(x, 3, 2)
