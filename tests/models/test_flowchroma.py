"""FlowChroma: causality, caching, the joining layer, enlargement, sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.flowchroma import FlowChroma
from tests.models.weights import filled, quick_compilation

SMALL = {"encoder_widths": (3, 4, 4, 5, 5, 6, 6, 5), "units": 4}
WIDTHS = (6, 5, 4, 4, 3)


def predict(network, gray, features):
    neck = network.encode(gray)
    return network.decode(neck, features), neck, network.recall(neck)[1]


@pytest.fixture(scope="module")
def network():
    return filled(lambda: FlowChroma(**SMALL, decoder_widths=WIDTHS, features=7, rngs=nnx.Rngs(0)))


@pytest.fixture(scope="module")
def window():
    rng = np.random.default_rng(0)
    gray = rng.uniform(-1, 1, (2, 3, 16, 24, 1)).astype(np.float32)
    return jnp.asarray(gray), jnp.asarray(rng.standard_normal((2, 3, 7)), jnp.float32)


@pytest.fixture(scope="module")
def run(network):
    """The compiled network: chroma, encodings, what is recalled."""
    jitted = nnx.jit(predict)

    def run(*inputs):
        with quick_compilation():
            return jitted(network, *inputs)

    return run


def test_every_frame_gets_chroma_of_its_size(run, window):
    chroma = run(*window)[0]
    assert chroma.shape == (2, 3, 16, 24, 2)
    assert 0 < float(jnp.abs(chroma).max()) < 1


def test_encodings_can_be_kept(run, window):
    gray, features = window
    _, neck, _ = run(gray, features)
    _, turned, _ = run(gray[:, ::-1], features)
    np.testing.assert_allclose(turned[:, ::-1], neck, atol=1e-5)


def test_a_frame_knows_the_past_and_not_the_future(run, window):
    gray, features = window
    chroma = run(gray, features)[0]
    changed = run(gray.at[:, 1].multiply(-1.0), features)[0]
    same = np.abs(np.asarray(changed - chroma)).max((0, 2, 3, 4))
    assert same[0] < 1e-6
    assert same[1] > 1e-3
    assert same[2] > 1e-6


def test_the_joining_layer_equals_one_on_tiled_vectors(network, run, window):
    gray, features = window
    _, neck, recalled = run(gray, features)
    vectors = np.concatenate([features, recalled], -1)[:, :, None, None]
    tiled = np.broadcast_to(vectors, (*neck.shape[:-1], vectors.shape[-1]))
    joined = np.concatenate([neck, tiled], -1)
    kernel, bias = map(np.asarray, (network.fuse.kernel, network.fuse.bias))
    expected = np.maximum(joined @ kernel + bias, 0)
    np.testing.assert_allclose(network._fused(neck, features, recalled), expected, atol=1e-4)


def test_published_chroma_comes_in_blocks(network, run, window):
    blocky = nnx.clone(network)
    blocky.blocky = True
    with quick_compilation():
        found = np.asarray(nnx.jit(predict)(blocky, *window)[0])
    np.testing.assert_array_equal(found[:, :, ::2, ::2], found[:, :, 1::2, 1::2])
    small = found[:, :, ::2, ::2]
    enlarged = jax.image.resize(small, found.shape, "bilinear", antialias=False)
    np.testing.assert_allclose(run(*window)[0], enlarged, atol=1e-5)


@pytest.mark.parametrize(
    ("gray", "features", "message"),
    [
        ((1, 3, 16, 20, 1), (1, 3, 7), "16x20; expected sides that are multiples of 8"),
        ((1, 3, 16, 24, 1), (1, 3, 6), r"features has shape \(1, 3, 6\); expected \(1, 3, 7\)"),
    ],
)
def test_other_shapes(network, gray, features, message):
    with pytest.raises(ShapeError, match=message):
        network(jnp.zeros(gray), jnp.zeros(features))
