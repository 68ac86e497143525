"""Fewer products, the same convolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from hueshift_jax.ops.winograd import winograd


@pytest.mark.parametrize(
    ("size", "pads"),
    [
        ((6, 8), ((1, 1), (1, 1))),
        ((7, 5), ((1, 1), (1, 1))),
        ((7, 8), ((0, 0), (0, 0))),
        ((5, 4), ((0, 1), (2, 0))),
        ((1, 1), ((1, 1), (1, 1))),
    ],
)
def test_winograd_is_the_convolution(size, pads):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((2, *size, 5)), jnp.float32)
    kernel = jnp.asarray(rng.standard_normal((3, 3, 5, 4)), jnp.float32)
    layout = ("NHWC", "HWIO", "NHWC")
    expected = lax.conv_general_dilated(x, kernel, (1, 1), pads, dimension_numbers=layout)
    np.testing.assert_allclose(
        jax.jit(lambda x, kernel: winograd(x, kernel, pads))(x, kernel), expected, atol=2e-5
    )
