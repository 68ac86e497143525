"""The weights that come with the package are there, small, and fit their networks."""

import jax
import numpy as np
import pytest

from hueshift_jax import checkpoint, config
from hueshift_jax.systems import SYSTEMS
from tests.systems import tiny

every_system = pytest.mark.parametrize("entry", SYSTEMS.values(), ids=SYSTEMS)


@every_system
def test_the_file_is_bundled_and_small(entry):
    assert entry.path.is_file()
    assert entry.path.stat().st_size <= 20 * 2**20
    assert len(entry.weights_digest) == 64


@every_system
def test_the_file_fits_its_network(entry):
    colorizer = entry.load()
    height, width = colorizer.working_size(480, 854)
    assert height % 32 == width % 32 == 0
    _, metadata = checkpoint.load_weights(entry.path)
    assert metadata["system"] == entry.name
    config.from_json(metadata["config"])


@every_system
@pytest.mark.slow
def test_the_bundled_weights_color(entry):
    colorizer = entry.load()
    luma = tiny.batch(count=1, size=128).luma
    _, ab, confidence = colorizer(colorizer.start(128, 128), luma, jax.random.key(0))
    assert ab.shape[-1] == 2
    assert 1.0 < np.abs(ab).max() < 150.0
    assert np.isfinite(confidence).all()
