"""Resizing, with half-pixel centers unless said otherwise, NHWC float32.

Every output row (or column) is a weighted sum of a few input rows that are known beforehand, so a
resize is two rounds of constant index takes: on a CPU about ten times faster than the products
with dense matrices that XLA's own resize makes. The gradient is a resize too, with the weights
transposed, which spares it a scatter.

Kernels by library, for choosing the function that equals another's:

| library | bilinear | bicubic | shrinking |
|---|---|---|---|
| PyTorch | `resize_bilinear` | `resize_bicubic` (a = -0.75) | no antialiasing unless asked for |
| PyTorch, antialias | `antialias=True` | `antialias=True` (a = -0.5) | the kernel is widened |
| OpenCV | `resize_bilinear` | `resize_bicubic` | as it is; `resize_area` is INTER_AREA |
| Pillow | `antialias=True` | `antialias=True` (a = -0.5) | always widened; `resize_lanczos` |
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_MOST_TAKES = 32
"""Beyond so many taps the unrolled sum is a longer program than a matrix product is a slow one."""


@dataclass(frozen=True, eq=False)
class _Taps:
    """How one axis is resized: output i is the sum over k of weight[i, k] * input[index[i, k]].

    size: of the input.
    """

    size: int
    index: np.ndarray
    weight: np.ndarray

    @cached_property
    def dense(self) -> np.ndarray:
        """The weights as a matrix, outputs by inputs."""
        matrix = np.zeros((len(self.index), self.size), np.float32)
        np.add.at(matrix, (np.arange(len(self.index))[:, None], self.index), self.weight)
        return matrix

    @cached_property
    def transposed(self) -> "_Taps":
        """The adjoint: what each input gives to the outputs."""
        outputs, inputs = np.nonzero(self.dense)
        order = np.argsort(inputs, kind="stable")
        outputs, inputs = outputs[order], inputs[order]
        counts = np.bincount(inputs, minlength=self.size)
        place = np.arange(len(inputs)) - np.repeat(np.cumsum(counts) - counts, counts)
        index = np.zeros((self.size, max(counts.max(), 1)), np.int32)
        weight = np.zeros(index.shape, np.float32)
        index[inputs, place] = outputs
        weight[inputs, place] = self.dense[outputs, inputs]
        return _Taps(len(self.index), index, weight)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _along(x: jax.Array, axis: int, taps: _Taps) -> jax.Array:
    """`x` resized along one axis."""
    if taps.index.shape[1] > _MOST_TAKES:
        product = jnp.tensordot(taps.dense, x, (1, axis), precision=jax.lax.Precision.HIGHEST)
        return jnp.moveaxis(product, 0, axis)
    ones = [-1 if n == axis else 1 for n in range(x.ndim)]
    return sum(
        jnp.take(x, index, axis, mode="clip") * weight.reshape(ones)
        for index, weight in zip(taps.index.T, taps.weight.T)
    )


def _along_forward(x, axis, taps):
    return _along(x, axis, taps), None


def _along_backward(axis, taps, _, g):
    return (_along(g, axis, taps.transposed),)


_along.defvjp(_along_forward, _along_backward)


def _resize(x: jax.Array, size: tuple[int, int], taps: Callable[[int, int], _Taps]) -> jax.Array:
    """Both axes, first the one that loses more (or gains less)."""
    rows, columns = taps(x.shape[1], size[0]), taps(x.shape[2], size[1])
    if size[0] * x.shape[2] <= size[1] * x.shape[1]:
        return _along(_along(x, 1, rows), 2, columns)
    return _along(_along(x, 2, columns), 1, rows)


# -- Kernels and weights -----------------------------------------------------------------------


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Keys' kernel with slope `a` at distance 1."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


_SHARP_CUBIC = functools.partial(_cubic, a=-0.75)
_SMOOTH_CUBIC = functools.partial(_cubic, a=-0.5)


def _centers(inputs: int, outputs: int, align_corners: bool) -> np.ndarray:
    """Where each output lies among the inputs, whose centers are 0, 1, 2, ..."""
    place = np.arange(outputs)
    if align_corners:
        return place * ((inputs - 1) / max(outputs - 1, 1))
    return (place + 0.5) * inputs / outputs - 0.5


@functools.lru_cache
def _interpolating(
    inputs: int, outputs: int, kernel: Callable, reach: int, align_corners: bool
) -> _Taps:
    """The 2 * reach nearest inputs, the border repeated."""
    center = _centers(inputs, outputs, align_corners)
    index = np.floor(center).astype(np.int32)[:, None] + np.arange(1 - reach, 1 + reach)
    weight = kernel(index - center[:, None])
    return _Taps(inputs, np.clip(index, 0, inputs - 1), weight.astype(np.float32))


@functools.lru_cache
def _widened(inputs: int, outputs: int, kernel: Callable, reach: int) -> _Taps:
    """All inputs under the kernel, widened when shrinking; what lies outside is left out."""
    scale = max(inputs / outputs, 1.0)
    center = _centers(inputs, outputs, False) + 0.5
    first = np.floor(center - reach * scale + 0.5).clip(0)
    last = np.floor(center + reach * scale + 0.5).clip(max=inputs)
    index = first[:, None] + np.arange(int((last - first).max()))
    weight = kernel((index + 0.5 - center[:, None]) / scale) * (index < last[:, None])
    return _weighted_means(inputs, index, weight)


def _weighted_means(inputs: int, index: np.ndarray, weight: np.ndarray) -> _Taps:
    weight = weight / weight.sum(1, keepdims=True)
    index = np.clip(index, 0, inputs - 1).astype(np.int32)
    return _Taps(inputs, index, weight.astype(np.float32))


@functools.lru_cache
def _nearest(inputs: int, outputs: int) -> _Taps:
    # In float32, as PyTorch: a product just below a whole number takes the pixel before.
    place = np.floor(np.arange(outputs, dtype=np.float32) * np.float32(inputs / outputs))
    index = np.minimum(place, inputs - 1).astype(np.int32)[:, None]
    return _Taps(inputs, index, np.ones(index.shape, np.float32))


@functools.lru_cache
def _boxes(inputs: int, outputs: int, partial: bool) -> _Taps:
    """Means of boxes that tile the input; pixels on their borders count in part or wholly."""
    edges = np.arange(outputs + 1) * inputs  # In parts of a pixel: exact.
    start, stop = edges[:-1], edges[1:]
    first, last = start // outputs, -(-stop // outputs)
    if not partial:
        start, stop = first * outputs, last * outputs
    index = first[:, None] + np.arange((last - first).max())
    low = np.maximum(index * outputs, start[:, None])
    high = np.minimum((index + 1) * outputs, stop[:, None])
    return _weighted_means(inputs, index, np.maximum(high - low, 0).astype(np.float64))


@functools.lru_cache
def _soft_edges(inputs: int, outputs: int) -> _Taps:
    """OpenCV's INTER_AREA when enlarging: nearest, mixed only where two pixels share an output."""
    scale = inputs / outputs
    index = np.floor(np.arange(outputs) * scale).astype(np.int32)
    share = (np.arange(outputs) + 1) - (index + 1) / scale
    share = np.where((share <= 0) | (index >= inputs - 1), 0.0, share - np.floor(share))
    index = np.minimum(np.stack([index, index + 1], 1), inputs - 1)
    return _Taps(inputs, index, np.stack([1 - share, share], 1).astype(np.float32))


# -- Resizing ----------------------------------------------------------------------------------


def resize_bilinear(
    x: Float[Array, "b h w c"],
    size: tuple[int, int],
    *,
    align_corners: bool = False,
    antialias: bool = False,
) -> Float[Array, "b p q c"]:
    """Bilinear, the border repeated.

    size: height and width that come out.
    align_corners: the centers of the corner pixels stay where they are.
    antialias: when shrinking, the kernel covers all pixels that an output stands for.
    """
    if antialias:
        return _resize(x, size, functools.partial(_widened, kernel=_triangle, reach=1))
    if tuple(size) == (2 * x.shape[1], 2 * x.shape[2]) and not align_corners:
        return upsample_twice(x)
    taps = functools.partial(_interpolating, kernel=_triangle, reach=1, align_corners=align_corners)
    return _resize(x, size, taps)


def resize_bicubic(
    x: Float[Array, "b h w c"],
    size: tuple[int, int],
    *,
    align_corners: bool = False,
    antialias: bool = False,
) -> Float[Array, "b p q c"]:
    """Bicubic, as PyTorch: a = -0.75 and the border repeated, a = -0.5 when antialiased.

    Arguments as for `resize_bilinear`. Results may leave the range of the input.
    """
    if antialias:
        return _resize(x, size, functools.partial(_widened, kernel=_SMOOTH_CUBIC, reach=2))
    taps = functools.partial(
        _interpolating, kernel=_SHARP_CUBIC, reach=2, align_corners=align_corners
    )
    return _resize(x, size, taps)


def resize_lanczos(x: Float[Array, "b h w c"], size: tuple[int, int]) -> Float[Array, "b p q c"]:
    """Lanczos with three lobes, antialiased, as Pillow."""
    return _resize(x, size, functools.partial(_widened, kernel=_lanczos, reach=3))


def resize_nearest(x: Float[Array, "b h w c"], size: tuple[int, int]) -> Float[Array, "b p q c"]:
    """The input pixel at floor(i * input / output), as PyTorch's "nearest"."""
    return _resize(x, size, _nearest)


def resize_area(x: Float[Array, "b h w c"], size: tuple[int, int]) -> Float[Array, "b p q c"]:
    """Means over the area that each output covers, pixels counting by their covered part.

    As OpenCV's INTER_AREA: if a side grows, both are resized by nearest with softened edges.
    """
    if size[0] > x.shape[1] or size[1] > x.shape[2]:
        return _resize(x, size, _soft_edges)
    return _resize(x, size, functools.partial(_boxes, partial=True))


def adaptive_average_pool(
    x: Float[Array, "b h w c"], size: tuple[int, int]
) -> Float[Array, "b p q c"]:
    """Means over boxes of whole pixels that may overlap by one, as PyTorch (also its "area")."""
    return _resize(x, size, functools.partial(_boxes, partial=False))


def _double(x: Float[Array, "..."], axis: int) -> Float[Array, "..."]:
    """Linear interpolation to twice the size along one axis, edges repeated."""
    size = x.shape[axis]
    first, last = jnp.take(x, jnp.array([0]), axis), jnp.take(x, jnp.array([size - 1]), axis)
    before = jnp.concatenate([first, _cut(x, 0, size - 1, axis)], axis)
    after = jnp.concatenate([_cut(x, 1, size, axis), last], axis)
    pairs = jnp.stack([0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after], axis + 1)
    return pairs.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])


def _cut(x: Float[Array, "..."], start: int, stop: int, axis: int) -> Float[Array, "..."]:
    return x[(slice(None),) * axis + (slice(start, stop),)]


def upsample_twice(x: Float[Array, "b h w c"]) -> Float[Array, "b p q c"]:
    """Bilinear x2, as PyTorch's `interpolate(scale_factor=2, align_corners=False)`."""
    return _double(_double(x, 1), 2)


def upsample_nearest(x: Float[Array, "b h w c"], factor: int = 2) -> Float[Array, "b p q c"]:
    """Every pixel repeated factor x factor times."""
    b, h, w, c = x.shape
    spread = jnp.broadcast_to(x[:, :, None, :, None], (b, h, factor, w, factor, c))
    return spread.reshape(b, h * factor, w * factor, c)


def average_pool(x: Float[Array, "b h w c"], factor: int) -> Float[Array, "b p q c"]:
    """Means of factor x factor boxes; the size must be a multiple of `factor`."""
    b, h, w, c = x.shape
    return x.reshape(b, h // factor, factor, w // factor, factor, c).mean((2, 4))
