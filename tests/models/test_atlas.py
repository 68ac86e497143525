"""Networks of coordinates: published sizes, gradients at the skips, ranges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models import atlas


def size(make):
    params = nnx.state(nnx.eval_shape(lambda: make(rngs=nnx.Rngs(0))), nnx.Param)
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (atlas.make_mapping, 264_706),
        (atlas.make_background_mapping, 133_122),
        (atlas.make_texture, 416_379),
        (atlas.make_opacity, 402_945),
    ],
)
def test_published_sizes(make, count):
    assert size(make) == count


def small(**options):
    return atlas.CoordinateNetwork(2, 3, 3, width=5, rngs=nnx.Rngs(0), **options)


RUN = nnx.jit(lambda net, x: net(x))


def test_by_hand():
    network = small(octaves=2, skips=(2,))
    x = np.array([[0.3, -0.2], [0.9, 0.1]], np.float32)
    angles = [x * np.pi, x * 2 * np.pi]
    encoded = np.concatenate([f(a) for a in angles for f in (np.sin, np.cos)], 1)
    first, second, last = (
        (np.asarray(layer.kernel[...]), np.asarray(layer.bias[...])) for layer in network.layers
    )
    y = np.maximum(encoded @ first[0] + first[1], 0)
    y = np.maximum(y @ second[0] + second[1], 0)
    y = np.tanh(np.concatenate([y, encoded], 1) @ last[0] + last[1])
    np.testing.assert_allclose(RUN(network, jnp.asarray(x)), y, atol=1e-5)


def test_no_gradient_through_a_skip():
    network = small(octaves=2, skips=(2,))
    network.layers[1].kernel[...] = jnp.zeros((5, 5))
    x = jnp.array([[0.3, -0.2]])
    # Now only the skip reaches the output.
    assert np.ptp(RUN(network, jnp.array([[0.3, -0.2], [0.5, 0.1]])), 0).max() > 1e-3
    slope = nnx.jit(lambda net, x: jax.grad(lambda x: net(x).sum())(x))(network, x)
    np.testing.assert_array_equal(slope, 0.0)


def test_coordinates_themselves():
    network = small()
    assert network.layers[0].kernel.shape == (2, 5)
    assert jax.eval_shape(network, jnp.ones((4, 2))).shape == (4, 3)


def test_colors_of_the_layers_come_from_different_quarters():
    seen = []

    def texture(uv):
        seen.append(uv)
        return jnp.full((len(uv), 3), -1.0)

    uv = jnp.array([[-1.0, 1.0]])
    np.testing.assert_array_equal(atlas.foreground_color(texture, uv), 0.0)
    np.testing.assert_array_equal(atlas.background_color(texture, uv), 0.0)
    np.testing.assert_array_equal(jnp.concatenate(seen), [[0.0, 1.0], [-1.0, 0.0]])


def test_opacity_stays_between_its_bounds():
    points = jnp.ones((1, 3))
    low = atlas.opacity_of(lambda p: -jnp.ones((1, 1)), points)
    high = atlas.opacity_of(lambda p: jnp.ones((1, 1)), points)
    np.testing.assert_allclose([low.item(), high.item()], [0.001, 0.991], rtol=1e-5)


def test_other_coordinates():
    with pytest.raises(ShapeError, match="points"):
        small()(jnp.ones((4, 3)))
