"""SqueezeNet 1.1: the published count (torchvision 0.28), pools, taps, and no head."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.squeezenet import FIRES, SqueezeNet
from tests.models.weights import filled, quick_compilation

NARROW = {"fires": tuple(n // 8 for n in FIRES), "stem": 6}


def made(**options):
    return filled(lambda: SqueezeNet(**NARROW, **options, rngs=nnx.Rngs(0)))


def test_count():
    network = nnx.eval_shape(lambda: SqueezeNet(rngs=nnx.Rngs(0)))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network))) == 1_235_496


@pytest.mark.parametrize(
    ("size", "whole", "expected"),
    [
        (224, False, (111, 55, 27, 13)),
        (227, True, (113, 56, 27, 13)),
        (224, True, (111, 55, 27, 13)),
        (64, False, (31, 15, 7, 3)),
        (66, False, (32, 16, 8, 4)),
        (66, True, (32, 15, 7, 3)),
    ],
)
def test_sizes(size, whole, expected):
    network = nnx.eval_shape(lambda: SqueezeNet(None, whole_windows=whole, rngs=nnx.Rngs(0)))
    picture = jax.ShapeDtypeStruct((1, size, size, 3), "f4")
    taps = nnx.eval_shape(lambda net, x: net.taps(x), network, picture)
    stem, second, fourth, *rest = taps
    assert [t.shape[1] for t in (stem, second, fourth)] == list(expected[:3])
    assert {t.shape[1] for t in rest} == {expected[3]}
    assert [t.shape[-1] for t in taps] == [64, 128, 256, 384, 384, 512, 512]


def test_pools_keep_the_last_rows():
    network, x = made(), jnp.zeros((1, 8, 7, 1)).at[:, 7].set(-1.0).at[:, 6].set(-2.0)
    pooled = network._pooled(x)
    assert pooled.shape == (1, 4, 3, 1)
    np.testing.assert_array_equal(pooled[0, 3, :, 0], -1)
    assert made(whole_windows=True)._pooled(x).shape == (1, 3, 3, 1)


def test_the_head_is_a_mean_of_rectified_classes(key):
    picture, network = jax.random.normal(key, (2, 33, 40, 3)), made(classes=5)
    with quick_compilation():
        found, taps = nnx.jit(lambda net, x: (net(x), net.taps(x)))(network, picture)
    expected = np.maximum(np.asarray(taps[-1]) @ np.asarray(network.classes.kernel), 0)
    np.testing.assert_allclose(found, expected.mean((1, 2)), atol=1e-4)


def test_without_a_head_it_gives_its_last_features():
    network = nnx.eval_shape(lambda: SqueezeNet(None, **NARROW, rngs=nnx.Rngs(0)))
    picture = jax.ShapeDtypeStruct((2, 33, 40, 3), jnp.float32)
    assert nnx.eval_shape(lambda net, x: net(x), network, picture).shape == (2, 2, 2, 64)


def test_small_pictures():
    with pytest.raises(ShapeError, match="at least 17"):
        made()(jnp.zeros((1, 16, 30, 3)))
