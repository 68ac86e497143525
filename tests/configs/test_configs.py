"""Every bundled configuration loads, says what it promises, and survives JSON."""

import importlib

import jax
import pytest

from hueshift_jax import checkpoint, config
from hueshift_jax.systems import SYSTEMS


@pytest.mark.parametrize("name", config.names())
def test_loads_and_round_trips(name):
    made = config.load(name)
    assert config.from_json(config.to_json(made)) == made
    assert config.override(made, []) == made


@pytest.mark.parametrize("name", config.names())
def test_begins_with_its_promise(name):
    config.load(name)
    promise = importlib.import_module(f"hueshift_jax.configs.{name}").__doc__
    assert "train.py" in promise, "the docstring of a configuration ends with its command"


def test_fine_tuning_begins_with_the_bundled_weights_and_colors_as_they_do():
    made = config.load("hueshift_gan_finetune").system
    _, metadata = checkpoint.load_weights(SYSTEMS[made.begin_with].path)
    bundled = config.from_json(metadata["config"])
    for name in (
        "widths",
        "strength",
        "equalize",
        "spread",
        "fade",
        "temperature",
        "short_side",
        "views",
    ):
        assert getattr(made, name) == getattr(bundled, name)
    jax.eval_shape(made.build().init, jax.random.key(0))  # would say which of them do not fit
