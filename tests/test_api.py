"""The few names that a program calls."""

import numpy as np
import pytest

import hueshift_jax
from hueshift_jax import api
from hueshift_jax.errors import ConfigError, MismatchedWeightsError, MissingWeightsError


def test_a_system_of_another_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean hueshift_gan"):
        api.choose("hueshift_gun")


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(MissingWeightsError, match="there is no file"):
        api.load(tmp_path / "none.safetensors")


def test_weights_of_another_kind(tmp_path):
    path = tmp_path / "text.safetensors"
    path.write_text("no weights at all")
    with pytest.raises(MismatchedWeightsError, match="safetensors"):
        api.load(path)


@pytest.mark.slow
def test_the_bundled_network_paints():
    rows = np.linspace(215, 120, 128, dtype=np.uint8)
    gray = np.repeat(rows[:, None], 192, axis=1)
    gray[96:] = np.random.default_rng(0).integers(40, 110, (32, 192), dtype=np.uint8)
    rgb = hueshift_jax.colorize_image(gray, hueshift_jax.load("hueshift_gan"))
    assert rgb.shape == (128, 192, 3)
    assert rgb.dtype == np.uint8
    assert np.ptp(rgb.astype(int), axis=2).max() > 5
