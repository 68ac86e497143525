"""PWC-Net: the order of dense features, the mask, what it accepts and what it trains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models import pwc_net
from hueshift_jax.models.pwc_net import Estimator, PWCNet


def small(**options):
    return PWCNet(
        2,
        widths=(2, 3, 4, 4, 5, 6),
        dense_widths=(4, 4, 3, 3, 2),
        context_widths=(4, 4, 4, 3, 3, 2),
        rngs=nnx.Rngs(0),
        **options,
    )


@pytest.mark.parametrize(
    ("new_first", "expected"),
    [(pwc_net.NEW_FIRST, "543210"), (pwc_net.OLD_NEW_FIRST, "201345")],
)
def test_the_order_of_dense_features(new_first, expected):
    """Layers that say their own number, on an input of zeros."""
    estimator = Estimator(1, (1,) * 5, new_first, upflow=False, upfeat=False, rngs=nnx.Rngs(0))
    for n, layer in enumerate(estimator.layers):
        layer.kernel[...] = jnp.zeros(layer.kernel.shape)
        layer.bias[...] = jnp.full(1, n + 1.0)
    _, features = estimator(jnp.zeros((1, 1, 1, 1)))
    assert "".join(str(int(v)) for v in features[0, 0, 0]) == expected


@pytest.mark.parametrize("old", [False, True])
def test_flows_of_five_levels(old):
    options = {"pyramid_layers": 2, "new_first": pwc_net.OLD_NEW_FIRST} if old else {}
    graph, state = nnx.split(nnx.eval_shape(lambda: small(**options)))
    pair = jax.ShapeDtypeStruct((1, 64, 128, 6), jnp.float32)
    flows = jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, pair)
    assert [flow.shape for flow in flows] == [(1, 64 // s, 128 // s, 2) for s in (4, 8, 16, 32, 64)]


def test_pixels_from_outside_are_silenced():
    network = nnx.eval_shape(small)
    flow = jnp.stack([jnp.full((1, 3, 4), 1.5), jnp.zeros((1, 3, 4))], -1)
    moved = network._moved(jnp.ones((1, 3, 4, 2)), flow)
    np.testing.assert_array_equal(moved[0, :, :, 0], [[1, 1, 0, 0]] * 3)


def test_variants_differ_in_their_weights():
    state = nnx.state(nnx.eval_shape(lambda: small(pyramid_layers=2, spare_upflow=False)))
    assert len(state["pyramid"][0]) == 2
    assert "upflow" not in state["estimators"][0]
    assert "upflow" in state["estimators"][1]


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
