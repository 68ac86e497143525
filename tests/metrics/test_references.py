"""Results that need no colorizer."""

import jax.numpy as jnp
import numpy as np
import pytest

from hueshift_jax.metrics import image
from hueshift_jax.metrics.references import NAMES, TRAINING_MEAN_AB, make
from hueshift_jax.ops import color
from tests.metrics.scenes import lab_frames, to_rgb


def lab(rgb):
    return np.asarray(color.srgb_to_lab(jnp.asarray(rgb, jnp.float32) / 255.0))


@pytest.fixture
def truth():
    return to_rgb(lab_frames(1)[0])


def test_chroma(truth):
    own = lab(truth)[..., 1:].mean((0, 1))
    for name, ab in (("training-mean ab", TRAINING_MEAN_AB), ("own-mean ab (oracle)", own)):
        found = lab(make(truth)[name])
        np.testing.assert_allclose(found[..., 1:].mean((0, 1)), ab, atol=0.1)
        np.testing.assert_allclose(found[..., 0], lab(truth)[..., 0], atol=0.6)


def test_gray_and_truth(truth):
    made = make(truth)
    gray = made["gray"]
    assert tuple(made) == NAMES
    assert image.colorfulness(gray) == 0.0
    np.testing.assert_allclose(lab(gray)[..., 0], lab(truth)[..., 0], atol=0.6)
    assert made["truth"] is truth
