"""fastai's U-Net: any size, equal beginnings of four pixels; its discriminator's first layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models import dynamic_unet
from tests.models.weights import filled, quick_compilation

WIDTHS = (4, 4, 8, 8)


@pytest.fixture(autouse=True)
def quick():
    with quick_compilation():
        yield


@pytest.fixture(scope="module")
def network():
    made = filled(lambda: dynamic_unet.DynamicUnet(1, 2, WIDTHS, rngs=nnx.Rngs(0)))
    made.eval()
    return made


@pytest.mark.parametrize("size", [(32, 64), (37, 53), (2, 3)])
def test_any_size(network, size):
    lightness = jax.ShapeDtypeStruct((2, *size, 1), jnp.float32)
    found = nnx.eval_shape(lambda net, x: net(x), network, lightness)
    assert found.shape == (2, *size, 2)


def test_pictures_do_not_see_each_other(network):
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (2, 37, 20, 1)), jnp.float32)
    run = nnx.jit(lambda net, x: net(x))
    np.testing.assert_allclose(run(network, x)[1:], run(network, x[1:]), atol=1e-4)


def test_wrong_channels(network):
    with pytest.raises(ShapeError, match="width, 1"):
        network(jnp.zeros((1, 32, 32, 3)))


def test_four_pixels_begin_equal():
    layer = dynamic_unet.Enlarge(3, 5, rngs=nnx.Rngs(0))
    x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 2, 3, 3)), jnp.float32)
    y = layer(x)
    assert y.shape == (1, 4, 6, 5)
    for row, column in np.ndindex(2, 2):
        np.testing.assert_allclose(y[:, row::2, column::2], y[:, ::2, ::2], atol=1e-6)


def test_published_first_layers_are_one_linear_map():
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (1, 24, 32, 3)), jnp.float32)
    outputs = []
    for as_published in (False, True):
        critic = filled(
            lambda published=as_published: dynamic_unet.PatchDiscriminator(
                3, 4, as_published=published, rngs=nnx.Rngs(0)
            )
        )
        outputs.append(nnx.jit(lambda net, x: (net(x), net.layers[0](x)))(critic, x))
    (repaired, rectified), (published, plain) = outputs
    assert repaired.shape == published.shape == (1, 1, 2, 1)
    np.testing.assert_allclose(rectified, jax.nn.leaky_relu(plain, 0.2), atol=1e-6)
    with pytest.raises(ShapeError, match="at least 24"):
        critic(x[:, :16])
