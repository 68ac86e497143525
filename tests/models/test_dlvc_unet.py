"""DLVC's U-Net at small widths, and where its tokens go."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.dlvc_unet import DLVCUNet, placed, reinterpreted
from tests.models.weights import filled, quick_compilation

SMALL = {"width": 2, "deepest": 6, "time_features": 10, "token_features": 32}


@pytest.fixture(scope="module")
def network():
    return filled(lambda: DLVCUNet(**SMALL, rngs=nnx.Rngs(0)))


def inputs(shape=(2, 8, 12, 4), count=7, steps=2):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal(shape), jnp.float32)
    tokens = jnp.asarray(rng.standard_normal((shape[0], count, 32)), jnp.float32)
    return x, jnp.arange(steps), tokens


@pytest.mark.parametrize(("width", "size"), [(100, 54_990_868), (200, 188_076_068)])
def test_the_published_sizes(width, size):
    made = nnx.eval_shape(lambda: DLVCUNet(width=width, rngs=nnx.Rngs(0)))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(made))) == size


def test_any_size_of_whole_patches(network):
    assert nnx.eval_shape(lambda net: net(*inputs()), network).shape == (2, 8, 12, 4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": (2, 8, 12, 3)},
        {"shape": (2, 8, 10, 4), "count": 6},
        {"count": 6},
        {"steps": 1},
    ],
)
def test_what_does_not_fit_is_refused(network, wrong):
    with pytest.raises(ShapeError):
        network(*inputs(**wrong))


def test_tokens_lie_where_their_patches_are():
    tokens = jnp.arange(7.0)[None, :, None] * jnp.ones((1, 1, 32))
    found = placed(tokens, (2, 3), 4)
    assert found.shape == (1, 8, 12, 2)
    np.testing.assert_array_equal(found[0, ::4, ::4, 0], [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(found[0, 4:, 8:], jnp.full((4, 4, 2), 6.0))


def test_published_tokens_are_read_as_they_lie_in_memory():
    tokens = jnp.arange(7.0 * 32).reshape(1, 7, 32)
    found = reinterpreted(tokens, (2, 3), 4)
    expected = np.arange(6.0 * 32).reshape(2, 8, 12).transpose(1, 2, 0)
    np.testing.assert_array_equal(found[0], expected)
    assert reinterpreted(tokens, (2, 3), 2).shape == (1, 4, 6, 8)


def test_whole_channels_are_dropped_in_training_only(network):
    part = network.down1
    x, time = jnp.ones((1, 4, 4, 4)), jnp.ones((1, 10))
    part.train()
    dropped = part.dropout(x, rngs=nnx.Rngs(dropout=3))
    means = np.asarray(dropped.mean((1, 2)))
    assert set(np.round(means.ravel(), 4)) <= {0.0, np.float32(np.round(1 / 0.7, 4))}
    run = nnx.jit(lambda part, key: part(x, time, nnx.Rngs(dropout=key)))
    with quick_compilation():
        found = [run(part, jax.random.key(n)) for n in range(4)]
        part.eval()
        still = [run(part, jax.random.key(n)) for n in range(2)]
    assert any(np.abs(other - found[0]).max() > 1e-3 for other in found[1:])
    np.testing.assert_array_equal(*still)
