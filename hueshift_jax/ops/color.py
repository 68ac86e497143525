"""sRGB, linear light and CIELAB (D65, 2 degree observer), and what keeps a color displayable.

Ranges: srgb and linear 0..1; lab has L 0..100 and a, b in CIELAB units (for sRGB colors a is
-86.2..98.3 and b is -107.9..94.5); `luma` is gamma-encoded gray 0..1, for which R = G = B = luma.
The last axis holds the components. All functions are jittable and have finite gradients
everywhere. The constants are those of scikit-image and kornia, including their rounding (white
has a = -0.0025, b = 0.0046).

Source: IEC 61966-2-1 (sRGB), CIE 15 (CIELAB).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

RGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
XYZ_TO_RGB = np.linalg.inv(RGB_TO_XYZ)
WHITE_XYZ = np.array([0.95047, 1.0, 1.08883])

_DARK_SRGB = 0.04045
_DARK_LINEAR = 0.0031308
_DARK_XYZ = 0.008856
_DARK_LAB = 0.2068966
_SLOPE = 7.787
_OFFSET = 16.0 / 116.0


def srgb_to_linear(srgb: Float[Array, "..."]) -> Float[Array, "..."]:
    """Linear light of gamma-encoded values; inputs are not clipped."""
    # The base of the power is held above the break so that the unused branch has a finite gradient.
    curved = ((jnp.maximum(srgb, _DARK_SRGB) + 0.055) / 1.055) ** 2.4
    return jnp.where(srgb <= _DARK_SRGB, srgb / 12.92, curved)


def linear_to_srgb(linear: Float[Array, "..."]) -> Float[Array, "..."]:
    """Gamma-encoded values of linear light; inputs are not clipped."""
    curved = 1.055 * jnp.maximum(linear, _DARK_LINEAR) ** (1 / 2.4) - 0.055
    return jnp.where(linear <= _DARK_LINEAR, 12.92 * linear, curved)


def _mix(colors: Float[Array, "*b 3"], matrix: np.ndarray) -> Float[Array, "*b 3"]:
    """Applies a 3x3 matrix to the last axis in full precision on every device."""
    c0, c1, c2 = colors[..., 0], colors[..., 1], colors[..., 2]
    rows = [float(r[0]) * c0 + float(r[1]) * c1 + float(r[2]) * c2 for r in matrix]
    return jnp.stack(rows, axis=-1)


def _lab_curve(t: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.where(t > _DARK_XYZ, jnp.cbrt(jnp.maximum(t, _DARK_XYZ)), _SLOPE * t + _OFFSET)


def _lab_curve_inverse(f: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.where(f > _DARK_LAB, f**3, (f - _OFFSET) / _SLOPE)


def linear_to_lab(linear: Float[Array, "*b 3"]) -> Float[Array, "*b 3"]:
    """CIELAB of linear light."""
    f = _lab_curve(_mix(linear, RGB_TO_XYZ / WHITE_XYZ[:, None]))
    fx, fy, fz = f[..., 0], f[..., 1], f[..., 2]
    return jnp.stack([116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)], axis=-1)


def lab_to_linear(lab: Float[Array, "*b 3"]) -> Float[Array, "*b 3"]:
    """Linear light of CIELAB; colors outside sRGB come out below 0 or above 1."""
    fy = (lab[..., 0] + 16.0) / 116.0
    fx = fy + lab[..., 1] / 500.0
    fz = jnp.maximum(fy - lab[..., 2] / 200.0, 0.0)
    return _mix(_lab_curve_inverse(jnp.stack([fx, fy, fz], axis=-1)), XYZ_TO_RGB * WHITE_XYZ)


def srgb_to_lab(srgb: Float[Array, "*b 3"]) -> Float[Array, "*b 3"]:
    """CIELAB of sRGB."""
    return linear_to_lab(srgb_to_linear(srgb))


def lab_to_srgb(lab: Float[Array, "*b 3"]) -> Float[Array, "*b 3"]:
    """sRGB of CIELAB, each channel clipped to 0..1.

    Clipping changes lightness and hue; `reduce_to_gamut` first avoids it.
    """
    return jnp.clip(linear_to_srgb(lab_to_linear(lab)), 0.0, 1.0)


def luma_to_lightness(luma: Float[Array, "..."]) -> Float[Array, "..."]:
    """L* of gray whose three components equal `luma` (luma 0.5 is L* 53.389, not 50)."""
    return 116.0 * _lab_curve(srgb_to_linear(luma)) - 16.0


def lightness_to_luma(lightness: Float[Array, "..."]) -> Float[Array, "..."]:
    """The gamma-encoded gray that has this L*; inverse of `luma_to_lightness`."""
    return linear_to_srgb(_lab_curve_inverse((lightness + 16.0) / 116.0))


def in_gamut(lab: Float[Array, "*b 3"], tolerance: float = 1e-4) -> jax.Array:
    """Whether a color can be shown in sRGB, with `tolerance` in linear light; shape (*b)."""
    linear = lab_to_linear(lab)
    return jnp.all((linear >= -tolerance) & (linear <= 1.0 + tolerance), axis=-1)


def reduce_to_gamut(lab: Float[Array, "*b 3"], steps: int = 8) -> Float[Array, "*b 3"]:
    """The nearest displayable color of the same L* and hue: only chroma shrinks, only where needed.

    Bisection on the factor of a and b; after `steps` halvings the factor is exact to 2**-steps and
    the result is on the displayable side. Black and white (L outside 0..100) lose all chroma.
    """
    lightness, ab = lab[..., :1], lab[..., 1:]

    def scaled(factor):
        return jnp.concatenate([lightness, ab * factor[..., None]], axis=-1)

    def halve(_, bounds):
        low, high = bounds
        middle = 0.5 * (low + high)
        fits = in_gamut(scaled(middle))
        return jnp.where(fits, middle, low), jnp.where(fits, high, middle)

    zeros = jnp.zeros(lab.shape[:-1], lab.dtype)
    low, _ = jax.lax.fori_loop(0, steps, halve, (zeros, zeros + 1.0))
    return jnp.where(in_gamut(lab)[..., None], lab, scaled(low))


class ChromaPreset(NamedTuple):
    """How a published network writes chroma: `network = (ab + offset) / scale`."""

    scale: float
    offset: float = 0.0

    def encode(self, ab: Float[Array, "..."]) -> Float[Array, "..."]:
        """Network values of CIELAB chroma."""
        return (ab + self.offset) / self.scale

    def decode(self, values: Float[Array, "..."]) -> Float[Array, "..."]:
        """CIELAB chroma of network values."""
        return values * self.scale - self.offset


class LightnessPreset(NamedTuple):
    """How a published network reads lightness: `network = (L - center) / scale`."""

    center: float
    scale: float

    def encode(self, lightness: Float[Array, "..."]) -> Float[Array, "..."]:
        """Network values of L*."""
        return (lightness - self.center) / self.scale

    def decode(self, values: Float[Array, "..."]) -> Float[Array, "..."]:
        """L* of network values."""
        return values * self.scale + self.center


HUESHIFT_DDPM_CHROMA = ChromaPreset(scale=255.0, offset=128.0)
HUESHIFT_DDPM_LIGHTNESS = LightnessPreset(center=0.0, scale=100.0)
CENTERED_CHROMA = ChromaPreset(scale=110.0)
CENTERED_LIGHTNESS = LightnessPreset(center=50.0, scale=50.0)
FLOWCHROMA_CHROMA = ChromaPreset(scale=128.0)
COLORNET_CHROMA = ChromaPreset(scale=255.0, offset=128.0)
COLORNET_LIGHTNESS = LightnessPreset(center=0.0, scale=100.0)
REPORT_UNET_CHROMA = ChromaPreset(scale=110.0)
REPORT_WGAN_CHROMA = ChromaPreset(scale=128.0)
ZHANG_CHROMA = ChromaPreset(scale=110.0)
ZHANG_LIGHTNESS = LightnessPreset(center=50.0, scale=100.0)

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)

REC601_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
TORCHVISION_LUMA = np.array([0.2989, 0.587, 0.114], np.float32)
REC709_LUMA = np.array([0.2125, 0.7154, 0.0721], np.float32)


def srgb_to_luma(srgb: Float[Array, "*b 3"], weights: np.ndarray = REC601_LUMA) -> jax.Array:
    """Gamma-encoded gray by the given weights of R, G and B; shape (*b), 0..1."""
    return srgb[..., 0] * weights[0] + srgb[..., 1] * weights[1] + srgb[..., 2] * weights[2]


def with_luma(
    srgb: Float[Array, "*b 3"], luma: Float[Array, "*b"], weights: np.ndarray = REC601_LUMA
) -> Float[Array, "*b 3"]:
    """`srgb` with R, G and B moved by one amount each so that they have this luma; not clipped."""
    return srgb + (luma - srgb_to_luma(srgb, weights))[..., None]
