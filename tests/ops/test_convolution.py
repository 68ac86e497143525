"""The fast formulations equal XLA's own convolutions, forward and backward."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from hueshift_jax.ops import convolution

LAYOUT = ("NHWC", "HWIO", "NHWC")


def grouped(x, kernel, stride):
    """One filter per channel, as XLA has it."""
    return lax.conv_general_dilated(
        x,
        kernel[:, :, None, :],
        (stride, stride),
        "SAME",
        dimension_numbers=LAYOUT,
        feature_group_count=x.shape[-1],
    )


def arrays(*shapes):
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.standard_normal(shape), jnp.float32) for shape in shapes]


@pytest.mark.parametrize(
    ("size", "kernel", "stride"),
    [
        ((8, 7), 3, 1),
        ((8, 7), 3, 2),
        ((7, 12), 5, 1),
        ((7, 12), 5, 2),
        ((8, 10), 5, 2),
        ((2, 1), 3, 2),
    ],
)
def test_depthwise(size, kernel, stride):
    shape = [2, *(-(-n // stride) for n in size), 3]
    x, weights, direction = arrays((2, *size, 3), (kernel, kernel, 3), shape)

    def value_and_gradients(formulation):
        def loss(x, weights):
            y = formulation(x, weights, stride)
            return jnp.sum(y * direction), y

        return jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(x, weights)

    (_, ours), ours_backward = value_and_gradients(convolution.depthwise)
    (_, theirs), theirs_backward = value_and_gradients(grouped)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for found, expected in zip(ours_backward, theirs_backward):
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_depthwise_with_a_filter_smaller_than_the_stride():
    x, weights = arrays((1, 5, 6, 2), (1, 1, 2))
    np.testing.assert_allclose(
        convolution.depthwise(x, weights, 2), grouped(x, weights, 2), atol=1e-6
    )
    found = jax.grad(lambda x: convolution.depthwise(x, weights, 2).sum())(x)
    expected = np.zeros(x.shape)
    expected[:, ::2, ::2] = weights[0, 0]
    np.testing.assert_allclose(found, expected)


def test_depthwise_on_another_device_is_the_grouped_convolution(monkeypatch):
    x, weights = arrays((2, 7, 8, 3), (3, 3, 3))
    expected = grouped(x, weights, 2)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    np.testing.assert_allclose(convolution.depthwise(x, weights, 2), expected, atol=1e-5)


def test_depthwise_under_jit_and_vmap():
    x, weights = arrays((3, 2, 7, 5, 4), (3, 3, 4))
    mapped = jax.jit(jax.vmap(lambda x: convolution.depthwise(x, weights, 2)))(x)
    np.testing.assert_allclose(mapped[1], grouped(x[1], weights, 2), atol=1e-5)


def test_pointwise_is_a_1x1_convolution():
    x, weights = arrays((2, 5, 3, 4), (4, 6))
    expected = convolution.conv(x, weights[None, None])
    np.testing.assert_allclose(convolution.pointwise(x, weights), expected, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_conv_is_a_sum_over_windows(stride):
    x, weights = arrays((1, 5, 6, 2), (3, 3, 2, 3))
    pads = [convolution.same_padding(n, 3, stride) for n in (5, 6)]
    padded = np.pad(np.asarray(x), ((0, 0), *pads, (0, 0)))
    found = convolution.conv(x, weights, stride)
    for i, j in np.ndindex(found.shape[1:3]):
        window = padded[0, i * stride : i * stride + 3, j * stride : j * stride + 3]
        expected = np.einsum("ijc,ijcd->d", window, weights)
        np.testing.assert_allclose(found[0, i, j], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [
        # TensorFlow's documentation of "SAME": the odd one goes to the end.
        (224, 3, 2, (0, 1)),
        (225, 3, 2, (1, 1)),
        (13, 6, 5, (1, 2)),
        (8, 5, 2, (1, 2)),
        (7, 5, 2, (2, 2)),
        (9, 3, 1, (1, 1)),
        (9, 1, 2, (0, 0)),
    ],
)
def test_same_padding(size, kernel, stride, expected):
    assert convolution.same_padding(size, kernel, stride) == expected


def test_same_padding_is_the_one_of_xla():
    for size, kernel, stride in itertools.product(range(1, 20), (1, 2, 3, 5), (1, 2, 3)):
        (expected,) = lax.padtype_to_pads((size,), (kernel,), (stride,), "SAME")
        assert convolution.same_padding(size, kernel, stride) == tuple(expected)


def spread(x, kernel, stride, padding, extra):
    """The transposed convolution as its definition has it: zeros between the pixels."""
    pads = [(n - 1 - padding, n - 1 - padding + extra) for n in kernel.shape[:2]]
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    return lax.conv_general_dilated(
        x, turned, (1, 1), pads, lhs_dilation=(stride, stride), dimension_numbers=LAYOUT
    )


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "extra"),
    [
        ((5, 4), (4, 4), 2, 1, 0),
        ((1, 2), (4, 4), 2, 1, 0),
        ((5, 4), (3, 3), 2, 1, 1),
        ((1, 2), (3, 3), 2, 1, 1),
        ((5, 4), (2, 2), 2, 0, 0),
        ((5, 4), (2, 2), 2, 0, 1),
        ((5, 4), (4, 4), 2, 1, 1),
        ((5, 4), (4, 3), 2, 0, 1),
        ((2, 3), (4, 5), 3, 2, 1),
        ((5, 4), (3, 3), 1, 1, 0),
        ((5, 4), (2, 2), 3, 0, 0),
    ],
)
def test_conv_transpose(size, kernel, stride, padding, extra):
    sides = [(n - 1) * stride - 2 * padding + k + extra for n, k in zip(size, kernel)]
    x, weights, direction = arrays((2, *size, 3), (*kernel, 4, 3), (2, *sides, 4))

    def fast(x, weights):
        return convolution.conv_transpose(x, weights, stride, padding=padding, extra=extra)

    def plain(x, weights):
        return spread(x, weights, stride, padding, extra)

    def with_gradients(form):
        y, backward = jax.vjp(form, x, weights)
        return (y, *backward(direction))

    found, expected = jax.jit(lambda: (with_gradients(fast), with_gradients(plain)))()
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_conv_transpose_on_another_device_is_the_spread_one(monkeypatch):
    x, weights = arrays((1, 5, 4, 3), (4, 4, 2, 3))
    found = convolution.conv_transpose(x, weights, 2, padding=1)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    np.testing.assert_allclose(
        found, convolution.conv_transpose(x, weights, 2, padding=1), atol=1e-5
    )


def test_conv_transpose_is_the_adjoint():
    x, weights, y = arrays((1, 6, 8, 2), (4, 4, 2, 3), (1, 3, 4, 3))
    down = convolution.conv(x, weights, 2, padding=1)
    up = convolution.conv_transpose(y, weights, 2, padding=1)
    np.testing.assert_allclose(jnp.vdot(down, y), jnp.vdot(x, up), rtol=1e-4)


def plain(x, kernel, stride=1, pads=((1, 1), (1, 1)), groups=1):
    """XLA's own convolution."""
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), pads, dimension_numbers=LAYOUT, feature_group_count=groups
    )


def both_ways(ours, theirs, *arguments):
    """Values and gradients of two formulations, in one program."""

    @jax.jit
    def run(*arguments):
        found, expected = jax.vjp(ours, *arguments), jax.vjp(theirs, *arguments)
        direction = jnp.cos(jnp.arange(found[0].size, dtype=jnp.float32)).reshape(found[0].shape)
        return [(y, *back(direction)) for y, back in (found, expected)]

    for found, expected in zip(*run(*arguments)):
        np.testing.assert_allclose(found, expected, atol=1e-3, rtol=1e-4)


def test_one_channel():
    x, weights = arrays((2, 5, 6, 1), (3, 3, 1, 4))
    both_ways(lambda x, k: convolution.conv(x, k, padding=1), plain, x, weights)


def test_large_convolutions_take_fewer_products(monkeypatch):
    x, weights = arrays((1, 5, 6, 128), (3, 3, 128, 4))
    monkeypatch.setattr(convolution, "_LARGE", 0)
    both_ways(lambda x, k: convolution.conv(x, k, padding=1), plain, x, weights)
    text = str(jax.make_jaxpr(lambda x: convolution.conv(x, weights, padding=1))(x))
    assert "conv_general_dilated" not in text
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    text = str(jax.make_jaxpr(lambda x: convolution.conv(x, weights, padding=1))(x))
    assert "conv_general_dilated" in text


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_1x1_with_a_stride(stride, groups):
    x, weights = arrays((2, 5, 6, 4), (1, 1, 4 // groups, 6))
    none = ((0, 0), (0, 0))
    both_ways(
        lambda x, k: convolution.conv(x, k, stride, padding=0, groups=groups),
        lambda x, k: plain(x, k, stride, none, groups),
        x,
        weights,
    )


@pytest.mark.parametrize("edge", ["reflect", "edge"])
@pytest.mark.parametrize("padding", [2, (1, 3), "same"])
def test_other_edges(edge, padding):
    x, weights = arrays((2, 5, 6, 2), (3, 4, 2, 3))
    pads = convolution.padding_of((5, 6), (3, 4), 1, padding)

    def theirs(x, kernel):
        extended = jnp.pad(x, ((0, 0), *pads, (0, 0)), mode=edge)
        return plain(extended, kernel, 1, ((0, 0), (0, 0)))

    both_ways(lambda x, k: convolution.conv(x, k, padding=padding, edge=edge), theirs, x, weights)


@pytest.mark.parametrize(
    ("stride", "dilation", "edge", "groups"),
    [(1, 1, "constant", 2), (2, 1, "reflect", 1), (1, 2, "edge", 1)],
)
def test_gradients_of_gradients(stride, dilation, edge, groups):
    """A penalty on the gradient by the input, differentiated by the kernel, the input and twice."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((2, 6, 7, 4)), jnp.float32)
    kernel = jnp.asarray(rng.standard_normal((3, 3, 4 // groups, 2)), jnp.float32)
    options = {"padding": 2, "edge": edge, "dilation": dilation, "groups": groups}

    def ours(x, kernel):
        return convolution.conv(x, kernel, stride, **options)

    def xlas(x, kernel):
        return jax.lax.conv_general_dilated(
            jnp.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), mode=edge),
            kernel,
            (stride, stride),
            "VALID",
            rhs_dilation=(dilation, dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )

    def derivatives(conv):
        def penalty(x, kernel):
            slope = jax.grad(lambda x: jnp.sum(jnp.sin(conv(x, kernel))))(x)
            steepness = jax.grad(lambda kernel: jnp.sum(jnp.cos(conv(x, kernel))))(kernel)
            return jnp.sum(slope**2) + jnp.sum(steepness**2)

        return jax.jit(jax.grad(penalty, (0, 1)))(x, kernel)

    for found, expected in zip(derivatives(ours), derivatives(xlas), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4 * float(jnp.abs(expected).max()))


@pytest.mark.parametrize("edge", ["reflect", "edge", "constant"])
def test_a_convolution_of_doubled_pixels_needs_no_doubling(edge):
    x, kernel, g = arrays((2, 5, 4, 3), (3, 3, 3, 7), (2, 10, 8, 7))

    def plainly(x, kernel):
        doubled = jnp.repeat(jnp.repeat(x, 2, 1), 2, 2)
        return convolution.conv(doubled, kernel, padding=1, edge=edge)

    def quickly(x, kernel):
        return convolution.conv_of_doubled(x, kernel, edge=edge)

    (found, back), (expected, wanted) = (jax.vjp(f, x, kernel) for f in (quickly, plainly))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for ours, theirs in zip(back(g), wanted(g), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
