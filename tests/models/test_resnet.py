"""ResNet-18: the published number of parameters, any size, levels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.errors import ShapeError
from hueshift_jax.models.resnet import Encoder, ResNet18
from tests.models.weights import filled, quick_compilation

WIDTHS = (4, 6, 8, 10)


@pytest.fixture(scope="module")
def network():
    return filled(lambda: ResNet18(5, 1, WIDTHS, rngs=nnx.Rngs(0)))


@pytest.mark.parametrize(("channels", "count"), [(3, 11_689_512), (1, 11_683_240)])
def test_the_published_size(channels, count):
    made = nnx.eval_shape(lambda: ResNet18(channels=channels, rngs=nnx.Rngs(0)))
    found = checkpoint.flatten(nnx.state(made, nnx.Param)).values()
    assert sum(np.prod(value.shape) for value in found) == count


@pytest.mark.parametrize("size", [(64, 96), (33, 1)])
def test_levels(network, size):
    x = jax.ShapeDtypeStruct((2, *size, 1), jnp.float32)
    levels = nnx.eval_shape(lambda net, x: net.encoder.levels(x), network, x)
    for place, (level, width) in enumerate(zip(levels, (4, *WIDTHS), strict=True)):
        assert level.shape == (2, *(-(-side // 2 ** (place + 1)) for side in size), width)
    assert len(nnx.eval_shape(lambda net, x: net.encoder.levels(x, 2), network, x)) == 3


def test_logits(network):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 40, 33, 1)), jnp.float32)
    network.eval()
    run = nnx.jit(lambda net, x: net(x))
    with quick_compilation():
        logits = run(network, x)
        np.testing.assert_allclose(run(network, x[1:]), logits[1:], atol=1e-5)
    assert logits.shape == (2, 5)


def test_wrong_channels():
    encoder = filled(lambda: Encoder(3, WIDTHS, rngs=nnx.Rngs(0)))
    with pytest.raises(ShapeError, match="width, 3"):
        encoder.levels(jnp.zeros((1, 32, 32, 1)))
