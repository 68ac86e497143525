"""The HueShift U-Net at small widths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.hueshift_unet import HueShiftUNet
from tests.models.weights import filled, quick_compilation

SMALL = {
    "widths": (4, 6, 8, 10),
    "middle": (10, 8),
    "head": 4,
    "time_features": 8,
    "heads": 2,
    "groups": 2,
    "layers": (1, 1, 1),
}


@pytest.fixture(scope="module")
def network():
    return filled(lambda: HueShiftUNet(**SMALL, rngs=nnx.Rngs(0)))


def shape_of(network, x, steps):
    return nnx.eval_shape(lambda net: net(x, steps), network).shape


def test_the_published_size():
    made = nnx.eval_shape(lambda: HueShiftUNet(rngs=nnx.Rngs(0)))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(made))) == 103_518_466


@pytest.mark.parametrize("size", [(8, 8), (16, 24)])
def test_sizes(network, size):
    assert shape_of(network, jnp.ones((2, *size, 3)), jnp.array([0, 999])) == (2, *size, 2)


def test_other_configurations():
    options = {"halved": (True, False, True), "attended": (False, True, False), "layers": (1, 2, 3)}
    made = nnx.eval_shape(lambda: HueShiftUNet(4, 1, **SMALL | options, rngs=nnx.Rngs(0)))
    assert shape_of(made, jnp.ones((1, 12, 8, 4)), jnp.array([0])) == (1, 12, 8, 1)


@pytest.mark.parametrize(
    ("shape", "steps"), [((1, 8, 8, 2), 1), ((1, 12, 8, 3), 1), ((2, 8, 8, 3), 1)]
)
def test_what_does_not_fit_is_refused(network, shape, steps):
    with pytest.raises(ShapeError):
        network(jnp.ones(shape), jnp.zeros(steps, jnp.int32))


def test_steps_and_samples_do_not_mix(network):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 8, 8, 3)), jnp.float32)
    run = nnx.jit(lambda net, x, steps: net(x, steps))
    with quick_compilation():
        found = run(network, jnp.concatenate([x, x, -x]), jnp.array([7, 900, 7]))
        again = run(network, jnp.concatenate([x, -x, x]), jnp.array([7, 7, 900]))
    np.testing.assert_allclose(found[jnp.array([0, 2, 1])], again, atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3
