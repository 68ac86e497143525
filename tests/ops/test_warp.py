"""Warping and correlation against references that go pixel by pixel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.ops import warp


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def bilinear(x, at, edge):
    """One picture (h, w, c) at one position (x, y), neighbor by neighbor."""
    h, w, c = x.shape
    if edge == "border":
        at = np.clip(at, 0, [w - 1, h - 1])
    left, top = np.floor(at).astype(int)
    value = np.zeros(c)
    for row in (top, top + 1):
        for column in (left, left + 1):
            share = (1 - abs(at[0] - column)) * (1 - abs(at[1] - row))
            if 0 <= row < h and 0 <= column < w:
                value += share * x[row, column]
    return value


def warped(x, flow, edge):
    out = np.zeros(x.shape)
    for n, i, j in np.ndindex(x.shape[:3]):
        out[n, i, j] = bilinear(x[n], np.array([j, i]) + flow[n, i, j].astype(float), edge)
    return out


def correlated(target, source, radius):
    b, h, w, c = target.shape
    side = 2 * radius + 1
    out = np.zeros((b, h, w, side * side))
    for n, i, j, k in np.ndindex(out.shape):
        row, column = i + k // side - radius, j + k % side - radius
        if 0 <= row < h and 0 <= column < w:
            out[n, i, j, k] = (target[n, i, j] * source[n, row, column]).sum() / c
    return out


# -- Warping ----------------------------------------------------------------------------------


def test_the_convention():
    source = np.zeros((1, 4, 5, 1), np.float32)
    source[0, 2, 4] = 1.0
    flow = np.zeros((1, 4, 5, 2), np.float32)
    flow[0, 1, 1] = (3, 1)  # The target's (1, 1) came from x = 4, y = 2 of the source.
    moved = jax.jit(warp.warp)(source, flow)
    assert moved[0, 1, 1, 0] == 1.0
    np.testing.assert_array_equal(warp.coordinates(4, 5)[2, 3], [3, 2])


@pytest.mark.parametrize("edge", ["zero", "border"])
def test_warp(edge):
    source, flow = normal(2, 5, 7, 3), 3 * normal(2, 5, 7, 2, seed=1)
    flow[0, 0, 0], flow[1, 2, 3] = (1e12, -1e12), (-0.5, 4.75)
    found = jax.jit(warp.warp, static_argnames="edge")(source, flow, edge=edge)
    np.testing.assert_allclose(found, warped(source, flow, edge), atol=2e-6)


def test_warp_by_nothing_is_the_identity():
    source = normal(1, 3, 4, 2)
    flow = np.zeros((1, 3, 4, 2), np.float32)
    for edge in ("zero", "border"):
        found = warp.warp(jnp.asarray(source), jnp.asarray(flow), edge=edge)
        np.testing.assert_array_equal(found, source)


@pytest.mark.parametrize("edge", ["zero", "border"])
def test_gradients_of_warp(edge):
    """Against finite differences of the slow one, at positions that are not whole."""
    source, weight = normal(1, 3, 4, 2), normal(1, 3, 4, 2, seed=2)
    flow = np.random.default_rng(3).uniform(0.2, 0.8, (1, 3, 4, 2)).astype(np.float32) - 1.0

    def loss(source, flow):
        return jnp.sum(weight * warp.warp(source, flow, edge=edge))

    found = jax.jit(jax.grad(loss, (0, 1)))(source, flow)
    for place, gradient in enumerate(found):
        for index in np.ndindex(gradient.shape):
            sides = []
            for step in (1e-3, -1e-3):
                arguments = [source.astype(float), flow.astype(float)]
                arguments[place][index] += step
                sides.append((weight * warped(*arguments, edge)).sum())
            assert gradient[index] == pytest.approx((sides[0] - sides[1]) / 2e-3, abs=1e-4)


def test_coverage_is_the_warp_of_ones():
    flow = 3 * normal(2, 5, 7, 2)
    ones = np.ones((2, 5, 7, 1), np.float32)
    expected = warped(ones, flow, "zero")
    np.testing.assert_allclose(jax.jit(warp.coverage)(flow), expected, atol=2e-6)
    np.testing.assert_array_equal(warp.is_inside(jnp.asarray(flow), 0.9), expected >= 0.9)


def test_resize_flow_scales_its_values():
    flow = np.broadcast_to(np.array([2.0, 3.0], np.float32), (1, 4, 6, 2))
    found = warp.resize_flow(jnp.asarray(flow), (2, 12))
    np.testing.assert_allclose(found, np.broadcast_to([4.0, 1.5], (1, 2, 12, 2)), rtol=1e-6)
    found = warp.resize_flow(jnp.asarray(flow), (2, 12), swapped=True)
    np.testing.assert_allclose(found, np.broadcast_to([1.0, 6.0], (1, 2, 12, 2)), rtol=1e-6)


# -- Correlation ------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "radius"), [(3, 4), (19, 2), (37, 4)])
def test_correlation(width, radius):
    target, source = normal(2, 4, width, 6), normal(2, 4, width, 6, seed=1)
    found = jax.jit(warp.correlation, static_argnums=2)(target, source, radius)
    np.testing.assert_allclose(found, correlated(target, source, radius), atol=2e-6)


def test_correlation_keeps_chosen_channels():
    target, source = normal(1, 5, 18, 4), normal(1, 5, 18, 4, seed=1)
    kept = (0, 2, 21, 22, 40, 80)
    found = jax.jit(lambda a, b: warp.correlation(a, b, kept=kept))(target, source)
    np.testing.assert_allclose(found, correlated(target, source, 4)[..., kept], atol=2e-6)


def test_gradients_of_correlation():
    """The cost volume is linear in each picture: gradients are sums over its definition."""
    target, source = normal(1, 3, 18, 2), normal(1, 3, 18, 2, seed=1)
    weight = normal(1, 3, 18, 25, seed=2)

    def loss(target, source):
        return jnp.sum(weight * warp.correlation(target, source, 2))

    found = jax.jit(jax.grad(loss, (0, 1)))(target, source)
    expected = np.zeros(target.shape), np.zeros(source.shape)
    for i, j, k in np.ndindex(weight.shape[1:]):
        row, column = i + k // 5 - 2, j + k % 5 - 2
        if 0 <= row < 3 and 0 <= column < 18:
            expected[0][0, i, j] += weight[0, i, j, k] * source[0, row, column] / 2
            expected[1][0, row, column] += weight[0, i, j, k] * target[0, i, j] / 2
    for ours, slow in zip(found, expected):
        np.testing.assert_allclose(ours, slow, atol=1e-5)


# -- Correlation of all pairs -----------------------------------------------------------------


def looked_up(target, source, at, levels, radius):
    """Window by window, on means of products."""
    b, h, w, c = target.shape
    out = np.zeros((b, h, w, levels, 2 * radius + 1, 2 * radius + 1))
    for n, i, j in np.ndindex(b, h, w):
        products = (source[n].astype(float) @ target[n, i, j] / np.sqrt(c))[..., None]
        for level in range(levels):
            for dx, dy in np.ndindex(out.shape[-2:]):
                place = at[n, i, j] / 2.0**level + np.array([dx, dy]) - radius
                out[n, i, j, level, dx, dy] = bilinear(products, place, "zero")[0]
            rows, columns = products.shape[0] // 2, products.shape[1] // 2
            products = products[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, 1)
            products = products.mean((1, 3))
    return out.reshape(b, h, w, -1)


@pytest.fixture
def pairs():
    """Two pictures of features and positions within and around them."""
    at = np.array(warp.positions(jnp.asarray(4 * normal(1, 5, 7, 2, seed=2))))
    at[0, 0, 0], at[0, 1, 1] = (-1e9, 1e9), (3, 2)
    return normal(1, 5, 7, 4), normal(1, 5, 7, 4, seed=1), at


def test_look_up(pairs):
    @jax.jit
    def run(target, source, at):
        return warp.look_up(warp.correlation_pyramid(target, source, 3), at, 2)

    np.testing.assert_allclose(run(*pairs), looked_up(*pairs, 3, 2), atol=1e-5)


def test_gradient_of_look_up(pairs):
    """Linear in the source: the gradient times the source is the value."""
    target, source, at = map(jnp.asarray, pairs)

    def loss(source):
        pyramid = warp.correlation_pyramid(target, source, 2)
        return jnp.sum(warp.look_up(pyramid, at, 1) * normal(1, 5, 7, 18, seed=3))

    value, gradient = jax.jit(jax.value_and_grad(loss))(source)
    assert jnp.sum(gradient * source) == pytest.approx(float(value), rel=1e-4)
