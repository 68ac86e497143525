"""The vision transformer at small widths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.vision_transformer import VisionTransformer
from tests.models.weights import filled, quick_compilation


@pytest.fixture(scope="module")
def network():
    options = {"features": 8, "layers": 2, "heads": 2, "hidden": 12, "classes": 3}
    return filled(lambda: VisionTransformer(8, 4, **options, rngs=nnx.Rngs(0)))


@pytest.fixture
def x():
    return jnp.asarray(np.random.default_rng(0).standard_normal((1, 8, 8, 3)), jnp.float32)


def test_the_published_size():
    made = nnx.eval_shape(lambda: VisionTransformer(rngs=nnx.Rngs(0)))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(made))) == 88_224_232


def test_patches_are_products_row_by_row(network, x):
    kernel = network.projection.kernel[...]
    windows = [x[0, i : i + 4, j : j + 4] for i in (0, 4) for j in (0, 4)]
    expected = [np.einsum("ijc,ijcd->d", window, kernel) for window in windows]
    np.testing.assert_allclose(network.patches(x)[0], expected, atol=1e-5)


def test_tokens_are_normed_and_the_first_stands_for_all(network, x):
    run = nnx.jit(lambda net, x: net(x))
    with quick_compilation():
        tokens = run(network, x)
        changed = run(network, x.at[:, 4:, 4:].add(1.0))
        assert tokens.shape == (1, 5, 8)
    np.testing.assert_allclose(tokens.mean(-1), 0, atol=1e-5)
    assert np.abs(changed[:, 0] - tokens[:, 0]).max() > 1e-6


@pytest.mark.parametrize("shape", [(1, 8, 12, 3), (1, 8, 8, 1)])
def test_what_does_not_fit_is_refused(network, shape):
    with pytest.raises(ShapeError):
        network(jnp.ones(shape))
