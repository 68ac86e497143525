"""References of color conversion."""

import jax.numpy as jnp
import numpy as np

from hueshift_jax.ops import color
from hueshift_jax.parity.case import Case


def compare_lab(case: Case) -> None:
    """sRGB to CIELAB and back, colors outside sRGB, gray."""
    rgb = jnp.asarray(case.arrays["rgb"], jnp.float32)
    case.compare("lab", color.srgb_to_lab(rgb), tolerance=1e-3, absolute=True)
    back = color.lab_to_srgb(jnp.asarray(case.arrays["lab"]))
    case.compare("rgb", back, tolerance=1e-5, absolute=True)
    outside = np.asarray(color.lab_to_srgb(jnp.asarray(case.arrays["lab_oog"])))
    case.compare("rgb_oog", outside, tolerance=1e-5, absolute=True)


RUNNERS = {"colour_srgb_lab": compare_lab}
