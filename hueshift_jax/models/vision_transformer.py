"""The vision transformer ViT-B/32: tokens of a picture, one for the whole and one for each patch.

DLVC takes the tokens of gray pictures as its condition and does not use the head. 88.2 million
parameters with it.

Ranges: pictures as the weights expect them, which is ImageNet-normalized RGB; DLVC hands over three
equal channels in -1..1 instead. Tokens leave a layer norm.

Source: pytorch/vision, torchvision/models/vision_transformer.py (`vit_b_32`); used by
lstival/Diffusion-Based-VideoColorization, commit 4dca693, ViT.py (`Vit_neck`). Departure: no
dropout, whose published rate is 0.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.attention import SelfAttention
from hueshift_jax.nn.conv import Conv, Linear
from hueshift_jax.nn.initial import Initial, normal, xavier_uniform, zeros
from hueshift_jax.nn.norm import LayerNorm
from hueshift_jax.ops.shapes import require_shape

_MIXED = Initial(xavier_uniform, normal(1e-6))
_EPSILON = 1e-6


class Block(nnx.Module):
    """Attention, then two linear layers with a GELU, each on normed tokens and added to them."""

    def __init__(self, features: int, heads: int, hidden: int, *, rngs):
        self.norm1 = LayerNorm(features, epsilon=_EPSILON)
        self.attention = SelfAttention(features, heads, rngs=rngs)
        self.norm2 = LayerNorm(features, epsilon=_EPSILON)
        self.wide = Linear(features, hidden, initial=_MIXED, rngs=rngs)
        self.narrow = Linear(hidden, features, initial=_MIXED, rngs=rngs)

    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b n c"]:
        x = x + self.attention(self.norm1(x))
        y = jax.nn.gelu(self.wide(self.norm2(x)), approximate=False)
        return x + self.narrow(y)


class VisionTransformer(nnx.Module):
    """Tokens of square pictures of one size.

    Args:
      size: side of a picture.
      patch: side of a patch.
      features: of a token.
      layers: how many blocks.
      heads: of every attention.
      hidden: features between the two linear layers of a block.
      classes: of the head, which `__call__` does not use.
    """

    def __init__(
        self,
        size: int = 224,
        patch: int = 32,
        *,
        features: int = 768,
        layers: int = 12,
        heads: int = 12,
        hidden: int = 3072,
        classes: int = 1000,
        rngs,
    ):
        count = (size // patch) ** 2
        initial = Initial(normal((3 * patch * patch) ** -0.5), zeros)
        options = {"stride": patch, "padding": 0, "initial": initial, "rngs": rngs}
        self.projection = Conv(3, features, patch, **options)
        self.whole = nnx.Param(jnp.zeros((1, 1, features)))
        self.places = nnx.Param(normal(0.02)(rngs.params(), (1, count + 1, features), 1))
        self.blocks = nnx.List([Block(features, heads, hidden, rngs=rngs) for _ in range(layers)])
        self.norm = LayerNorm(features, epsilon=_EPSILON)
        self.head = Linear(features, classes, initial=Initial(zeros, zeros), rngs=rngs)
        self.size = size

    def patches(self, x: Float[Array, "b h w c"]) -> Float[Array, "b n d"]:
        """One vector for each patch, row by row.

        Raises:
          ShapeError: another size, or not three channels.
        """
        require_shape(x, (None, self.size, self.size, 3), what="picture")
        y = self.projection(x)
        return y.reshape(y.shape[0], -1, y.shape[-1])

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b m d"]:
        """The token of the whole picture, then one for each patch, row by row.

        Raises:
          ShapeError: another size, or not three channels.
        """
        patches = self.patches(x)
        whole = jnp.broadcast_to(self.whole[...], (x.shape[0], 1, patches.shape[-1]))
        tokens = jnp.concatenate([whole, patches], 1) + self.places[...]
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)
