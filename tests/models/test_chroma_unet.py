"""The chroma U-Net: shapes at any size, heads, and what does not depend on the batch."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.models import chroma_unet
from hueshift_jax.models.chroma_unet import ChromaUNet, ab_bins
from hueshift_jax.models.efficientnet_lite import LITE2, Variant
from hueshift_jax.ops import color
from tests.models.weights import filled, quick_compilation

TINY = Variant(0.35, 0.3, 64)
WIDTHS = (32, 16, 16, 8)


@pytest.fixture(scope="module", autouse=True)
def quick():
    with quick_compilation():
        yield


@pytest.fixture(scope="module")
def network():
    return filled(lambda: ChromaUNet(TINY, WIDTHS, rngs=nnx.Rngs(0)))


@pytest.fixture(scope="module")
def predict(network):
    """The network's prediction without training, compiled once per shape."""
    graph, state = nnx.split(network)

    @jax.jit
    def predicted(luma):
        made = nnx.merge(graph, state)
        made.eval()
        return made(luma)

    return predicted


def luma_of(*shape):
    return jnp.asarray(np.random.default_rng(0).random(shape), jnp.float32)


def test_bins_are_cells_of_displayable_colors():
    bins = ab_bins()
    assert bins.dtype == np.float32
    assert len(bins) == len({tuple(cell) for cell in bins.tolist()}) == 226
    assert (bins % 10 == 0).all()
    levels = np.linspace(5, 95, 19)
    lab = np.array([[(level, a, b) for level in levels] for a, b in bins])
    assert color.in_gamut(jnp.asarray(lab, jnp.float32), 0.01).any(1).all()


def test_bins_cover_srgb():
    axis = np.linspace(0, 1, 12)
    rgb = np.array(list(itertools.product(axis, axis, axis)))
    ab = np.asarray(color.srgb_to_lab(jnp.asarray(rgb, jnp.float32)))[:, 1:]
    nearest = np.linalg.norm(ab[:, None] - ab_bins()[None], axis=-1).min(1)
    assert nearest.max() < 11.0
    assert np.mean(nearest < 5.0 * np.sqrt(2.0)) > 0.95


def test_bins_can_be_made_while_tracing():
    assert jax.eval_shape(lambda: jnp.asarray(ab_bins())).shape == ab_bins().shape


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (192, 352), (256, 448)])
@pytest.mark.parametrize("full", [True, False])
def test_prediction_shapes(size, full):
    variant, widths = (LITE2, (256, 160, 96, 48)) if full else (TINY, WIDTHS)
    made = nnx.eval_shape(lambda: ChromaUNet(variant, widths, rngs=nnx.Rngs(0)))
    made.eval()
    graph, state = nnx.split(made)
    luma = jax.ShapeDtypeStruct((2, *size), jnp.float32)
    found = jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, luma)
    assert found.ab.shape == (2, size[0] // 4, size[1] // 4, 2)
    assert found.logits.shape == (2, size[0] // 8, size[1] // 8, len(ab_bins()))


def test_names_and_size_of_the_default():
    """A trained file depends on these."""
    made = nnx.eval_shape(lambda: ChromaUNet(rngs=nnx.Rngs(0)))
    params = checkpoint.flatten(nnx.state(made, nnx.Param))
    everything = checkpoint.flatten(nnx.state(made))
    assert {name.split(".")[0] for name in params} == {
        *("encoder", "context", "stage16", "stage8", "stage4"),
        *("regression", "function", "bins", "saliency"),
    }
    assert "stage16.blocks.1.conv.kernel" in params
    assert "stage4.blocks.0.norm.mean" in everything.keys() - params.keys()
    encoder = sum(int(np.prod(v.shape)) for k, v in params.items() if k.startswith("encoder."))
    assert 4_300_000 < encoder < 4_400_000
    stored = 2 * sum(int(np.prod(v.shape)) for v in everything.values())
    assert stored < 20 * 2**20, "as half precision it is to be bundled"


def test_the_function_head_begins_at_zero():
    @jax.jit
    def beginnings():
        made = ChromaUNet(TINY, WIDTHS, rngs=nnx.Rngs(0))
        return (
            made.function.kernel[...],
            made.function.bias[...],
            made.context.modulate.kernel[...],
            made.regression.bias[...],
        )

    for value in beginnings():
        np.testing.assert_array_equal(value, 0.0)


def test_the_ten_monomials():
    luma = luma_of(1, 3, 5)
    terms = chroma_unet._polynomial(luma)
    y, x = (np.linspace(-1, 1, n) for n in (3, 5))
    for i, j in np.ndindex(3, 5):
        v = 2 * float(luma[0, i, j]) - 1
        base = [1, v, y[i], x[j]]
        expected = [*base, v * v, v * y[i], v * x[j], y[i] ** 2, y[i] * x[j], x[j] ** 2]
        np.testing.assert_allclose(terms[0, i, j], expected, atol=1e-6)


def test_evaluation_is_deterministic(predict):
    luma = luma_of(2, 32, 64)
    first, second = predict(luma), predict(luma)
    for a, b in zip(first, second):
        assert np.isfinite(a).all()
        np.testing.assert_array_equal(a, b)


def test_evaluation_treats_pictures_alone(predict):
    luma = luma_of(2, 32, 64)
    for whole, alone in zip(predict(luma), predict(luma[::-1])):
        np.testing.assert_allclose(whole, alone[::-1], atol=1e-3)


def test_other_sizes_from_the_same_weights(predict):
    assert predict(luma_of(2, 64, 32)).ab.shape == (2, 16, 8, 2)
    assert predict(luma_of(2, 32, 64)).ab.shape == (2, 8, 16, 2)


def test_sizes_that_do_not_halve_are_refused(network):
    with pytest.raises(Exception, match=r"average_pool|shape|type|reshape"):
        jax.eval_shape(lambda luma: network(luma), luma_of(1, 48, 45))


def test_training_moves_the_statistics(network):
    graph, params, stats = nnx.split(network, nnx.Param, ...)

    @jax.jit
    def trained(params, stats, luma):
        made = nnx.merge(graph, params, stats)
        made.train()
        made(luma)
        return nnx.split(made, nnx.Param, ...)[1:]

    after, moved = trained(params, stats, luma_of(2, 32, 32))
    before = checkpoint.flatten(stats)
    for name, value in checkpoint.flatten(moved).items():
        assert bool(jnp.any(value != before[name])), name
    for name, value in checkpoint.flatten(after).items():
        np.testing.assert_array_equal(value, checkpoint.flatten(params)[name])
