"""Every bundled configuration loads, says what it promises, and survives JSON."""

import importlib

import pytest

from hueshift_jax import config


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
