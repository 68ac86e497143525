"""The neural filter: sizes, and that it sees both pictures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.filter_unet import FilterUNet


def test_published_size():
    made = nnx.eval_shape(lambda: FilterUNet(rngs=nnx.Rngs(0)))
    leaves = jax.tree.leaves(nnx.state(made, nnx.Param))
    assert sum(int(np.prod(leaf.shape)) for leaf in leaves) == 8_628_483
    assert len(leaves) == 28


@pytest.fixture(scope="module")
def network():
    return FilterUNet(width=2, rngs=nnx.Rngs(0))


def test_any_multiple_of_16(network):
    run = nnx.jit(lambda net, x: net(x))
    x = jax.random.uniform(jax.random.key(0), (2, 16, 48, 6))
    found = run(network, x)
    assert found.shape == (2, 16, 48, 3)
    assert float(jnp.abs(found - run(network, x.at[..., 3:].mul(0.5))).max()) > 1e-5
    np.testing.assert_allclose(run(network, x[::-1]), found[::-1], atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 16, 24, 6), (1, 16, 16, 3)])
def test_other_shapes(network, shape):
    with pytest.raises(ShapeError, match="expected"):
        network(jnp.zeros(shape))
