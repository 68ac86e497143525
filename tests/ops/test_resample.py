"""Resizing against slow references and XLA's own."""

import functools

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.ops import resample


def pictures(*shape):
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), jnp.float32)


def twice_as_long(line):
    """Bilinear x2 of one line, sample by sample: half-pixel centers, edges repeated."""
    out = np.zeros(2 * len(line))
    for i in range(len(out)):
        at = (i + 0.5) / 2 - 0.5
        low = int(np.floor(at))
        share = at - low
        first, second = (line[min(max(n, 0), len(line) - 1)] for n in (low, low + 1))
        out[i] = (1 - share) * first + share * second
    return out


@pytest.mark.parametrize("size", [(1, 4), (3, 2), (5, 7)])
def test_upsample_twice(size):
    x = pictures(2, *size, 3)
    slow = np.apply_along_axis(twice_as_long, 1, np.asarray(x))
    slow = np.apply_along_axis(twice_as_long, 2, slow)
    found = jax.jit(resample.upsample_twice)(x)
    np.testing.assert_allclose(found, slow, atol=1e-6)
    library = jax.image.resize(x, slow.shape, "linear")
    np.testing.assert_allclose(found, library, atol=1e-5)


def test_upsampling_commutes_with_a_1x1_product():
    x, kernel = pictures(1, 3, 4, 5), pictures(5, 2)

    @jax.jit
    def both(x):
        return resample.upsample_twice(x @ kernel), resample.upsample_twice(x) @ kernel

    np.testing.assert_allclose(*both(x), atol=1e-5)


def test_upsampling_keeps_constants_and_the_mean():
    upsample = jax.jit(resample.upsample_twice)
    x = pictures(1, 4, 6, 2)
    np.testing.assert_allclose(upsample(jnp.full_like(x, 3.0)), 3.0, rtol=1e-6)
    np.testing.assert_allclose(upsample(x).mean((1, 2)), x.mean((1, 2)), atol=1e-5)


def test_nearest_repeats_every_pixel():
    x = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
    found = resample.upsample_nearest(jnp.asarray(x), 3)
    np.testing.assert_array_equal(found, x.repeat(3, 1).repeat(3, 2))


# -- Any size --------------------------------------------------------------------------------------

WAYS = {
    "bilinear": resample.resize_bilinear,
    "corners": functools.partial(resample.resize_bilinear, align_corners=True),
    "smooth bilinear": functools.partial(resample.resize_bilinear, antialias=True),
    "bicubic": resample.resize_bicubic,
    "smooth bicubic": functools.partial(resample.resize_bicubic, antialias=True),
    "lanczos": resample.resize_lanczos,
    "nearest": resample.resize_nearest,
    "area": resample.resize_area,
    "adaptive": resample.adaptive_average_pool,
}


@pytest.mark.parametrize("size", [(5, 12), (14, 3), (9, 7), (1, 1)])
@pytest.mark.parametrize(
    ("way", "flag"),
    [("bilinear", cv2.INTER_LINEAR), ("bicubic", cv2.INTER_CUBIC), ("area", cv2.INTER_AREA)],
)
def test_as_opencv(way, flag, size):
    x = np.asarray(pictures(1, 9, 7, 2))
    found = WAYS[way](jnp.asarray(x), size)
    expected = cv2.resize(x[0], size[::-1], interpolation=flag).reshape(*size, 2)
    np.testing.assert_allclose(found[0], expected, atol=2e-6)


@pytest.mark.parametrize(
    ("way", "method"),
    [("smooth bilinear", "linear"), ("smooth bicubic", "cubic"), ("lanczos", "lanczos3")],
)
def test_antialiased_as_the_library(way, method):
    x = pictures(2, 11, 6, 3)
    for size in ((4, 15), (30, 2)):
        expected = jax.image.resize(x, (2, *size, 3), method)
        np.testing.assert_allclose(WAYS[way](x, size), expected, atol=2e-6)


def test_aligned_corners_stay():
    x = pictures(1, 4, 5, 2)
    for resize in (resample.resize_bilinear, resample.resize_bicubic):
        found = resize(x, (10, 9), align_corners=True)
        np.testing.assert_allclose(found[:, ::9, ::8], x[:, ::3, ::4], atol=1e-6)
        np.testing.assert_allclose(found[:, ::3, ::2], x, atol=1e-6)
        np.testing.assert_allclose(resize(x, (1, 1), align_corners=True), x[:, :1, :1], atol=1e-6)


def test_nearest_by_hand():
    x = jnp.arange(5.0).reshape(1, 1, 5, 1)
    assert resample.resize_nearest(x, (2, 8))[0, 1, :, 0].tolist() == [0, 0, 1, 1, 2, 3, 3, 4]


def test_adaptive_pool_by_hand():
    x = np.asarray(pictures(1, 5, 7, 2))
    found = resample.adaptive_average_pool(jnp.asarray(x), (3, 10))
    for i, j in np.ndindex(3, 10):
        rows = slice(i * 5 // 3, -(-(i + 1) * 5 // 3))
        columns = slice(j * 7 // 10, -(-(j + 1) * 7 // 10))
        np.testing.assert_allclose(found[0, i, j], x[0, rows, columns].mean((0, 1)), atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_same_size_changes_nothing_and_constants_stay(way):
    x = pictures(1, 6, 7, 2)
    np.testing.assert_allclose(WAYS[way](x, (6, 7)), x, atol=1e-6)
    np.testing.assert_allclose(WAYS[way](jnp.ones((1, 6, 7, 1)), (4, 16)), 1.0, rtol=1e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [(3, 11), (12, 14)])
def test_the_gradient_is_the_adjoint(way, size):
    x, y = pictures(1, 6, 7, 2), pictures(1, *size, 2) + 1.0
    found, pullback = jax.vjp(lambda x: WAYS[way](x, size), x)
    np.testing.assert_allclose(jnp.vdot(found, y), jnp.vdot(x, pullback(y)[0]), rtol=1e-4)


def test_far_smaller_goes_through_a_matrix():
    x = pictures(1, 100, 3, 1)
    found, pullback = jax.vjp(lambda x: resample.resize_area(x, (2, 3)), x)
    np.testing.assert_allclose(found, x.reshape(1, 2, 50, 3, 1).mean(2), atol=1e-6)
    np.testing.assert_allclose(pullback(jnp.ones_like(found))[0], 0.02, rtol=1e-5)


def test_resizing_maps_over_further_axes():
    x = pictures(3, 1, 4, 5, 2)
    found = jax.vmap(lambda x: resample.resize_bilinear(x, (7, 3)))(x)
    np.testing.assert_allclose(found[2], resample.resize_bilinear(x[2], (7, 3)), atol=1e-6)
