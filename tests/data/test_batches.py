"""The n-th batch is a function of the settings alone."""

import dataclasses
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from hueshift_jax.data import batches
from hueshift_jax.data.batches import DataConfig
from hueshift_jax.errors import ConfigError
from tests.data.pictures import picture

CONFIG = DataConfig(batch_size=2, sizes=(32, 64), phase_ends=(0.5,), threads=1)
PICTURES = [picture(n) for n in range(5)]


def take(config, *, steps=8, start=0, pictures=PICTURES):
    return list(batches.batches(pictures, config, steps=steps, start=start))


def equal(first, second):
    return len(first) == len(second) and all(
        np.array_equal(a.luma, b.luma) and np.array_equal(a.rgb_u8, b.rgb_u8)
        for a, b in zip(first, second)
    )


@pytest.fixture(scope="module")
def whole():
    return take(CONFIG)


def test_shapes_types_and_ranges(whole):
    for batch in whole:
        side = batch.luma.shape[1]
        assert batch.luma.shape == (2, side, side)
        assert batch.luma.dtype == np.float32
        assert batch.luma.min() >= 0.0
        assert batch.luma.max() <= 1.0 + 1e-6
        assert batch.rgb_u8.shape == (2, side // 4, side // 4, 3)
        assert batch.rgb_u8.dtype == np.uint8


def test_phases_switch_sizes_at_their_steps(whole):
    assert [batch.luma.shape[1] for batch in whole] == [32] * 4 + [64] * 4


def test_the_same_settings_give_the_same_batches(whole):
    assert equal(take(CONFIG), whole)
    assert equal(take(dataclasses.replace(CONFIG, threads=2)), whole)


def test_another_seed_gives_others(whole):
    assert not equal(take(dataclasses.replace(CONFIG, seed=1)), whole)


@pytest.mark.parametrize("start", [1, 4, 7, 8])
def test_resuming_gives_the_batches_of_an_uninterrupted_run(whole, start):
    assert equal(take(CONFIG, start=start), whole[start:])


@pytest.mark.parametrize("hosts", [2, 4])
def test_hosts_share_the_batches_of_one(whole, hosts):
    config = dataclasses.replace(CONFIG, batch_size=8)
    together = list(batches.batches(PICTURES, config, steps=4))
    parts = [
        list(batches.batches(PICTURES, config, steps=4, host=n, hosts=hosts)) for n in range(hosts)
    ]
    for n, batch in enumerate(together):
        for field in ("luma", "rgb_u8"):
            joined = np.concatenate([getattr(part[n], field) for part in parts])
            np.testing.assert_array_equal(joined, getattr(batch, field))


def test_a_batch_that_the_hosts_cannot_share_is_refused():
    with pytest.raises(ConfigError, match="multiple of the 3 hosts"):
        next(batches.batches(PICTURES, dataclasses.replace(CONFIG, batch_size=4), steps=1, hosts=3))


def test_luma_and_truth_show_the_same_crop():
    config = dataclasses.replace(CONFIG, spectral_spread=0.0, wear=0.0)
    for batch in take(config):
        side = batch.luma.shape[1] // 4
        small = batch.luma.reshape(2, side, 4, side, 4).mean((2, 4))
        truth = batch.rgb_u8 / 255.0 @ np.array([0.299, 0.587, 0.114])
        assert np.abs(small - truth).mean() < 0.02


def test_every_picture_is_seen_once_per_pass():
    flat = [np.full((8, 8, 3), 20 * n, np.uint8) for n in range(10)]
    config = dataclasses.replace(CONFIG, batch_size=5, spectral_spread=0.0, wear=0.0)
    seen = [int(p[0, 0, 0]) // 20 for b in take(config, steps=6, pictures=flat) for p in b.rgb_u8]
    passes = [seen[n : n + 10] for n in (0, 10, 20)]
    assert [Counter(one) for one in passes] == [Counter(range(10))] * 3
    assert passes[0] != passes[1], "every pass has its own order"


def test_a_second_pass_shows_other_crops():
    config = dataclasses.replace(CONFIG, batch_size=1, sizes=(32,), phase_ends=())
    first, second = take(config, steps=2, pictures=PICTURES[:1])
    assert not np.array_equal(first.rgb_u8, second.rgb_u8)


def test_some_pictures_stay_undisturbed():
    config = dataclasses.replace(CONFIG, batch_size=8, sizes=(32,), phase_ends=())
    gray = [np.full((8, 8, 3), 128, np.uint8)]
    pictures = [luma for b in islice(take(config, steps=8, pictures=gray), 8) for luma in b.luma]
    untouched = sum(np.allclose(luma, 128 / 255, atol=1e-6) for luma in pictures)
    assert 0.25 < untouched / len(pictures) < 0.95


@pytest.mark.parametrize(
    ("progress", "size"), [(0.0, 96), (0.449, 96), (0.45, 128), (0.85, 160), (1.0, 160)]
)
def test_size_at(progress, size):
    assert DataConfig().size_at(progress) == size


def test_picture_counts():
    seen = batches.picture_counts(PICTURES, CONFIG, 8)
    assert seen == {"crops": 16, "passes": 16 / 5, "by_size": {32: 8, 64: 8}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phase_ends": (0.5,)}, "phase_ends takes one value less"),
        ({"phase_ends": (0.8, 0.4)}, "phase_ends"),
        ({"phase_ends": (0.4, 1.5)}, "phase_ends"),
        ({"sizes": ()}, "phase_ends"),
        ({"sizes": (96, 100, 160)}, "multiples of 32"),
        ({"sizes": (0, 96, 160)}, "multiples of 32"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"smallest_crop": 0.0}, "smallest_crop is 0.0"),
        ({"smallest_crop": 1.5}, "smallest_crop is 1.5"),
        ({"short_side": 0}, "short_side is 0"),
    ],
)
def test_impossible_settings(changes, message):
    with pytest.raises(ConfigError, match=message):
        DataConfig(**changes)
