"""The refinement: sizes, memory, mirrored borders, statistics that nobody reads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.transform_net import TransformNet


def sizes(**options):
    made = nnx.eval_shape(lambda: TransformNet(rngs=nnx.Rngs(0), **options))
    return [
        sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(nnx.state(made, kind)))
        for kind in (nnx.Param, nnx.BatchStat)
    ]


def test_published_size():
    counters = 17  # A counter of batches beside each pair of statistics.
    assert sizes() == [2_979_555, 3_409 - counters]
    assert sizes(with_statistics=False) == [2_979_555, 0]


@pytest.fixture(scope="module")
def network():
    return TransformNet(width=4, blocks=1, rngs=nnx.Rngs(0))


RUN = nnx.jit(lambda net, x, memory: net(x, memory))


def test_the_memory_counts(network):
    frames = jax.random.uniform(jax.random.key(0), (2, 8, 20, 12))
    first, memory = RUN(network, frames, None)
    second, _ = RUN(network, frames, memory)
    assert first.shape == second.shape == (2, 8, 20, 3)
    assert memory.cell.shape == (2, 2, 5, 16)
    assert float(jnp.abs(first).max()) <= 1.0
    assert float(jnp.abs(first - second).max()) > 1e-6


def test_nobody_reads_the_statistics(network):
    frames = jax.random.uniform(jax.random.key(0), (1, 8, 8, 12))
    before = RUN(network, frames, None)[0]
    graph, statistics, rest = nnx.split(network, nnx.BatchStat, ...)
    other = nnx.merge(graph, jax.tree.map(lambda x: x + 5.0, statistics), rest, copy=True)
    np.testing.assert_array_equal(RUN(other, frames, None)[0], before)


@pytest.mark.parametrize("shape", [(1, 10, 12, 12), (1, 4, 8, 12), (1, 8, 8, 9)])
def test_other_shapes(network, shape):
    with pytest.raises(ShapeError, match="expected"):
        network(jnp.zeros(shape))
