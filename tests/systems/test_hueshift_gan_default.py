"""The default system at its real size; only the slow tests compile it."""

import jax
import numpy as np
import pytest

from hueshift_jax.systems.encoder import pretrained_encoder
from hueshift_jax.systems.hueshift_gan import HueShiftGanConfig
from tests.systems import tiny

BATCHES = [tiny.batch(n, count=8) for n in range(5)]


@pytest.fixture(scope="module")
def full_size():
    return HueShiftGanConfig().build()


def test_the_bundled_encoder_fits_the_default(full_size):
    shapes = full_size.network.params
    encoder = pretrained_encoder(shapes)
    assert encoder.keys() == {name for name in shapes if name.startswith("encoder.")}
    assert all(np.isfinite(value).all() for value in encoder.values())
    assert encoder["encoder.stem.kernel"].shape == (3, 3, 1, 32)
    jax.eval_shape(full_size.init, jax.random.key(0))


@pytest.mark.slow
def test_a_run_begins_with_the_bundled_encoder(full_size):
    state = full_size.init(jax.random.key(0))
    for name, value in pretrained_encoder(state.params).items():
        np.testing.assert_array_equal(state.params[name], value)
        np.testing.assert_array_equal(state.ema[name], value)
    luma = tiny.batch().luma
    _, ab, confidence = full_size.colorizer(state)((), luma, jax.random.key(0))
    assert np.isfinite(ab).all()
    assert np.isfinite(confidence).all()


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(2, 1), (4, 1), (8, 1), (2, 2)])
def test_many_devices_do_what_one_does(full_size, alone, shape):
    found, _ = tiny.first_steps(full_size, shape, BATCHES)
    for name in ("huber", "log_mse", "bins", "gradient_norm"):
        np.testing.assert_allclose(found[name], alone[name], rtol=1e-5, err_msg=name)
    # Their weighted sum may lie near zero: the logarithm is negative.
    np.testing.assert_allclose(found["loss"], alone["loss"], rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def alone(full_size):
    return tiny.first_steps(full_size, (1, 1), BATCHES)[0]
