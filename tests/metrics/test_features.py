"""Features for distances of sets."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from hueshift_jax.metrics import features
from hueshift_jax.models.efficientnet_lite import EfficientNetLite, Variant
from hueshift_jax.models.inception import InceptionV3, fid_features

TINY = Variant(0.1, 0.1, 32)


@pytest.fixture
def rgb():
    return np.random.default_rng(0).integers(0, 256, (40, 52, 3), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_efficientnet_sees_color(rgb, channels):
    network = EfficientNetLite(TINY, channels, rngs=nnx.Rngs(0))
    extract = features.efficientnet(network)
    found = extract(rgb)
    width = network.tap_widths[-1]
    assert found.shape == (3 * width if channels == 1 else width,)
    assert not np.allclose(found, extract(rgb[..., ::-1].copy()))


@pytest.mark.slow
def test_inception_is_fid_s(rgb):
    network = InceptionV3(fid=True, divisor=16, rngs=nnx.Rngs(0))
    network.eval()
    found = features.inception(network)(rgb)
    expected = fid_features(network, jnp.asarray(rgb, jnp.float32)[None] / 255.0)
    np.testing.assert_allclose(found, expected[0], rtol=1e-4, atol=1e-5)
