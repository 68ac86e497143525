"""FlowChroma: a window of gray frames in, the chroma of each out.

An encoder sees every frame for itself; two recurrent layers see the pooled encodings of the frames
up to it; what a classifier says of it is given from outside. All three are joined, and a decoder
makes chroma at half the size, which is enlarged.

Ranges: `gray` is L/50 - 1, `features` are an Inception-ResNet-v2's values before the softmax,
chroma is a/128 and b/128 in -1..1.

Source: ThejanW/FlowChroma, commit 90718c3, model/flowchroma_network.py (`FlowChroma`) and
model/fusion_layer.py (`FusionLayer`). Departures: chroma is enlarged bilinearly (`blocky=True`
repeats pixels, as published); what a frame's own vectors add to the joining layer is computed once
a frame and not once a pixel, with the same result.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.errors import ShapeError
from hueshift_jax.nn.conv import Conv, Linear, Pointwise
from hueshift_jax.nn.initial import GLOROT
from hueshift_jax.nn.lstm import LSTM, Gate, hard_sigmoid
from hueshift_jax.ops.resample import upsample_nearest, upsample_twice
from hueshift_jax.ops.shapes import require_shape

ENCODER_WIDTHS = (64, 128, 128, 256, 256, 512, 512, 256)
"""As published; the first, third and fifth layer halve the size."""
DECODER_WIDTHS = (256, 128, 64, 64, 32)
"""As published: the joining layer and the decoder before its last layer."""
_STRIDES = (2, 1, 2, 1, 2, 1, 1, 1)


class FlowChroma(nnx.Module):
    """Chroma of the frames of a window; sides are multiples of 8, any number of frames.

    Args:
      encoder_widths: channels of the eight encoder layers.
      units: of the recurrent layers and the layer after them.
      decoder_widths: channels of the joining layer and four decoder layers.
      features: length of the classifier's vector.
      gate: of the recurrent layers; the published weights want `hard_sigmoid`.
      blocky: chroma is enlarged by repeating pixels, as published.
    """

    def __init__(
        self,
        encoder_widths: tuple[int, ...] = ENCODER_WIDTHS,
        units: int = 256,
        decoder_widths: tuple[int, ...] = DECODER_WIDTHS,
        *,
        features: int = 1000,
        gate: Gate = hard_sigmoid,
        blocky: bool = False,
        rngs,
    ):
        def conv(inputs, outputs, stride=1):
            return Conv(inputs, outputs, 3, stride=stride, initial=GLOROT, rngs=rngs)

        neck, fused = encoder_widths[-1], decoder_widths[0]
        sides = zip((1, *encoder_widths), encoder_widths, _STRIDES, strict=False)
        self.encoder = nnx.List([conv(*side) for side in sides])
        self.lstm1 = LSTM(neck, units, gate=gate, rngs=rngs)
        self.lstm2 = LSTM(units, units, gate=gate, rngs=rngs)
        self.dense = Linear(units, units, initial=GLOROT, rngs=rngs)
        self.fuse = Pointwise(neck + features + units, fused, initial=GLOROT, rngs=rngs)
        sides = zip(decoder_widths, (*decoder_widths[1:], 2), strict=True)
        self.decoder = nnx.List([conv(*side) for side in sides])
        self.features = features
        self.blocky = blocky

    def __call__(
        self, gray: Float[Array, "b t h w c"], features: Float[Array, "b n k"]
    ) -> Float[Array, "b t h w 2"]:
        """Chroma of every frame.

        Raises:
          ShapeError: other ranks or channels, or sides that are no multiples of 8.
        """
        return self.decode(self.encode(gray), features)

    def encode(self, gray: Float[Array, "b t h w c"]) -> Float[Array, "b t p q d"]:
        """Each frame for itself, at an eighth of its size: a film can keep it between windows."""
        require_shape(gray, (None, None, None, None, 1), what="gray window")
        b, t, h, w, _ = gray.shape
        if h % 8 or w % 8:
            raise ShapeError(f"the gray window is {h}x{w}; expected sides that are multiples of 8")
        x = gray.reshape(b * t, h, w, 1)
        for layer in self.encoder:
            x = jax.nn.relu(layer(x))
        return x.reshape(b, t, *x.shape[1:])

    def recall(
        self, neck: Float[Array, "b t p q c"]
    ) -> tuple[Float[Array, "b t u"], Float[Array, "b t u"]]:
        """What the first recurrent layer says of every frame, and what leaves the last one."""
        first = self.lstm1(jnp.mean(neck, (2, 3)))
        return first, jax.nn.relu(self.dense(self.lstm2(first)))

    def decode(
        self, neck: Float[Array, "b t p q c"], features: Float[Array, "b n k"]
    ) -> Float[Array, "b t h w 2"]:
        """Chroma from the encodings of a window and the classifier's vectors."""
        require_shape(features, (*neck.shape[:2], self.features), what="features")
        x = self._fused(neck, features, self.recall(neck)[1])
        b, t = x.shape[:2]
        x = x.reshape(b * t, *x.shape[2:])
        first, second, third, fourth, last = self.decoder
        x = upsample_nearest(jax.nn.relu(first(x)))
        x = upsample_nearest(jax.nn.relu(third(jax.nn.relu(second(x)))))
        x = jnp.tanh(last(jax.nn.relu(fourth(x))))
        x = upsample_nearest(x) if self.blocky else upsample_twice(x)
        return x.reshape(b, t, *x.shape[1:])

    def _fused(
        self,
        neck: Float[Array, "b t p q c"],
        features: Float[Array, "b t k"],
        recalled: Float[Array, "b t u"],
    ) -> Float[Array, "b t p q d"]:
        """The joining 1x1 layer on [neck, features, recalled], the vectors at every pixel."""
        kernel, width = self.fuse.kernel[...], neck.shape[-1]
        vectors = jnp.concatenate([features, recalled], -1)
        constant = jnp.einsum("btk,kd->btd", vectors, kernel[width:])
        constant = constant + self.fuse.bias[None, None]
        spatial = (neck.reshape(-1, width) @ kernel[:width]).reshape(*neck.shape[:-1], -1)
        return jax.nn.relu(spatial + constant[:, :, None, None])
