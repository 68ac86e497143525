"""ColorNet: what is repaired, sizes, and its discriminator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models import colorization_net
from tests.models.weights import filled, quick_compilation


@pytest.fixture(autouse=True)
def quick():
    with quick_compilation():
        yield


def decoder(**options):
    made = filled(
        lambda: colorization_net.Decoder(4, 6, rngs=nnx.Rngs(0), **options),
    )
    made.eval()
    return made


run = nnx.jit(lambda network, *inputs: network(*inputs))


def test_published_chroma_comes_in_blocks():
    x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 2, 3, 4)), jnp.float32)
    published = run(decoder(as_published=True), x)
    repaired = run(decoder(as_published=False), x)
    assert published.shape == repaired.shape == (1, 16, 24, 2)
    np.testing.assert_array_equal(published[:, ::2, ::2], published[:, 1::2, 1::2])
    assert jnp.any(repaired[:, ::2, ::2] != repaired[:, 1::2, 1::2])


@pytest.mark.parametrize("shape", [(1, 60, 64, 1), (1, 64, 64, 3)])
def test_what_does_not_fit(shape):
    made = nnx.eval_shape(lambda: colorization_net.ColorizationNet(rngs=nnx.Rngs(0)))
    with pytest.raises(ShapeError):
        made(jnp.zeros(shape))


def test_sizes():
    made = nnx.eval_shape(lambda: colorization_net.ColorizationNet(rngs=nnx.Rngs(0)))
    made.eval()
    gray = jax.ShapeDtypeStruct((2, 24, 40, 1), jnp.float32)
    assert nnx.eval_shape(lambda net, x: net(x), made, gray).shape == (2, 24, 40, 2)


def test_discriminator():
    widths = (4, 4, 6, 8)
    critic = filled(lambda: colorization_net.ColorizationDiscriminator(3, widths, rngs=nnx.Rngs(0)))
    rng = np.random.default_rng(0)
    gray, chroma = (jnp.asarray(rng.uniform(0, 1, (1, 32, 48, c)), jnp.float32) for c in (1, 2))
    scores = run(critic, gray, chroma)
    assert scores.shape == (1, 2, 4, 1)
    assert jnp.any(scores != run(critic, gray, 1 - chroma))
    for wrong in ((chroma, chroma), (gray, gray), (gray, chroma[:, :24])):
        with pytest.raises(ShapeError):
            critic(*wrong)
