"""RAFT: upsampling against a slow reference, iterations, sizes, modes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models import raft
from hueshift_jax.models.raft import RAFT, Sizes
from tests.models.weights import filled, quick_compilation

BASIC = Sizes(
    stages=(4, 4, 8),
    features=6,
    hidden=4,
    context=4,
    radius=1,
    correlation=(6, 4),
    flow=(4, 4),
    motion=4,
    head=4,
)
SMALL = BASIC._replace(bottleneck=True, correlation=(6,), full=False)


def pictures(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).uniform(0, 1, shape), jnp.float32)


@pytest.fixture(scope="module")
def frames():
    return pictures(1, 64, 72, 3), pictures(1, 64, 72, 3, seed=1)


def split(sizes):
    return nnx.split(filled(lambda: RAFT(sizes, rngs=nnx.Rngs(0))), nnx.Param, ...)


def test_convex_upsampling():
    rng = np.random.default_rng(0)
    flow, weights = rng.standard_normal((1, 2, 3, 2)), rng.standard_normal((1, 2, 3, 576))
    found = raft.convex_upsampled(jnp.asarray(flow, jnp.float32), jnp.asarray(weights, jnp.float32))
    for i, j in np.ndindex(16, 24):
        row, column = i // 8, j // 8
        logits = weights[0, row, column].reshape(9, 8, 8)[:, i % 8, j % 8]
        shares = np.exp(logits) / np.exp(logits).sum()
        value = np.zeros(2)
        for n in range(9):
            y, x = row + n // 3 - 1, column + n % 3 - 1
            if 0 <= y < 2 and 0 <= x < 3:
                value += shares[n] * 8 * flow[0, y, x]
        np.testing.assert_allclose(found[0, i, j], value, atol=1e-5)


@pytest.mark.parametrize("sizes", [BASIC, SMALL], ids=["basic", "small"])
def test_iterations_and_modes(sizes, frames):
    """The smallest pictures, where the coarsest correlation is one pixel high."""
    graph, params, rest = split(sizes)

    def run(params, start):
        network = nnx.merge(graph, params, rest, copy=True)
        network.train()
        motion = network(*frames, 2, start=start, every=True)
        last = network.enlarged(motion.coarse, jnp.zeros((1, 8, 9, sizes.hidden)))
        return motion, last, nnx.state(network, nnx.BatchStat)

    with quick_compilation():
        motion, last, statistics = jax.jit(run)(params, jnp.ones((1, 8, 9, 2)))
    assert motion.flows.shape == (2, 1, 64, 72, 2)
    assert motion.coarse.shape == (1, 8, 9, 2)
    assert np.isfinite(motion.flows).all()
    if sizes.full:
        assert np.any(statistics["context"]["norm"]["mean"][...])
    else:
        assert not statistics
        np.testing.assert_allclose(last, motion.flows[-1], rtol=1e-5)


def test_the_last_flow_alone_is_the_last_of_all(frames):
    graph, params, rest = split(SMALL)
    network = nnx.merge(graph, params, rest)
    with quick_compilation():
        every, last = jax.jit(
            lambda: [network(*frames, 2, every=every).flows for every in (True, False)]
        )()
    assert last.shape == (1, 1, 64, 72, 2)
    np.testing.assert_allclose(last[0], every[-1], rtol=1e-5)


def test_without_iterations_the_start_is_enlarged(frames):
    graph, params, rest = split(SMALL)
    network = nnx.merge(graph, params, rest)
    start = jnp.broadcast_to(jnp.array([0.5, -1.0]), (1, 8, 9, 2))
    with quick_compilation():
        flow = jax.jit(lambda s: network(*frames, 0, start=s).flows[-1])(start)
    np.testing.assert_allclose(flow, jnp.broadcast_to(8 * start[0, 0, 0], flow.shape), rtol=1e-5)


@pytest.mark.parametrize("size", [(50, 91), (64, 128)])
def test_flow_of_pictures_of_any_size(size):
    graph, state = nnx.split(nnx.eval_shape(lambda: RAFT(BASIC, rngs=nnx.Rngs(0))))
    x = jax.ShapeDtypeStruct((2, *size, 3), jnp.float32)
    found = jax.eval_shape(lambda s, a, b: nnx.merge(graph, s).flow(a, b), state, x, x)
    assert found.shape == (2, *size, 2)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((1, 64, 64, 1), (1, 64, 64, 1)),
        ((1, 56, 64, 3), (1, 56, 64, 3)),
        ((1, 64, 68, 3), (1, 64, 68, 3)),
        ((1, 64, 64, 3), (1, 64, 72, 3)),
    ],
)
def test_other_pictures_are_refused(first, second):
    graph, state = nnx.split(nnx.eval_shape(lambda: RAFT(SMALL, rngs=nnx.Rngs(0))))
    with pytest.raises(ShapeError, match="expected"):
        jax.eval_shape(lambda s: nnx.merge(graph, s)(jnp.zeros(first), jnp.zeros(second)), state)


def test_another_start_is_refused():
    graph, state = nnx.split(nnx.eval_shape(lambda: RAFT(SMALL, rngs=nnx.Rngs(0))))
    frames, start = jnp.zeros((1, 64, 64, 3)), jnp.zeros((1, 64, 64, 2))
    with pytest.raises(ShapeError, match="start"):
        jax.eval_shape(lambda s: nnx.merge(graph, s)(frames, frames, start=start), state)
