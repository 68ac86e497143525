"""The layered neural atlas of one shot: fully connected networks of coordinates.

A mapping takes a place in the shot to a place in the atlas, the atlas takes that to a color. With
two layers, foreground and background, each has a mapping, they share the atlas, and a third
network says how opaque the foreground is.

Ranges: places in a shot are (x, y, t), each from -1 to about 1; places in the atlas (u, v) and
the raw output of every network are -1..1.

Source: ykasten/layered-neural-atlases, commit 3f7cfe4 (Kasten et al. 2021), as in
ChenyangLEI/All-In-One-Deflicker: src/models/stage_1/implicit_neural_networks.py, IMLP, and
src/stage1_neural_atlas{,_seg}.py, commit 1f39994.
"""

import math
from collections.abc import Callable, Collection

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.conv import Linear
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.ops.shapes import require_shape
from hueshift_jax.ops.trigonometry import waves

Network = Callable[[jax.Array], jax.Array]
"""From (n, d) to (n, e), -1..1: a `CoordinateNetwork`, or what stands for one."""


class CoordinateNetwork(nnx.Module):
    """Linear layers with rectifiers between them and a tanh at the end.

    Args:
      inputs: coordinates of a point.
      outputs: values of a point, -1..1.
      layers: linear layers, the output's included.
      width: of the layers between.
      octaves: the points are seen as sines and cosines of pi, 2 pi, 4 pi, ... radians per unit,
        so many; 0 stands for the coordinates themselves.
      skips: layers, counted from 0, that see the encoded points once more. No gradient reaches
        the points there, as published: it flows through layer 0 alone.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        layers: int,
        *,
        width: int = 256,
        octaves: int = 0,
        skips: Collection[int] = (),
        rngs,
    ):
        encoded = 2 * octaves * inputs if octaves else inputs
        self.frequencies = tuple(math.pi * 2.0**octave for octave in range(octaves))
        self.skips = tuple(skips)
        self.inputs = inputs
        self.layers = nnx.List(
            Linear(
                (width if place else encoded) + (encoded if place in self.skips else 0),
                outputs if place == layers - 1 else width,
                initial=PYTORCH,
                rngs=rngs,
            )
            for place in range(layers)
        )

    def encode(self, points: Float[Array, "n d"]) -> Float[Array, "n e"]:
        """What the first layer sees."""
        return waves(points, self.frequencies) if self.frequencies else points

    def __call__(self, points: Float[Array, "n d"]) -> Float[Array, "n e"]:
        """The values of points, -1..1.

        Raises:
          ShapeError: the points have other coordinates.
        """
        require_shape(points, (None, self.inputs), what="points")
        encoded = self.encode(points)
        again = jax.lax.stop_gradient(encoded)
        x = self.layers[0](encoded)
        for place, layer in enumerate(self.layers[1:], 1):
            x = jax.nn.relu(x)
            x = layer(jnp.concatenate([x, again], -1) if place in self.skips else x)
        return jnp.tanh(x)


def make_mapping(*, rngs) -> CoordinateNetwork:
    """(x, y, t) to the (u, v) of the only layer, or of the foreground."""
    return CoordinateNetwork(3, 2, 6, rngs=rngs)


def make_background_mapping(*, rngs) -> CoordinateNetwork:
    """(x, y, t) to the (u, v) of the background."""
    return CoordinateNetwork(3, 2, 4, rngs=rngs)


def make_texture(*, rngs) -> CoordinateNetwork:
    """A place on the atlas to its color; see `foreground_color`."""
    return CoordinateNetwork(2, 3, 8, octaves=10, skips=(4, 7), rngs=rngs)


def make_opacity(*, rngs) -> CoordinateNetwork:
    """(x, y, t) to the opacity of the foreground."""
    return CoordinateNetwork(3, 1, 8, octaves=5, rngs=rngs)


def foreground_color(texture: Network, uv: Float[Array, "n 2"]) -> Float[Array, "n 3"]:
    """RGB 0..1 at foreground places -1..1, to which the quarter 0..1 of the atlas belongs."""
    return 0.5 * texture(0.5 * uv + 0.5) + 0.5


def background_color(texture: Network, uv: Float[Array, "n 2"]) -> Float[Array, "n 3"]:
    """RGB 0..1 at background places -1..1, to which the quarter -1..0 of the atlas belongs."""
    return 0.5 * texture(0.5 * uv - 0.5) + 0.5


def opacity_of(opacity: Network, points: Float[Array, "n 3"]) -> Float[Array, "n 1"]:
    """How much the foreground covers the background, 0.001..0.991: its logarithms are finite."""
    return 0.99 * (0.5 * opacity(points) + 0.5) + 0.001
