"""Inception-v3: the published counts, both variants, the auxiliary head, resizing for FID.

Counts: torchvision 0.28, `inception_v3(init_weights=False)`, with and without `aux_logits`;
pytorch-fid's `fid_inception_v3` is torchvision's with 1008 classes and without the auxiliary head.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.inception import Classification, InceptionV3, fid_features
from hueshift_jax.nn.branches import inner_mean, maximum, padded_mean
from tests.models.weights import filled, quick_compilation


def size(module):
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))


@pytest.fixture(scope="module")
def plain():
    return nnx.eval_shape(lambda: InceptionV3(rngs=nnx.Rngs(0)))


@pytest.fixture(scope="module")
def fid():
    return nnx.eval_shape(lambda: InceptionV3(fid=True, rngs=nnx.Rngs(0)))


def test_counts(plain, fid):
    assert size(plain) == 27_161_264
    assert size(plain) - size(plain.auxiliary) == 23_834_568
    assert size(fid) == 23_850_960


def test_sizes(plain):
    picture = jax.ShapeDtypeStruct((1, 299, 299, 3), jnp.float32)
    features, logits = nnx.eval_shape(lambda net, x: net(x), plain, picture)
    assert (features.shape, logits.shape) == ((1, 2048), (1, 1000))
    middle = jax.ShapeDtypeStruct((1, 17, 17, 768), jnp.float32)
    auxiliary = nnx.eval_shape(lambda net, x: net.auxiliary(x), plain, middle)
    assert auxiliary.shape == (1, 1000)


def test_the_variants_differ_in_their_pools(plain, fid):
    pools = {net: [b.pool for b in (*net.small, *net.long, *net.wide)] for net in (plain, fid)}
    assert pools[plain] == 9 * [padded_mean]
    assert pools[fid] == [*8 * [inner_mean], maximum]
    assert fid.auxiliary is None


def test_normalized_input(plain):
    rgb = np.random.default_rng(0).random((1, 4, 5, 3))
    normalized = (rgb - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    found = plain._normalized(jnp.asarray(normalized, jnp.float32))
    np.testing.assert_allclose(found, 2 * rgb - 1, atol=1e-6)


def test_a_narrow_network_runs():
    network = filled(lambda: InceptionV3(6, divisor=32, auxiliary=False, rngs=nnx.Rngs(0)))
    network.eval()
    picture = jnp.asarray(np.random.default_rng(0).standard_normal((1, 75, 80, 3)), jnp.float32)
    with quick_compilation():
        features, logits = nnx.jit(lambda net, x: net(x))(network, picture)
    assert features.shape == (1, network.fc.kernel.shape[0])
    np.testing.assert_allclose(logits, features @ network.fc.kernel[...], atol=1e-4)
    assert float(features.max()) > 1e-3


class Mirror(InceptionV3):
    """Its features are what it is given."""

    def __init__(self):
        pass

    def __call__(self, rgb):
        return Classification(rgb.reshape(len(rgb), -1), rgb)


def test_pictures_of_any_size_are_resized_for_fid(key):
    rgb = jax.random.uniform(key, (1, 8, 8, 3))
    same = fid_features(Mirror(), rgb, side=8)
    np.testing.assert_allclose(same, (2 * rgb - 1).reshape(1, -1), atol=1e-6)
    half = fid_features(Mirror(), rgb, side=4)
    means = rgb.reshape(1, 4, 2, 4, 2, 3).mean((2, 4))
    np.testing.assert_allclose(half, (2 * means - 1).reshape(1, -1), atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 74, 80, 3), (1, 80, 74, 3)])
def test_small_pictures(plain, shape):
    with pytest.raises(ShapeError, match="at least 75"):
        plain(jnp.zeros(shape))
