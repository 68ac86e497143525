"""SCGAN: sizes, what evaluation keeps still, and the published variants."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.scgan import Layer, ScganDiscriminator, ScganGenerator
from tests.models.weights import filled, quick_compilation

NARROW = {"width": 2, "saliency_width": 2, "feature_widths": (2, 2, 2, 2, 2)}


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    return tuple(jnp.asarray(rng.random((2, 24, 20, n)), jnp.float32) for n in (1, 3))


def test_colors_are_in_the_range_of_their_targets():
    network = filled(lambda: ScganGenerator(**NARROW, rngs=nnx.Rngs(0)))
    gray = jax.random.uniform(jax.random.key(0), (1, 256, 256, 1))
    with quick_compilation():
        prediction = nnx.jit(lambda net, gray: net(gray))(network, gray)
    assert prediction.color.shape == (1, 256, 256, 3)
    assert prediction.saliency.shape == (1, 256, 256, 1)
    assert float(prediction.color.min()) > 0
    assert float(prediction.color.max()) < 1


@pytest.fixture(scope="module")
def shapes():
    """The network for validation, which has no saliency, without values."""
    return nnx.eval_shape(lambda: ScganGenerator(**NARROW, with_saliency=False, rngs=nnx.Rngs(0)))


def test_without_saliency(shapes):
    prediction = nnx.eval_shape(lambda net: net(jnp.ones((2, 256, 512, 1))), shapes)
    assert prediction.color.shape == (2, 256, 512, 3)
    assert prediction.saliency_logits is None


@pytest.mark.parametrize("shape", [(1, 256, 256, 3), (1, 256, 128, 1), (1, 250, 256, 1)])
def test_wrong_pictures(shapes, shape):
    with pytest.raises(ShapeError):
        nnx.eval_shape(lambda net: net(jnp.ones(shape)), shapes)


@pytest.mark.parametrize("as_published", [False, True])
def test_evaluation_moves_the_singular_vectors_as_published_only(pair, as_published):
    network = filled(
        lambda: ScganDiscriminator(width=2, as_published=as_published, rngs=nnx.Rngs(0))
    )
    network.eval()
    judge = nnx.jit(lambda network, gray, color: network(gray, color))
    first, second = (np.asarray(judge(network, *pair)) for _ in range(2))
    assert np.any(first != second) == as_published
    assert first.shape == (2, 1, 1, 1)


def test_a_critic_judges_pairs_of_one_size_only(pair):
    critic = filled(lambda: ScganDiscriminator(width=2, rngs=nnx.Rngs(0)))
    with pytest.raises(ShapeError):
        critic(pair[0], pair[1][:, :-1])
    with pytest.raises(ShapeError):
        critic(pair[1], pair[1])
    with pytest.raises(ShapeError):
        critic(pair[0][:, :16], pair[1][:, :16])


def test_norms_begin_near_one():
    scale = np.asarray(Layer(1, 512, rngs=nnx.Rngs(0)).norm.scale[...])
    assert 0.015 < scale.std() < 0.025
    assert abs(scale.mean() - 1) < 0.01
