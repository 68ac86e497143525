"""From the source's own luma and small chroma to the planes that are encoded.

The luma plane is handed on as it was decoded. Chroma is enlarged to the 4:2:0 grid with the right
siting, made displayable at the lightness of the source (constant L* and hue), and expressed in the
source's matrix and range. Black bars are exactly neutral. Chroma that is kept is handed on too.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from hueshift_jax.pipeline.bars import neutral_in
from hueshift_jax.pipeline.displayable import displayable
from hueshift_jax.pipeline.frames import ColorFrame, as_coded
from hueshift_jax.video.frame import (
    ColorSpec,
    Planes,
    Siting,
    matrix_coefficients,
    requantize,
    ycbcr_scale,
)


class Composer:
    """Makes planes of colored frames of one film; one compiled program per size and color.

    Args:
      height, width: the coded size.
      color: what its codes mean.
      rotation: counter-clockwise turn for display; chroma arrives upright.
      deep: chroma in the source's bit depth (uint16) instead of 8 bits, where it has more.
    """

    def __init__(
        self, height: int, width: int, color: ColorSpec, *, rotation: int = 0, deep: bool = False
    ):
        self._size = height, width
        self._color = color
        self._rotation = rotation
        self._bits = color.bit_depth if deep else 8
        self._matrices: dict[tuple[int, int], tuple[jax.Array, jax.Array]] = {}

    def __call__(self, frame: ColorFrame) -> Planes:
        """The planes of one frame: with its own chroma, where it carries it."""
        source = frame.frame
        if source.chroma is not None:
            chroma = (requantize(p, self._color.bit_depth, self._bits) for p in source.chroma)
        else:
            chroma = self.chroma(source.luma, frame.ab)
        neutral = round(ycbcr_scale(self._color, self._bits).neutral)
        cb, cr = (neutral_in(plane, source.bars, neutral) for plane in chroma)
        return Planes(source.pts, source.duration, source.luma, cb, cr)

    def chroma(self, luma: np.ndarray, ab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Code planes Cb and Cr for coded `luma` and small upright `ab`."""
        ab = as_coded(ab, self._rotation)
        enlargers = self._enlargers(ab.shape[:2])
        small = ab.transpose(2, 0, 1)
        codes = np.asarray(_chroma_codes(self._color, self._bits, luma, small, enlargers))
        return codes[0], codes[1]

    def _enlargers(self, small: tuple[int, int]) -> tuple[jax.Array, jax.Array]:
        if small not in self._matrices:
            left = self._color.siting in ("left", "topleft")
            top = self._color.siting == "topleft"
            rows = enlarger(small[0], self._size[0], cosited=top)
            columns = enlarger(small[1], self._size[1], cosited=left)
            self._matrices[small] = jnp.asarray(rows), jnp.asarray(columns.T)
        return self._matrices[small]


def enlarger(small: int, luma: int, *, cosited: bool) -> np.ndarray:
    """The matrix (chroma samples, small) of linear interpolation along one axis, edges repeated.

    Both grids cover the `luma` samples; a chroma sample lies on an even luma sample if cosited,
    and between a pair of them otherwise.
    """
    chroma = -(-luma // 2)
    place = 2 * np.arange(chroma) + (0.0 if cosited else 0.5)
    return _hat((place + 0.5) * small / luma - 0.5, small)


def _hat(place: np.ndarray, small: int) -> np.ndarray:
    place = np.clip(place, 0, small - 1)
    distance = np.abs(place[:, None] - np.arange(small))
    return np.maximum(0, 1 - distance).astype(np.float32)


@partial(jax.jit, static_argnums=(0, 1))
def _chroma_codes(color: ColorSpec, bits: int, luma, small, enlargers):
    rows, columns = enlargers
    level = _level(_on_chroma_grid(luma, color.siting), color)
    ab = jnp.einsum("ys,csx->cyx", rows, small @ columns, precision="highest")
    # The barriers keep the compiler from computing shared parts once for each use.
    level, ab = jax.lax.optimization_barrier((level, ab))
    rgb = displayable(level, ab[0], ab[1])
    return _cb_cr(color, bits, rgb)


def _on_chroma_grid(luma: jax.Array, siting: Siting) -> jax.Array:
    """Means of luma around each chroma sample: pairs, or 1-2-1 where the two coincide."""
    luma = luma.astype(jnp.float32)
    luma = _halve(luma, 0, cosited=siting == "topleft")
    return _halve(luma, 1, cosited=siting in ("left", "topleft"))


def _halve(plane: jax.Array, axis: int, *, cosited: bool) -> jax.Array:
    odd = plane.shape[axis] % 2
    even = jnp.pad(plane, [(0, odd * (axis == n)) for n in range(2)], mode="edge")
    first = jax.lax.slice_in_dim(even, 0, None, stride=2, axis=axis)
    second = jax.lax.slice_in_dim(even, 1, None, stride=2, axis=axis)
    if not cosited:
        return 0.5 * (first + second)
    head = jax.lax.slice_in_dim(first, 0, 1, axis=axis)
    before = jnp.concatenate([head, jax.lax.slice_in_dim(second, 0, -1, axis=axis)], axis)
    return 0.5 * first + 0.25 * (before + second)


def _level(codes: jax.Array, color: ColorSpec) -> jax.Array:
    scale = ycbcr_scale(color, color.bit_depth)
    return jnp.clip((codes - scale.black) / scale.luma_span, 0, 1)


def _cb_cr(color: ColorSpec, bits: int, rgb: Sequence[jax.Array]) -> jax.Array:
    kr, kb = matrix_coefficients(color.matrix)
    scale = ycbcr_scale(color, bits)
    red, green, blue = rgb
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    dtype = jnp.uint8 if bits == 8 else jnp.uint16
    differences = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    codes = [scale.neutral + scale.chroma_span * difference for difference in differences]
    return jnp.clip(jnp.floor(jnp.stack(codes) + 0.5), 0, 2**bits - 1).astype(dtype)
