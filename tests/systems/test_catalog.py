"""The systems that come with weights, and weights files as colorizers."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from hueshift_jax import checkpoint, config
from hueshift_jax.data.batches import DataConfig
from hueshift_jax.errors import ConfigError, MismatchedWeightsError, MissingWeightsError
from hueshift_jax.systems import SYSTEMS, catalog
from tests.models.weights import random_weights
from tests.systems import tiny


@pytest.fixture(scope="module")
def weights():
    """Random weights that fit the small system."""
    with tiny.small_and_quick():
        system = tiny.CONFIG.build()
        shapes = system.network.params | system.network.stats
        yield {name: np.asarray(value) for name, value in random_weights(shapes).items()}


@pytest.fixture
def saved(tmp_path, weights):
    path = tmp_path / "weights.safetensors"
    catalog.save_system(path, "hueshift_gan", tiny.CONFIG, weights, step="15")
    return path


def test_a_saved_system_colors_as_it_did(saved, weights):
    luma = tiny.batch().luma
    stored = {k: v.astype(np.float16) if v.ndim > 1 else v for k, v in weights.items()}
    expected = tiny.CONFIG.build().colorizer_from(
        {name: value.astype(np.float32) for name, value in stored.items()}
    )
    found = catalog.load_colorizer(saved)
    for a, b in zip(found((), luma, jax.random.key(0)), expected((), luma, jax.random.key(0))):
        np.testing.assert_array_equal(a, b)


def test_a_saved_system_carries_its_notes(saved):
    _, metadata = checkpoint.load_weights(saved)
    assert metadata["system"] == "hueshift_gan"
    assert metadata["step"] == "15"
    assert config.from_json(metadata["config"]) == tiny.CONFIG


def test_settings_can_be_changed_when_loading(saved):
    assert catalog.load_colorizer(saved, short_side=64).working_size(10, 10) == (64, 64)
    entry = SYSTEMS["hueshift_gan"]
    assert entry.load(saved, short_side=128).working_size(10, 10) == (128, 128)
    with pytest.raises(ConfigError, match="temperature is 7"):
        catalog.load_colorizer(saved, temperature=7)


def test_no_file(tmp_path):
    with pytest.raises(MissingWeightsError, match="there is no weights file"):
        catalog.load_colorizer(tmp_path / "missing.safetensors")


def test_weights_without_a_configuration(tmp_path, weights):
    path = tmp_path / "bare.safetensors"
    checkpoint.save_weights(path, weights, {})
    with pytest.raises(MismatchedWeightsError, match="without a configuration"):
        catalog.load_colorizer(path)


def edited(**changes):
    """The configuration's JSON with changed fields."""
    return json.dumps(json.loads(config.to_json(tiny.CONFIG)) | changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{not json", "damaged configuration: .* not JSON"),
        (edited(**{"class": "os:system"}), "damaged configuration: .* names os:system"),
        (edited(colour=1), "damaged configuration: .* has no field 'colour'"),
        (edited(temperature=9), "damaged configuration: temperature is 9"),
        ("3", "configuration of a int, expected a system's"),
        (config.to_json(DataConfig()), "configuration of a DataConfig, expected a system's"),
    ],
)
def test_damaged_configurations(tmp_path, weights, text, message):
    path = tmp_path / "weights.safetensors"
    checkpoint.save_weights(path, weights, {"config": text})
    with pytest.raises(MismatchedWeightsError, match=message):
        catalog.load_colorizer(path)


def test_weights_of_another_size(tmp_path, weights):
    path = tmp_path / "weights.safetensors"
    other = dataclasses.replace(tiny.CONFIG, widths=(32, 16, 16, 16))
    catalog.save_system(path, "hueshift_gan", other, weights)
    with pytest.raises(MismatchedWeightsError, match="do not fit the network"):
        catalog.load_colorizer(path)


def test_damaged_files(saved):
    content = saved.read_bytes()
    for kept in (0, 5, len(content) // 2):
        saved.write_bytes(content[:kept])
        with pytest.raises(MismatchedWeightsError, match="damaged"):
            catalog.load_colorizer(saved)


def test_entries_have_the_names_they_are_found_by():
    assert "hueshift_gan" in SYSTEMS
    for name, entry in SYSTEMS.items():
        assert entry.name == name
        assert all(dataclasses.asdict(entry).values())
