"""The perceptual distance: zero for equal pictures, larger for other colors, with a gradient."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax import checkpoint
from hueshift_jax.errors import MismatchedWeightsError, MissingWeightsError
from hueshift_jax.models.vgg import VGG16, Vgg
from hueshift_jax.systems.perceptual import Perceptual
from tests.models.weights import quick_compilation


@pytest.fixture(scope="module")
def pictures():
    noise = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    return jax.image.resize(jnp.asarray(noise), (2, 64, 64, 3), "cubic").clip(0.0, 1.0)


@pytest.fixture(scope="module", params=["squeezenet", "efficientnet"])
def perceptual(request):
    with quick_compilation():
        found = Perceptual(request.param)
        yield SimpleNamespace(distance=jax.jit(found.distance))


def _gray(srgb):
    return jnp.repeat(srgb.mean(-1, keepdims=True), 3, -1)


def test_equal_pictures_have_no_distance(perceptual, pictures):
    assert float(perceptual.distance(pictures, pictures)) == 0.0


def test_the_distance_grows_with_the_loss_of_color(perceptual, pictures):
    half = 0.5 * (pictures + _gray(pictures))
    near, far = (float(perceptual.distance(x, pictures)) for x in (half, _gray(pictures)))
    assert 0.0 < near < 0.8 * far


def test_the_gradient_points_back_to_the_truth(perceptual, pictures):
    pale = 0.7 * pictures + 0.3 * _gray(pictures)
    gradient = jax.grad(perceptual.distance)(pale, pictures)
    assert jnp.isfinite(gradient).all()
    assert float(jnp.sum(gradient * (pictures - pale))) < 0.0
    assert not jnp.any(jax.grad(perceptual.distance, argnums=1)(pale, pictures))


def test_vgg_where_its_weights_are_given(pictures, tmp_path):
    module = Vgg(VGG16[:3], rngs=nnx.Rngs(0))
    weights = checkpoint.flatten(nnx.state(module, nnx.Param))
    path = tmp_path / "vgg16.safetensors"
    checkpoint.save_weights(path, weights, {}, dtype=np.float32)
    (found,), (wanted,) = (module(x, ("conv3_3",)) for x in (_gray(pictures), pictures))
    expected = float(jnp.abs(found - wanted).mean())
    distance = float(Perceptual(path).distance(_gray(pictures), pictures))
    assert distance == pytest.approx(expected, rel=1e-5)


def test_weights_that_are_not_there_or_of_another_network(tmp_path):
    with pytest.raises(MissingWeightsError, match="no weights file"):
        Perceptual(tmp_path / "none.safetensors")
    path = tmp_path / "other.safetensors"
    checkpoint.save_weights(path, {"a.kernel": np.zeros((3, 3))}, {})
    with pytest.raises(MismatchedWeightsError, match="not VGG's"):
        Perceptual(path)
    few = {f"blocks.0.{n}.kernel": np.zeros((3, 3, 3, 64)) for n in range(3)}
    checkpoint.save_weights(path, few, {})
    with pytest.raises(MismatchedWeightsError, match="three blocks"):
        Perceptual(path)
