"""Intervals over clips."""

import numpy as np
import pytest

from hueshift_jax.metrics.bootstrap import intervals


def test_about_two_standard_errors_wide():
    values = np.random.default_rng(0).normal(10.0, 3.0, 100)
    low, high = intervals([{"psnr": v} for v in values])["psnr"]
    error = values.std(ddof=1) / 10
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15)


def test_ratios_are_those_of_the_means():
    clips = [{"cdc": 2.0 * n, "cdc_truth": float(n), "cdc_ratio": -1.0} for n in range(1, 9)]
    assert intervals(clips)["cdc_ratio"] == pytest.approx((2.0, 2.0))


def test_where_there_is_none():
    assert intervals([{"psnr": 30.0}]) == {}
    found = intervals([{"cdc": None, "psnr": np.inf, "ssim": 1.0}] * 2)
    assert found == {"ssim": (1.0, 1.0)}


def test_they_are_repeatable():
    clips = [{"ssim": float(n)} for n in range(5)]
    assert intervals(clips) == intervals(clips)
