"""The PatchGAN critic sees 70x70 pixels, and its convolutions are of norm 1."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.errors import ShapeError
from hueshift_jax.models.patch_discriminator import FIELD, PatchDiscriminator
from tests.models.weights import filled, quick_compilation


@pytest.fixture(scope="module", autouse=True)
def quick():
    with quick_compilation():
        yield


@pytest.fixture(scope="module")
def critic():
    """In evaluation: its singular vectors stand still."""
    module = filled(lambda: PatchDiscriminator(4, rngs=nnx.Rngs(0)))
    module.eval()
    return module


def pictures(side, seed=0):
    rng = np.random.default_rng(seed)
    luma, ab = (rng.standard_normal((1, side, side, n)).astype(np.float32) for n in (1, 2))
    return jnp.asarray(luma), jnp.asarray(ab)


def test_size_of_the_scores(critic):
    assert critic(*pictures(96)).shape == (1, 10, 10, 1)
    assert critic(*pictures(24)).shape == (1, 1, 1, 1)


def test_a_score_sees_seventy_pixels(critic):
    luma, ab = pictures(160)
    gradient = jax.grad(lambda ab: critic(luma, ab)[0, 9, 9, 0])(ab)
    rows = np.flatnonzero(np.abs(gradient).sum((0, 2, 3)))
    assert rows[-1] - rows[0] + 1 == FIELD


def test_spectral_norms_after_fifty_iterations(critic):
    luma, ab = pictures(24)
    step = nnx.jit(lambda module: module(luma, ab))
    critic.train()
    for _ in range(50):
        step(critic)
    critic.eval()
    for conv in critic.convs:
        matrix = np.asarray(conv.kernel[...]).reshape(-1, conv.kernel.shape[-1])
        largest = np.linalg.norm(matrix, 2) / float(conv.sigma())
        assert largest == pytest.approx(1.0, abs=0.01)


def test_published_width_has_its_parameters():
    module = nnx.eval_shape(lambda: PatchDiscriminator(rngs=nnx.Rngs(0)))
    count = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))
    kernels = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512)
    assert count == kernels + 64 + 128 + 256 + 512 + 1


def test_wrong_pictures(critic):
    luma, ab = pictures(32)
    with pytest.raises(ShapeError, match="luma and chroma"):
        critic(luma, ab[:, :16])
    with pytest.raises(ShapeError, match="luma with chroma"):
        critic(luma, jnp.concatenate([ab, ab], -1))
    with pytest.raises(ShapeError, match="luma with chroma"):
        critic(luma[:, :16, :16], ab[:, :16, :16])
