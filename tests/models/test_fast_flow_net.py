"""FastFlowNet: its published constants, its parts, what it accepts and what it trains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models import fast_flow_net
from hueshift_jax.models.fast_flow_net import FastFlowNet
from tests.models.weights import filled, quick_compilation

# fmt: off
PUBLISHED_CHANNELS = (
    0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 21, 22, 23, 24, 26, 28, 29, 30, 31, 32, 33, 34,
    36, 38, 39, 40, 41, 42, 44, 46, 47, 48, 49, 50, 51, 52, 54, 56, 57, 58, 59, 60, 62,
    64, 66, 68, 70, 72, 74, 76, 78, 80,
)
# fmt: on


def small():
    return FastFlowNet(2, widths=(4, 6, 8), reduced=4, decoder_widths=(8, 6, 4), rngs=nnx.Rngs(0))


def pictures(*shape):
    return jnp.asarray(np.random.default_rng(0).uniform(0, 1, shape), jnp.float32)


def test_the_correlation_is_thinned_as_published():
    assert fast_flow_net.KEPT_CHANNELS == PUBLISHED_CHANNELS


def test_channels_are_dealt_out():
    x = jnp.arange(12.0).reshape(1, 1, 1, 12)
    found = fast_flow_net.shuffled(x, 3)[0, 0, 0]
    np.testing.assert_array_equal(found, [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])


def test_brightness_of_both_pictures_does_not_matter():
    first, second = pictures(2, 4, 5, 3), pictures(2, 4, 5, 3) / 2
    pair = fast_flow_net.paired(first, second)
    np.testing.assert_allclose(fast_flow_net.paired(first + 0.2, second + 0.2), pair, atol=1e-6)
    np.testing.assert_allclose(
        pair[..., 2] - pair[..., 5], first[..., 0] - second[..., 0], atol=1e-6
    )


def test_flows_of_five_levels():
    graph, state = nnx.split(nnx.eval_shape(small))
    pair = jax.ShapeDtypeStruct((1, 64, 128, 6), jnp.float32)
    flows = jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, pair)
    assert [flow.shape for flow in flows] == [(1, 64 // s, 128 // s, 2) for s in (4, 8, 16, 32, 64)]


def test_one_level_trains_all_of_its_weights():
    graph, params, rest = nnx.split(filled(small), nnx.Param, ...)
    first, up = pictures(1, 4, 6, 6), pictures(1, 4, 6, 2)

    def loss(params, up):
        network = nnx.merge(graph, params, rest)
        return jnp.sum(network.decoders[0](network.seen(0, first, 1.0 - first, up)) ** 2)

    with quick_compilation():
        gradients, of_flow = jax.jit(jax.grad(loss, (0, 1)))(params, up)
    trained = {"decoders": gradients["decoders"][0], "reduce": gradients["reduce"][0]}
    assert all(np.any(g) and np.isfinite(g).all() for g in jax.tree.leaves(trained))
    assert np.any(of_flow)
    assert not any(np.any(g) for g in jax.tree.leaves(gradients["decoders"][1]))


def test_flow_of_pictures_of_any_size():
    graph, state = nnx.split(nnx.eval_shape(small))
    x = jax.ShapeDtypeStruct((2, 50, 90, 3), jnp.float32)
    found = jax.eval_shape(lambda s, a, b: nnx.merge(graph, s).flow(a, b), state, x, x)
    assert found.shape == (2, 50, 90, 2)


@pytest.mark.parametrize("shape", [(1, 64, 96, 6), (1, 64, 64, 3)])
def test_other_pairs_are_refused(shape):
    graph, state = nnx.split(nnx.eval_shape(small))
    with pytest.raises(ShapeError, match="pair of pictures"):
        jax.eval_shape(lambda s: nnx.merge(graph, s)(jnp.zeros(shape)), state)


def test_two_sizes_are_refused():
    graph, state = nnx.split(nnx.eval_shape(small))
    first, second = jnp.zeros((1, 64, 64, 3)), jnp.zeros((1, 64, 72, 3))
    with pytest.raises(ShapeError, match="equal"):
        jax.eval_shape(lambda s: nnx.merge(graph, s).flow(first, second), state)
