"""Wrong shapes are named."""

import jax.numpy as jnp
import pytest

from hueshift_jax.errors import ShapeError
from hueshift_jax.ops import shapes


def test_a_picture_that_fits():
    shapes.require_picture(jnp.zeros((2, 32, 64, 3)), 3, multiple=32, least=32)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((32, 64, 3), "expected .batch, height, width, 3."),
        ((1, 32, 64, 1), "expected .batch, height, width, 3."),
        ((1, 16, 64, 3), "at least 32"),
        ((1, 40, 64, 3), "multiples of 32"),
    ],
)
def test_a_picture_that_does_not(shape, message):
    with pytest.raises(ShapeError, match=message):
        shapes.require_picture(jnp.zeros(shape), 3, multiple=32, least=32, what="gray picture")


def test_any_stands_for_any():
    shapes.require_shape(jnp.zeros((5, 2)), (None, 2))
    with pytest.raises(ShapeError, match=r"tokens has shape \(5, 2\); expected \(any, 3\)"):
        shapes.require_shape(jnp.zeros((5, 2)), (None, 3), what="tokens")


def test_equal_sizes():
    shapes.require_equal_size(jnp.zeros((1, 4, 4, 3)), jnp.zeros((1, 4, 4, 1)))
    with pytest.raises(ShapeError, match="expected equal"):
        shapes.require_equal_size(jnp.zeros((1, 4, 4, 3)), jnp.zeros((1, 4, 5, 1)))
