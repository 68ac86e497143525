"""The default system with a next frame made of each photograph."""

import dataclasses

import jax
import numpy as np
import pytest

from hueshift_jax import config
from tests.systems import tiny

WEIGHT = 2.0


@pytest.fixture(scope="module", autouse=True)
def small_encoder():
    with tiny.small_and_quick():
        yield


def test_two_frames_are_to_agree():
    system = dataclasses.replace(tiny.CONFIG, temporal_weight=WEIGHT).build()
    first, second = (
        system.step(tiny.initial(system), tiny.batch(), jax.random.key(n))[1] for n in (0, 1)
    )
    for logs in (first, second):
        parts = 0.3 * logs["huber"] + 0.5 * logs["log_mse"] + 0.05 * logs["bins"]
        assert float(logs["temporal"]) > 0.0
        assert float(logs["loss"]) == pytest.approx(
            float(parts + WEIGHT * logs["temporal"]), rel=1e-4
        )
        assert np.isfinite(logs["gradient_norm"])
    assert float(first["temporal"]) != float(second["temporal"])


def test_without_a_weight_nothing_is_drawn():
    system = tiny.CONFIG.build()
    state = jax.eval_shape(lambda: tiny.initial(system))
    drawn = jax.make_jaxpr(system.step)(state, tiny.batch(), jax.random.key(0))
    assert "random_bits" not in str(drawn)


def test_the_configuration_begins_with_the_bundled_weights():
    made = config.load("hueshift_gan_temporal").system
    assert made.begin_with == "hueshift_gan"
    assert made.temporal_weight > 0.0
    bundled = config.load("hueshift_gan_finetune").system
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
