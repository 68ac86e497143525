"""The published HueShift U-Net: it sees noise in a picture's chroma and says which noise.

Three levels down and three up, full self-attention in every block. The skip that joins a level on
the way up is what entered that level's block on the way down, not what left it. 103.5 million
parameters.

Ranges: `x` is clean lightness in 0..1 followed by chroma with noise of deviation up to 1; `steps`
are the whole numbers 0..999 of the noise schedule; the result has deviation about 1.

Source: Kazedaa/Hueshift-Video-Coloring, commit 4a32b61, models/unet.py (`Unet`),
models/embeddings.py, configs/ddpm.yaml. Departure: the conditional path, which cannot run there,
is left out.
"""

import itertools
from collections.abc import Sequence

import jax
from flax import nnx
from jaxtyping import Array, Float, Int

from hueshift_jax.nn.conv import Conv, Linear
from hueshift_jax.nn.diffusion_blocks import BlockKind, DownBlock, MidBlock, UpBlock
from hueshift_jax.nn.initial import PYTORCH
from hueshift_jax.nn.norm import GroupNorm
from hueshift_jax.ops.embedding import sinusoidal
from hueshift_jax.ops.shapes import require_picture, require_shape


class TimeEmbedding(nnx.Module):
    """Steps as sines and cosines, mixed by two linear layers."""

    def __init__(self, features: int, *, rngs):
        self.first = Linear(features, features, initial=PYTORCH, rngs=rngs)
        self.second = Linear(features, features, initial=PYTORCH, rngs=rngs)
        self.features = features

    def __call__(self, steps: Int[Array, "b"]) -> Float[Array, "b d"]:
        y = self.first(sinusoidal(steps, self.features))
        return self.second(jax.nn.silu(y))


class HueShiftUNet(nnx.Module):
    """Predicts the noise in the last channels of `x`; sides are multiples of 8.

    Args:
      inputs: channels of `x`.
      outputs: channels of the noise.
      widths: channels before the first level and after each one.
      middle: channels entering and leaving the middle blocks.
      head: channels after the last level.
      time_features: of the embedded time.
      heads: of every attention.
      groups: of every norm.
      halved: whether each level halves the size.
      attended: whether each level has attention; the middle always has.
      layers: units of the blocks down, in the middle and up.
    """

    def __init__(
        self,
        inputs: int = 3,
        outputs: int = 2,
        *,
        widths: Sequence[int] = (256, 384, 512, 768),
        middle: Sequence[int] = (768, 512),
        head: int = 128,
        time_features: int = 512,
        heads: int = 16,
        groups: int = 32,
        halved: Sequence[bool] = (True, True, True),
        attended: Sequence[bool] = (True, True, True),
        layers: tuple[int, int, int] = (2, 2, 2),
        rngs,
    ):
        kinds = [
            [BlockKind(n, heads if has else None, groups, time_features) for has in attended]
            for n in (layers[0], layers[2])
        ]
        center = BlockKind(layers[1], heads, groups, time_features)
        self.conv_in = Conv(inputs, widths[0], 3, padding=1, initial=PYTORCH, rngs=rngs)
        self.time = TimeEmbedding(time_features, rngs=rngs)
        self.downs = nnx.List(
            [
                DownBlock(widths[n], widths[n + 1], kind, halved=halved[n], rngs=rngs)
                for n, kind in enumerate(kinds[0])
            ]
        )
        self.mids = nnx.List(
            [MidBlock(i, o, center, rngs=rngs) for i, o in itertools.pairwise(middle)]
        )
        ups = []
        for n, kind in reversed(list(enumerate(kinds[1]))):
            after = widths[n - 1] if n else head
            options = {"skipped": widths[n], "doubled": halved[n], "rngs": rngs}
            ups.append(UpBlock(widths[n], after, kind, **options))
        self.ups = nnx.List(ups)
        self.norm_out = GroupNorm(groups, head)
        self.conv_out = Conv(head, outputs, 3, padding=1, initial=PYTORCH, rngs=rngs)
        self.inputs = inputs
        self.multiple = 2 ** sum(halved)

    def __call__(
        self, x: Float[Array, "b h w c"], steps: Int[Array, "n"]
    ) -> Float[Array, "b h w d"]:
        """Predicts the noise.

        Raises:
          ShapeError: wrong channels, sides that are no multiples, or not one step a picture.
        """
        require_picture(x, self.inputs, multiple=self.multiple)
        require_shape(steps, (x.shape[0],), what="list of steps")
        time = self.time(steps)
        x = self.conv_in(x)
        skipped = []
        for down in self.downs:
            skipped.append(x)
            x = down(x, time)
        for mid in self.mids:
            x = mid(x, time)
        for up in self.ups:
            x = up(x, time, skipped.pop())
        return self.conv_out(jax.nn.silu(self.norm_out(x)))
