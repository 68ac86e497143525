"""TCVC: sizes, channels, the previous frame, spectral norms in training."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models import tcvc
from tests.models.weights import filled, quick_compilation

run = nnx.jit(lambda network, *inputs: network(*inputs))


@pytest.fixture(autouse=True)
def quick():
    with quick_compilation():
        yield


@pytest.fixture(scope="module")
def generator():
    return filled(lambda: tcvc.TcvcGenerator(1, 4, rngs=nnx.Rngs(0)))


def picture(*shape):
    return jnp.asarray(np.random.default_rng(0).uniform(0, 1, shape), jnp.float32)


def test_the_previous_frame_counts(generator):
    gray, previous = picture(1, 12, 20, 1), picture(1, 12, 20, 3)
    color = run(generator, gray, previous)
    assert color.shape == (1, 12, 20, 3)
    assert 0 <= jnp.min(color) <= jnp.max(color) <= 1
    assert jnp.any(color != run(generator, gray, jnp.zeros_like(previous)))


@pytest.mark.parametrize(
    ("gray", "previous", "message"),
    [
        ((1, 12, 18, 1), (1, 12, 18, 3), "multiples of 4"),
        ((1, 8, 12, 1), (1, 8, 12, 3), "at least 12"),
        ((1, 12, 12, 3), (1, 12, 12, 3), "gray picture has shape"),
        ((1, 12, 12, 1), (1, 12, 12, 1), "previous frame has shape"),
        ((1, 12, 12, 1), (1, 12, 16, 3), "equal batch"),
    ],
)
def test_what_does_not_fit(generator, gray, previous, message):
    with pytest.raises(ShapeError, match=message):
        generator(picture(*gray), picture(*previous))


def test_spectral_norms_move_in_training():
    critic = filled(lambda: tcvc.TcvcDiscriminator(7, 4, rngs=nnx.Rngs(0)))
    for layer in critic.layers:
        layer.u[...] = jnp.ones_like(layer.u[...])
    frames = picture(2, 24, 40, 7)
    first = run(critic, frames)
    assert first.logit.shape == first.probability.shape == (2, 1, 3, 1)
    assert jnp.any(run(critic, frames).logit != first.logit)
    critic.eval()
    still = run(critic, frames).logit
    np.testing.assert_array_equal(run(critic, frames).logit, still)
    with pytest.raises(ShapeError, match="width, 7"):
        critic(frames[..., :3])
