"""Inception-ResNet-v2: the published count, the sizes on the way, residual blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models import inception_resnet_v2
from hueshift_jax.models.inception_resnet_v2 import InceptionResNetV2, Residual
from tests.models.weights import filled, quick_compilation


@pytest.fixture(scope="module")
def abstract():
    return nnx.eval_shape(lambda: InceptionResNetV2(rngs=nnx.Rngs(0)))


def test_count(abstract):
    leaves = jax.tree.leaves(nnx.state(abstract, nnx.Param))
    assert sum(leaf.size for leaf in leaves) == 55_813_192


def test_sizes():
    picture = jax.ShapeDtypeStruct((1, 299, 299, 3), jnp.float32)
    shallow = nnx.eval_shape(lambda: InceptionResNetV2(repeats=(1, 1, 1), rngs=nnx.Rngs(0)))
    last = nnx.eval_shape(lambda net, x: dict(net.steps(x)), shallow, picture)
    shapes = {name: value.shape for name, value in last.items()}
    assert shapes["mixed_5b"] == shapes["block35"] == (1, 35, 35, 320)
    assert shapes["mixed_6a"] == shapes["block17"] == (1, 17, 17, 1088)
    assert shapes["mixed_7a"] == shapes["block8"] == (1, 8, 8, 2080)
    assert shapes["predictions"] == (1, 1000)


@pytest.mark.parametrize("last", [False, True])
def test_residual_blocks(last, key):
    kind = inception_resnet_v2._BLOCK8
    block = filled(lambda: Residual(6, kind, last=last, width=0.02, rngs=nnx.Rngs(0)))
    block.eval()
    x = jax.random.normal(key, (1, 3, 4, 6))
    with quick_compilation():
        found, branches = nnx.jit(lambda net, x: (net(x), net.branches(x)))(block, x)
    added = np.asarray(branches) @ np.asarray(block.up.kernel) * (1.0 if last else 0.2)
    expected = x + added if last else np.maximum(x + added, 0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_last_of_all_blocks_is_the_last(abstract):
    assert [block.last for block in abstract.block8] == [False] * 9 + [True]
    assert not any(block.last for block in [*abstract.block35, *abstract.block17])


@pytest.mark.parametrize("shape", [(1, 74, 80, 3), (1, 80, 74, 3)])
def test_small_pictures(abstract, shape):
    with pytest.raises(ShapeError, match="at least 75"):
        abstract(jnp.zeros(shape))
