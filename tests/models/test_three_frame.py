"""The three-frame GAN: films, sizes, neighbors and the iterations of its spectral norms."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models import three_frame
from tests.models.weights import filled, quick_compilation

SIZE = (32, 64)
run = nnx.jit(lambda network, *inputs: network(*inputs))


@pytest.fixture(autouse=True)
def quick():
    with quick_compilation():
        yield


def frames(count, size=SIZE, channels=1):
    rng = np.random.default_rng(0)
    values = rng.uniform(-1, 1, (count, 1, *size, channels))
    return list(jnp.asarray(values, jnp.float32))


@pytest.fixture(scope="module")
def generator():
    return filled(lambda: three_frame.ThreeFrameGenerator(8, rngs=nnx.Rngs(0)))


def test_a_film_needs_each_encoding_once(generator):
    film = frames(3)
    encode = nnx.jit(lambda network, frame: network.encode(frame))
    colored = nnx.jit(lambda network, *levels: jnp.tanh(network.colored(*levels)))
    levels = [encode(generator, frame) for frame in film]
    before, after = levels[0][-1], levels[2][-1]
    direct = run(generator, film[1], film[0], film[2])
    assert direct.shape == (1, *SIZE, 3)
    np.testing.assert_allclose(colored(generator, levels[1], before, after), direct, atol=1e-5)
    swapped = colored(generator, levels[1], after, before)
    assert jnp.max(jnp.abs(direct - swapped)) > 1e-4


def test_attention_begins_without_effect():
    now, before, after = frames(3)
    plain = filled(lambda: three_frame.ThreeFrameGenerator(8, rngs=nnx.Rngs(0)))
    attending = filled(lambda: three_frame.ThreeFrameGenerator(8, attention=True, rngs=nnx.Rngs(0)))
    expected = run(plain, now, before, after)
    np.testing.assert_allclose(run(attending, now, before, after), expected, atol=1e-5)
    for layer in attending.attentions:
        layer.gamma[...] = jnp.ones(1)
    assert jnp.max(jnp.abs(run(attending, now, before, after) - expected)) > 1e-4


@pytest.mark.parametrize("size", [(48, 64), (32, 32), (0, 32)])
def test_sizes_that_do_not_fit(generator, size):
    with pytest.raises(ShapeError, match=r"expected (sides|a side)"):
        generator(*frames(3, size))


def test_neighbors_of_another_size(generator):
    (now,), (other,) = frames(1), frames(1, (64, 64))
    with pytest.raises(ShapeError, match="the one after"):
        generator(now, now, other)


def test_other_channels(generator):
    (frame,) = frames(1, channels=3)
    with pytest.raises(ShapeError, match="width, 1"):
        generator(frame, frame, frame)


def test_older_forms_color_too():
    (frame,) = frames(1)
    single = filled(lambda: three_frame.PerFrameGenerator(4, rngs=nnx.Rngs(0)))
    single.eval()
    assert run(single, frame).shape == (1, *SIZE, 3)
    older = filled(lambda: three_frame.OlderThreeFrameGenerator(4, rngs=nnx.Rngs(0)))
    older.eval()
    color = run(older, frame, frame, frame)
    assert color.shape == (1, *SIZE, 3)
    assert jnp.max(jnp.abs(color)) <= 1


def critic_of(**options):
    """A patch discriminator whose singular vectors have a direction."""
    critic = filled(lambda: three_frame.PatchDiscriminator(4, **options, rngs=nnx.Rngs(0)))
    for layer in (*critic.layers, critic.scores):
        layer.u[...] = jnp.ones_like(layer.u[...])
    return critic


@pytest.mark.parametrize("as_published", [False, True])
def test_spectral_norms_stand_still_in_evaluation(as_published):
    critic = critic_of(as_published=as_published)
    (color,) = frames(1, (40, 64), 3)
    before = np.asarray(critic.layers[0].u[...])
    run(critic, color)
    trained = np.asarray(critic.layers[0].u[...])
    assert np.any(before != trained)
    critic.eval()
    first, second = run(critic, color), run(critic, color)
    assert first.shape == (1, 3, 6, 1)
    assert bool(jnp.any(first != second)) == as_published
    assert np.any(trained != critic.layers[0].u[...]) == as_published


def test_a_patch_needs_room():
    critic = critic_of()
    (color,) = frames(1, (16, 64), 3)
    with pytest.raises(ShapeError, match="at least 24"):
        critic(color)


def test_the_whole_picture_has_one_size():
    judge = filled(lambda: three_frame.WholeDiscriminator(1, rngs=nnx.Rngs(0)))
    judge.eval()
    (color,) = frames(1, (224, 224), 3)
    verdict = run(judge, color)
    assert verdict.logit.shape == (1, 1, 1, 1)
    assert 0 < float(verdict.probability[0, 0, 0, 0]) < 1
    with pytest.raises(ShapeError, match="expected 224x224"):
        judge(color[:, :192])
