"""Convolutions in the formulation that is fast on the device at hand, all NHWC float32.

On a CPU a grouped `lax.conv` is 20 to 50 times slower than the same depthwise filter written as a
sum of shifted products, and a 1x1 convolution 2 times slower than a matrix product. "Same" padding
is TensorFlow's: for stride 2 the odd row and column go to the bottom and right.
"""

import functools
import itertools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from hueshift_jax.ops.interleave import depth_to_space
from hueshift_jax.ops.winograd import Pads, winograd

Padding = Literal["same"] | int | tuple[int, int]
Window = tuple[int, Pads, int]
"""Stride, padding, dilation."""

_NO_PADS = ((0, 0), (0, 0))
_WIDE = 128
"""Input channels from which fewer products outweigh the sums around them."""
_LARGE = 6 * 10**8
"""Products from which they outweigh the second that every such layer takes to compile."""
_HALVED = np.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], np.float32)
"""By phase: which of three taps on a doubled row fall on its first and on its second pixel."""


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Rows (or columns) to add before and after so that `ceil(size / stride)` come out."""
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def conv(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "i j _ d"],
    stride: int = 1,
    *,
    padding: Padding = "same",
    edge: str = "constant",
    dilation: int = 1,
    groups: int = 1,
) -> Float[Array, "b p q d"]:
    """Convolution; the kernel of a grouped one is (height, width, channels / groups, outputs).

    padding: "same" (see above), or what is added on every side: rows and columns alike, or each.
    edge: what is added: "constant" (zeros), "reflect" (the border itself is not repeated) or
      "edge" (the border is).
    """
    pads = padding_of(x.shape[1:3], kernel.shape[:2], stride, padding)
    if edge != "constant":
        x, pads = _extended(x, pads, edge), _NO_PADS
    window = (stride, pads, dilation)
    if groups == 1:
        return _ungrouped(x, kernel, window)
    if jax.default_backend() != "cpu":
        return _conv(x, kernel, window, groups)
    parts = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1))
    return jnp.concatenate([_ungrouped(part, weights, window) for part, weights in parts], -1)


def padding_of(
    sizes: tuple[int, ...], kernel: tuple[int, ...], stride: int, padding: Padding
) -> Pads:
    """Rows to add at the top and bottom, columns at the left and right."""
    if padding == "same":
        rows, columns = (same_padding(n, k, stride) for n, k in zip(sizes, kernel))
        return rows, columns
    rows, columns = (padding, padding) if isinstance(padding, int) else padding
    return (rows, rows), (columns, columns)


def _conv(x: jax.Array, kernel: jax.Array, window: Window, groups: int = 1) -> jax.Array:
    return _plain(_Form(window, groups), x, kernel)


class _Form(NamedTuple):
    """What a convolution is beside its two factors."""

    window: Window
    groups: int

    def __call__(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        stride, pads, dilation = self.window
        return lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            pads,
            rhs_dilation=(dilation, dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=self.groups,
        )


# A convolution is linear in each of its factors, so the derivatives of its two gradients are
# convolutions and gradients of that form again. Told so, a CPU computes a gradient of a gradient
# (a gradient penalty has one) as fast as a gradient; what XLA derives for itself is a hundred times
# slower.


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _plain(form: _Form, x: jax.Array, kernel: jax.Array) -> jax.Array:
    return form(x, kernel)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _to_input(form: _Form, shape: tuple[int, ...], g: jax.Array, kernel: jax.Array) -> jax.Array:
    """The gradient by the input, which is of `shape`."""
    like = jax.ShapeDtypeStruct(shape, g.dtype)
    return jax.linear_transpose(lambda x: form(x, kernel), like)(g)[0]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _to_kernel(form: _Form, shape: tuple[int, ...], x: jax.Array, g: jax.Array) -> jax.Array:
    """The gradient by the kernel, which is of `shape`."""
    like = jax.ShapeDtypeStruct(shape, g.dtype)
    return jax.linear_transpose(lambda kernel: form(x, kernel), like)(g)[0]


def _plain_backward(form, factors, g):
    x, kernel = factors
    return _to_input(form, x.shape, g, kernel), _to_kernel(form, kernel.shape, x, g)


def _to_input_backward(form, shape, factors, t):
    del shape
    g, kernel = factors
    return _plain(form, t, kernel), _to_kernel(form, kernel.shape, t, g)


def _to_kernel_backward(form, shape, factors, t):
    del shape
    x, g = factors
    return _to_input(form, x.shape, g, t), _plain(form, x, t)


_plain.defvjp(lambda form, *factors: (_plain(form, *factors), factors), _plain_backward)
_to_input.defvjp(
    lambda form, shape, *factors: (_to_input(form, shape, *factors), factors), _to_input_backward
)
_to_kernel.defvjp(
    lambda form, shape, *factors: (_to_kernel(form, shape, *factors), factors), _to_kernel_backward
)


def _ungrouped(x: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    stride, pads, dilation = window
    if kernel.shape[:2] == (1, 1) and pads == _NO_PADS:
        return pointwise(x[:, ::stride, ::stride], kernel[0, 0])
    if kernel.shape[:2] == (3, 3) and stride == dilation == 1 and jax.default_backend() == "cpu":
        if x.shape[-1] == 1:
            return _formulated(_one_channel, window, x, kernel)
        if x.shape[-1] >= _WIDE and _products(x, kernel, pads) >= _LARGE:
            return _formulated(winograd, window, x, kernel)
    return _conv(x, kernel, window)


def _products(x: jax.Array, kernel: jax.Array, pads: Pads) -> int:
    rows, columns = (n + sum(pad) - k + 1 for n, pad, k in zip(x.shape[1:3], pads, kernel.shape))
    return x.shape[0] * rows * columns * kernel.size


def _one_channel(x: jax.Array, kernel: jax.Array, pads: Pads) -> jax.Array:
    weights = kernel.reshape(-1, 1, 1, 1, kernel.shape[-1])
    taps = _taps(_pad(x, pads), kernel.shape[:2], 1)
    return sum(tap * weight for tap, weight in zip(taps, weights))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _formulated(formulation, window: Window, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A convolution by `formulation`; its derivatives are those of XLA's convolution."""
    return formulation(x, kernel, window[1])


def _formulated_forward(formulation, window, x, kernel):
    return _formulated(formulation, window, x, kernel), (x, kernel)


def _formulated_backward(formulation, window, residuals, g):
    del formulation
    return jax.vjp(lambda x, kernel: _conv(x, kernel, window), *residuals)[1](g)


_formulated.defvjp(_formulated_forward, _formulated_backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _extended(x: jax.Array, pads: Pads, edge: str) -> jax.Array:
    """`jnp.pad` by rows and columns known beforehand, which is twice as fast on a CPU."""
    for axis, pad in enumerate(pads, 1):
        if any(pad):
            x = jnp.take(x, np.pad(np.arange(x.shape[axis]), pad, edge), axis, mode="clip")
    return x


def _extended_backward(pads, edge, shape, g):
    """That of `jnp.pad`, because that of a take adds cell by cell."""
    like = jax.ShapeDtypeStruct(shape, g.dtype)
    sides = ((0, 0), *pads, (0, 0))
    return jax.linear_transpose(lambda x: jnp.pad(x, sides, mode=edge), like)(g)


_extended.defvjp(lambda x, pads, edge: (_extended(x, pads, edge), x.shape), _extended_backward)


def conv_of_doubled(
    x: Float[Array, "b h w c"], kernel: Float[Array, "3 3 c d"], *, edge: str = "reflect"
) -> Float[Array, "b p q d"]:
    """3x3 convolution of `x` with every pixel repeated 2x2, which is never made.

    Each of the four outputs over a pixel sees four pixels with the sums of the weights that fall on
    them: 16 products in place of 36. The size stays that of the doubled picture.

    edge: what the doubled picture is extended by, as `conv` has it.
    """
    inner = "constant" if edge == "constant" else "edge"  # A border pixel reflected is its double.
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode=inner)
    small = jnp.einsum("aki,blj,ijcd->klcabd", _HALVED, _HALVED, kernel)
    rows, columns, outputs = *x.shape[1:3], kernel.shape[-1]
    phases = _conv(padded, small.reshape(2, 2, -1, 4 * outputs), (1, _NO_PADS, 1))
    found = [
        phases[:, i : i + rows, j : j + columns, n * outputs : (n + 1) * outputs]
        for n, (i, j) in enumerate(itertools.product(range(2), repeat=2))
    ]
    return depth_to_space(jnp.concatenate(found, -1), 2)


def conv_transpose(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "i j d c"],
    stride: int,
    *,
    padding: int = 0,
    extra: int = 0,
) -> Float[Array, "b p q d"]:
    """The adjoint of a convolution with that kernel, stride and padding on every side.

    On a CPU the zeros that a stride puts between the pixels are never multiplied, which is about
    twice as fast: the outputs fall into stride x stride phases, each of which sees every
    stride-th tap only.

    extra: rows and columns more at the bottom and right.
    """
    taps = kernel.shape[:2]
    if jax.default_backend() != "cpu" or stride == 1 or min(taps) < stride:
        return _spread(x, kernel, stride, padding, extra)
    sides = [
        (n - 1) * stride - 2 * padding + k + extra for n, k in zip(x.shape[1:3], taps, strict=True)
    ]
    if extra <= padding and not any(k % stride for k in taps):
        return _in_one(x, kernel, stride, padding)[:, : sides[0], : sides[1]]
    return _by_phases(x, kernel, (stride, padding), sides)


def _spread(x: jax.Array, kernel: jax.Array, stride: int, padding: int, extra: int) -> jax.Array:
    """A convolution of `x` with zeros between its pixels."""
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    pads = [(size - 1 - padding, size - 1 - padding + extra) for size in kernel.shape[:2]]
    return lax.conv_general_dilated(
        x,
        turned,
        (1, 1),
        pads,
        lhs_dilation=(stride, stride),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _in_one(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """All phases as outputs of one small convolution, interleaved; too large at the end.

    Every phase has equally many taps, the sides of `kernel` being multiples of the stride.
    """
    rows, columns = (size // stride for size in kernel.shape[:2])
    outputs, inputs = kernel.shape[2:]
    small = kernel.reshape(rows, stride, columns, stride, outputs, inputs)[::-1, :, ::-1]
    small = small.transpose(0, 2, 5, 1, 3, 4).reshape(rows, columns, inputs, -1)
    # Padded beforehand: a padding as wide as the kernel makes its gradient a hundred times slower.
    pads = (rows - 1, rows - 1), (columns - 1, columns - 1)
    phases = conv(_pad(x, pads), small, padding=0)
    return depth_to_space(phases, stride)[:, padding:, padding:]


def _by_phases(x: jax.Array, kernel: jax.Array, geometry, sides: list[int]) -> jax.Array:
    """A convolution for each phase with the taps that it sees, interleaved."""
    stride, padding = geometry
    rows, columns = (
        [_phase(first + padding, stride, *sizes) for first in range(stride)]
        for sizes in zip(x.shape[1:3], kernel.shape[:2], sides, strict=True)
    )
    found = []
    for first_row, row_pads in rows:
        for first_column, column_pads in columns:
            taps = kernel[first_row::stride, first_column::stride]
            turned = taps[::-1, ::-1].swapaxes(2, 3)
            found.append(_conv(x, turned, (1, (row_pads, column_pads), 1)))
    whole = depth_to_space(jnp.concatenate(found, -1), stride)
    return whole[:, : sides[0], : sides[1]]


def _phase(
    place: int, stride: int, inputs: int, taps: int, outputs: int
) -> tuple[int, tuple[int, int]]:
    """First tap and padding of the phase whose first output is `place` of the uncropped whole.

    Negative padding leaves pixels out.
    """
    shift, first = divmod(place, stride)
    count, wanted = -(-(taps - first) // stride), -(-outputs // stride)
    return first, (count - 1 - shift, shift + wanted - inputs)


def pointwise(x: Float[Array, "b h w c"], kernel: Float[Array, "c d"]) -> Float[Array, "b h w d"]:
    """1x1 convolution as one matrix product."""
    return (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], kernel.shape[-1])


def depthwise(
    x: Float[Array, "b h w c"], kernel: Float[Array, "i j c"], stride: int = 1
) -> Float[Array, "b p q c"]:
    """One filter per channel, "same" padding."""
    if jax.default_backend() != "cpu":
        return lax.conv_general_dilated(
            x,
            kernel[:, :, None, :],
            (stride, stride),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=x.shape[-1],
        )
    pads = padding_of(x.shape[1:3], kernel.shape[:2], stride, "same")
    return _shifted(_pad(x, pads), kernel, stride)


def _pad(x: jax.Array, pads: Pads) -> jax.Array:
    return jnp.pad(x, ((0, 0), pads[0], pads[1], (0, 0)))


def _taps(x: jax.Array, shape: tuple[int, int], stride: int):
    """The shifted views of padded `x`, one per kernel tap, in row-major order."""
    rows, columns = ((n - k) // stride + 1 for n, k in zip(x.shape[1:3], shape))
    for i in range(shape[0]):
        for j in range(shape[1]):
            last = (x.shape[0], i + (rows - 1) * stride + 1, j + (columns - 1) * stride + 1)
            yield lax.slice(x, (0, i, j, 0), (*last, x.shape[3]), (1, stride, stride, 1))


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _shifted(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """Depthwise filter of padded `x` as a sum of shifted products."""
    weights = kernel.reshape(-1, 1, 1, 1, kernel.shape[-1])
    return sum(tap * weights[n] for n, tap in enumerate(_taps(x, kernel.shape[:2], stride)))


def _shifted_forward(x, kernel, stride):
    return _shifted(x, kernel, stride), (x, kernel)


def _shifted_backward(stride, residuals, g):
    """Written out because the transpose of many slices (many pads) is slow on a CPU."""
    x, kernel = residuals
    height, width = kernel.shape[:2]
    # Undo the stride with zeros, then filter with the kernel turned by 180 degrees.
    right = [n - ((m - 1) * stride + 1) for n, m in zip(x.shape[1:3], g.shape[1:3])]
    edges = [(k - 1, r, stride - 1) for k, r in zip((height, width), right)]
    spread = lax.pad(g, jnp.zeros((), g.dtype), ((0, 0, 0), edges[0], edges[1], (0, 0, 0)))
    dx = _shifted(spread, kernel[::-1, ::-1], 1)
    dkernel = jnp.stack([jnp.sum(t * g, (0, 1, 2)) for t in _taps(x, (height, width), stride)])
    return dx, dkernel.reshape(kernel.shape)


_shifted.defvjp(_shifted_forward, _shifted_backward)
