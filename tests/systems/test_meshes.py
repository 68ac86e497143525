"""The default system does the same on one device and on many."""

import dataclasses

import jax
import numpy as np
import pytest

from hueshift_jax import sharding
from hueshift_jax.systems.hueshift_gan import OptimConfig
from tests.systems import tiny

STEPS = 5
CONFIG = dataclasses.replace(tiny.CONFIG, optim=OptimConfig(warmup=20))
"""The default's rates, but a steeper rise. Adam makes steps of full length out of rounding errors,
so that after larger ones no two orders of summation would agree to five digits."""


@pytest.fixture(scope="module", autouse=True)
def small_encoder():
    with tiny.small_and_quick(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharding, "SMALLEST_SPLIT", 512)
        yield


class Begun:
    """A system whose first state is given."""

    def __init__(self, system):
        self.step = system.step
        self.init = lambda key: tiny.initial(system)


def losses(config, shape):
    """The figures of the first steps on a mesh, and the last state."""
    batches = [tiny.batch(n, count=8) for n in range(STEPS)]
    return tiny.first_steps(Begun(config.build()), shape, batches)


@pytest.fixture(scope="module")
def alone(small_encoder):
    return losses(CONFIG, (1, 1))


def check(shape, alone):
    found, state = losses(CONFIG, shape)
    for name, values in found.items():
        np.testing.assert_allclose(values, alone[0][name], rtol=1e-5, err_msg=name)
    kernel = state.params["bins.kernel"]
    assert len(kernel.sharding.device_set) == shape[0] * shape[1]
    assert kernel.addressable_shards[0].data.size * shape[1] == kernel.size
    moments = jax.tree.leaves(state.optimizer)
    split = [leaf for leaf in moments if leaf.shape == kernel.shape]
    assert all(leaf.sharding == kernel.sharding for leaf in split)
    for name, value in state.stats.items():
        np.testing.assert_allclose(value, alone[1].stats[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_four_devices_that_share_batches_and_parameters(alone):
    check((2, 2), alone)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(2, 1), (4, 1), (8, 1), (1, 4)])
def test_other_meshes(shape, alone):
    check(shape, alone)


@pytest.mark.slow
def test_parts_of_a_batch_on_a_mesh():
    """Statistics are of each part, whichever devices work on it."""
    optim = dataclasses.replace(CONFIG.optim, parts=2)
    config = dataclasses.replace(CONFIG, optim=optim)
    first, second = (losses(config, shape)[0] for shape in ((1, 1), (2, 2)))
    np.testing.assert_allclose(first["loss"], second["loss"], rtol=1e-5)
