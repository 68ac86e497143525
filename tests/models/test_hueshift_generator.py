"""The published generator and encoder: sizes and widths; their numbers are in tests/parity."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.models.hueshift_generator import SelfGuided

WIDTHS = (12, 8, 6, 4)
FEATURES = (2, 4, 4, 6, 8)


@pytest.mark.parametrize("size", [(32, 64), (20, 33)])
def test_any_size(size):
    made = nnx.eval_shape(lambda: SelfGuided(WIDTHS, FEATURES, rngs=nnx.Rngs(0)))
    made.eval()
    graph, state = nnx.split(made)
    gray = jax.ShapeDtypeStruct((2, *size, 1), jnp.float32)
    found = jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, gray)
    assert found.color.shape == (2, *size, 3)
    assert found.saliency.shape == (2, *size, 1)


def test_other_widths():
    made = nnx.eval_shape(lambda: SelfGuided(WIDTHS, FEATURES, rngs=nnx.Rngs(0)))
    params = checkpoint.flatten(nnx.state(made, nnx.Param))
    assert params["generator.middle.conv.kernel"].shape == (3, 3, 12 + 8, 4)
    assert params["encoder.blocks.4.3.conv.kernel"].shape == (3, 3, 8, 8)
    assert "encoder.blocks.0.0.norm.scale" not in params
