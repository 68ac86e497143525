"""Our layers give what PyTorch's give."""

import numpy as np
import pytest

from hueshift_jax.parity import layers


@pytest.fixture(autouse=True)
def once(monkeypatch):
    """One round, for there is nothing to time."""
    monkeypatch.setattr(layers, "_ROUNDS", 1)
    monkeypatch.setattr(layers, "_LEAST_S", 0.0)


@pytest.mark.torch
@pytest.mark.parametrize("make", layers._LAYERS)
def test_layers_equal_those_of_pytorch(make):
    timing = layers._measured(make(np.random.default_rng(0)), 1, True)
    assert timing.error < 2e-5, timing
    assert timing.ratio > 0


def test_without_pytorch_ours_are_timed(monkeypatch):
    monkeypatch.setattr(layers, "_LAYERS", (layers._batch_norm,))
    (timing,) = layers.measure(1, with_torch=False)
    assert timing.our_ms > 0
    assert timing.ratio is None
