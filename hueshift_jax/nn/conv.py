"""Convolutional and linear layers, NHWC float32, in the formulations of `ops.convolution`."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hueshift_jax.nn.initial import HE, Initial
from hueshift_jax.ops import convolution
from hueshift_jax.ops.convolution import Padding


class Conv(nnx.Module):
    """k x k convolution; `bias=False` when a norm follows.

    size: of the kernel, one number or (height, width).
    padding: "same" (TensorFlow's: at stride 2 an even size is padded at the bottom and right), or
      rows and columns added on every side (PyTorch's), one number or (height, width).
    edge: what is added: "constant" (zeros), "reflect" (without the border) or "edge".
    groups: the channels are cut into this many parts that do not see each other.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: Padding = "same",
        edge: str = "constant",
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        initial: Initial = HE,
        rngs,
    ):
        height, width = (size, size) if isinstance(size, int) else size
        fan_in = height * width * inputs // groups
        shape = (height, width, inputs // groups, outputs)
        self.kernel = nnx.Param(initial.kernel(rngs.params(), shape, fan_in))
        self.bias = nnx.Param(initial.bias(rngs.params(), (outputs,), fan_in)) if bias else None
        self.stride = stride
        self.padding = padding
        self.edge = edge
        self.dilation = dilation
        self.groups = groups

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        y = self.convolve(x, self.kernel[...])
        return y if self.bias is None else y + self.bias[None, None, None]

    def convolve(
        self, x: Float[Array, "b h w c"], kernel: Float[Array, "i j _ d"]
    ) -> Float[Array, "b p q d"]:
        """The layer without its bias, with another kernel."""
        return convolution.conv(
            x,
            kernel,
            self.stride,
            padding=self.padding,
            edge=self.edge,
            dilation=self.dilation,
            groups=self.groups,
        )


class ConvTranspose(nnx.Module):
    """k x k transposed convolution, as PyTorch's `ConvTranspose2d`.

    The side of the output is (side - 1) * stride - 2 * padding + size + extra. The kernel is kept
    as (height, width, outputs, inputs).

    extra: rows and columns more at the bottom and right (PyTorch's `output_padding`).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        stride: int,
        padding: int = 0,
        extra: int = 0,
        bias: bool = True,
        initial: Initial = HE,
        rngs,
    ):
        fan_in = size * size * outputs  # As PyTorch counts it for this layer.
        shape = (size, size, outputs, inputs)
        self.kernel = nnx.Param(initial.kernel(rngs.params(), shape, fan_in))
        self.bias = nnx.Param(initial.bias(rngs.params(), (outputs,), fan_in)) if bias else None
        self.stride = stride
        self.padding = padding
        self.extra = extra

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q d"]:
        y = convolution.conv_transpose(
            x, self.kernel[...], self.stride, padding=self.padding, extra=self.extra
        )
        return y if self.bias is None else y + self.bias[None, None, None]


class Pointwise(nnx.Module):
    """1x1 convolution."""

    def __init__(
        self, inputs: int, outputs: int, *, bias: bool = True, initial: Initial = HE, rngs
    ):
        self.kernel = nnx.Param(initial.kernel(rngs.params(), (inputs, outputs), inputs))
        self.bias = nnx.Param(initial.bias(rngs.params(), (outputs,), inputs)) if bias else None

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        y = convolution.pointwise(x, self.kernel[...])
        return y if self.bias is None else y + self.bias[None, None, None]


class Linear(nnx.Module):
    """x @ kernel + bias on the last axis."""

    def __init__(
        self, inputs: int, outputs: int, *, bias: bool = True, initial: Initial = HE, rngs
    ):
        self.kernel = nnx.Param(initial.kernel(rngs.params(), (inputs, outputs), inputs))
        self.bias = nnx.Param(initial.bias(rngs.params(), (outputs,), inputs)) if bias else None

    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b d"]:
        y = x.reshape(-1, x.shape[-1]) @ self.kernel[...]
        if self.bias is not None:
            y = y + self.bias[None]
        return y.reshape(*x.shape[:-1], y.shape[-1])


class Depthwise(nnx.Module):
    """One k x k filter per channel, "same" padding, with bias.

    frozen: the filter receives no gradient. Its gradient is by far the costliest part of the
    backward pass on a CPU while the filters are about two percent of a mobile network's weights.
    """

    def __init__(self, channels: int, size: int, *, stride: int = 1, frozen: bool = False, rngs):
        flat = jax.random.normal(rngs.params(), (size * size * channels,)) / size
        self.kernel = nnx.Param(flat.reshape(size, size, channels))
        self.bias = nnx.Param(jnp.zeros(channels))
        self.stride = stride
        self.frozen = frozen

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q c"]:
        kernel = self.kernel[...]
        if self.frozen:
            kernel = jax.lax.stop_gradient(kernel)
        return convolution.depthwise(x, kernel, self.stride) + self.bias[None, None, None]


class ConvBlock(nnx.Module):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, rngs):
        self.conv = Conv(inputs, outputs, 3, bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(outputs, momentum=0.99, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        return jax.nn.relu(self.norm(self.conv(x)))
