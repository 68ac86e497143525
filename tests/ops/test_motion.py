"""Made pairs: what is said to be the flow is the flow."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.ops import motion, warp
from hueshift_jax.ops.motion import MotionSpan
from tests.models.weights import quick_compilation

SIZE = (64, 96)
STILL = {"gain": 0.0, "gamma": 0.0, "grain": 0.0}
NOTHING = {"shift_px": 0.0, "turn": 0.0, "zoom": 0.0, "shear": 0.0, "bend_px": 0.0}


def pictures(count=4, size=(96, 144)):
    """Smooth random gray pictures, very different from one another."""
    rng = np.random.default_rng(0)
    knots = jnp.asarray(rng.uniform(0, 1, (count, 12, 18, 1)), jnp.float32)
    return jnp.clip(jax.image.resize(knots, (count, *size, 1), "cubic")[..., 0], 0, 1)


@pytest.fixture(scope="module", autouse=True)
def quick():
    with quick_compilation():
        yield


@functools.partial(jax.jit, static_argnums=1)
def _made(key, span):
    return motion.make_pair(pictures(), SIZE, key, span=span)


@functools.cache
def made(seed=0, **lengths):
    return _made(jax.random.key(seed), MotionSpan(**lengths))


def test_a_key_decides_everything():
    first, other = made(1, **STILL), made(2, **STILL)
    for a, b in zip(first, _made(jax.random.key(1), MotionSpan(**STILL))):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.flow, other.flow)


def test_shapes_and_ranges():
    pair = made(1, **STILL)
    assert pair.target.shape == pair.source.shape == pair.visible.shape == (4, *SIZE)
    assert pair.flow.shape == (4, *SIZE, 2)
    assert pair.visible.dtype == bool
    for picture in (pair.target, pair.source):
        assert float(picture.min()) >= 0.0
        assert float(picture.max()) <= 1.0


@pytest.mark.parametrize("foregrounds", [0, 3])
def test_the_source_moved_by_the_flow_is_the_target_where_it_is_visible(foregrounds):
    pair = made(3, **STILL, **({} if foregrounds else {"foregrounds": 0}))
    moved = warp.warp(pair.source[..., None], pair.flow, edge="border")[..., 0]
    error = np.abs(np.asarray(moved - pair.target))
    visible = np.asarray(pair.visible)
    assert 0.5 < visible.mean() < 1.0
    # Only the soft edges of foregrounds, where two layers are mixed, are not exact.
    assert np.median(error[visible]) < 0.003
    assert error[visible].mean() < 0.01
    assert error[~visible].mean() > 4 * error[visible].mean()


def test_a_foreground_hides_and_is_never_hidden_by_what_lies_behind_it():
    pair = made(5, **NOTHING, **STILL)
    moving = np.linalg.norm(np.asarray(pair.flow), axis=-1) > 1e-3
    inside = np.asarray(warp.is_inside(pair.flow)[..., 0])
    assert moving.any()
    hidden = ~np.asarray(pair.visible) & inside
    assert hidden[~moving].any()


def test_without_a_span_nothing_moves():
    np.testing.assert_allclose(camera(0, 2, (8, 12), MotionSpan(**NOTHING)), 0.0, atol=1e-5)


def camera(seed, count, size, span):
    run = jax.jit(lambda key: motion.camera_flow(key, count, size, span=span))
    return np.asarray(run(jax.random.key(seed)))


def test_the_camera_reaches_as_far_as_it_may_and_no_farther():
    span = MotionSpan(**{**NOTHING, "shift_px": 10.0})
    flow = camera(0, 64, (8, 8), span)
    far = np.linalg.norm(flow, axis=-1)
    np.testing.assert_allclose(far, np.broadcast_to(far[:, :1, :1], far.shape), atol=1e-4)
    assert 8.0 < far.max() <= 10.0
    assert np.median(far) < 5.0


def test_a_zoom_leaves_the_middle_where_it_is():
    span = MotionSpan(**{**NOTHING, "zoom": 0.1})
    flow = camera(1, 1, (9, 9), span)[0]
    np.testing.assert_allclose(flow[4, 4], 0.0, atol=1e-6)
    np.testing.assert_allclose(flow[0], -flow[-1][::-1], atol=1e-5)
    assert abs(flow[4, 8, 0]) > 1e-3
    assert abs(flow[4, 8, 1]) < 1e-6


def test_light_changes_in_the_source_alone_and_grain_in_both():
    pair = made(1, **STILL)
    darker = motion.disturbed(pair, jax.random.key(1), span=MotionSpan(gain=0.5, grain=0.0))
    np.testing.assert_array_equal(darker.target, pair.target)
    assert np.abs(np.asarray(darker.source - pair.source)).mean() > 0.02
    grainy = motion.disturbed(pair, jax.random.key(1), span=MotionSpan(**{**STILL, "grain": 0.2}))
    for before, after in ((pair.target, grainy.target), (pair.source, grainy.source)):
        assert np.abs(np.asarray(after - before)).mean() > 0.001


def test_the_next_frame_is_the_photograph_moved():
    luma = pictures()
    span = MotionSpan(**STILL)
    pair = jax.jit(lambda key: motion.make_next(luma, key, span=span))(jax.random.key(2))
    np.testing.assert_array_equal(pair.source, luma)
    moved = warp.warp(luma[..., None], pair.flow, edge="border")[..., 0]
    np.testing.assert_allclose(pair.target, moved, atol=2e-3)
    np.testing.assert_array_equal(pair.visible, warp.is_inside(pair.flow)[..., 0])
    assert 0.2 < pair.visible.mean() < 1.0
