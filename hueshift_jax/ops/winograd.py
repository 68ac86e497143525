"""3x3 convolutions with 16 products where 36 are usual.

Every 2x2 block of the output comes from a 4x4 block of the input. Sums and differences turn both
filters and blocks into 16 matrix products, and those into outputs: 2.25 times fewer
multiplications, about the same rounding error, and longer to compile.

Source: Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", F(2x2, 3x3).
"""

from collections.abc import Iterable

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Four = tuple[Array, Array, Array, Array]


Pads = tuple[tuple[int, int], tuple[int, int]]
"""Rows of zeros at the top and bottom, columns at the left and right."""


def winograd(
    x: Float[Array, "b h w c"], kernel: Float[Array, "3 3 c d"], pads: Pads
) -> Float[Array, "b p q d"]:
    """Convolution of stride 1 of `x` with zeros around it."""
    sides = [n + sum(pad) - 2 for n, pad in zip(x.shape[1:3], pads)]
    rows, columns = (-(-side // 2) for side in sides)
    odd = [(before, after + side % 2) for (before, after), side in zip(pads, sides)]
    padded = jnp.pad(x, ((0, 0), *odd, (0, 0)))
    filters = [_filters(row) for row in _filters(kernel)]
    products = [
        [_product(block, weights) for block, weights in zip(_blocks(band, columns, 2), row)]
        for band, row in zip(_blocks(padded, rows, 1), filters)
    ]
    halves = zip(*(_outputs(column) for column in zip(*products)))
    whole = jnp.stack([jnp.stack(_outputs(half), 3) for half in halves], 2)
    outputs = whole.reshape(len(x), 2 * rows, 2 * columns, kernel.shape[-1])
    return outputs[:, : sides[0], : sides[1]]


def _filters(taps: Iterable[Array]) -> Four:
    """Four filters of one product each for the three taps of a line."""
    first, middle, last = taps
    outer, inner = 0.5 * (first + last), 0.5 * middle
    return first, outer + inner, outer - inner, last


def _blocks(x: Array, count: int, axis: int) -> Four:
    """What the four filters are multiplied with, for `count` overlapping blocks of four."""
    a, b, c, d = (lax.slice_in_dim(x, n, n + 2 * count - 1, 2, axis) for n in range(4))
    return a - c, b + c, c - b, b - d


def _outputs(products: Iterable[Array]) -> tuple[Array, Array]:
    """The two outputs of every block."""
    a, b, c, d = products
    return a + b + c, b - c - d


def _product(x: Float[Array, "b p q c"], kernel: Float[Array, "c d"]) -> Float[Array, "b p q d"]:
    return (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], -1)
