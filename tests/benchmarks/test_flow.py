"""What `benchmarks/flow.py` says of flows that are known."""

import importlib.util

import cv2
import numpy as np
import pytest

from hueshift_jax.ops.motion import Pair
from tests.architecture.source import ROOT

SPEC = importlib.util.spec_from_file_location("flow_benchmark", ROOT / "benchmarks" / "flow.py")
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)


def pair(count=2):
    """The left half moves by 3 px to the right and is hidden in its upper half, the other by 12."""
    flow = np.zeros((count, *bench.FRAME, 2), np.float32)
    half = bench.FRAME[1] // 2
    flow[:, :, :half, 0], flow[:, :, half:, 0] = -3.0, -12.0
    visible = np.ones(flow.shape[:3], bool)
    visible[:, : bench.FRAME[0] // 2, :half] = False
    gray = np.zeros(flow.shape[:3], np.float32)
    return Pair(gray, gray, flow, visible)


def test_no_motion_has_the_error_of_the_motion():
    found = bench.figures(bench._nothing, [pair(), pair()])
    assert found["all"] == pytest.approx(7.5)
    assert found["fast"] == pytest.approx(12.0)
    assert found["slow"] == pytest.approx(3.0)
    assert found["visible"] == pytest.approx((12.0 + 3.0 / 2) / 1.5)


def test_a_smaller_grid_has_smaller_motion():
    small = bench.reduced(pair())
    assert small.target.shape == (2, *bench.GRID)
    assert small.visible.dtype == bool
    np.testing.assert_allclose(small.flow[0, 0, -1], [-12.0 * 196 / 448, 0.0], rtol=1e-5)


def test_a_table_names_shares_of_no_motion():
    found = {
        name: {"all": 4.0 / n, "visible": 1, "fast": 1, "slow": 1}
        for n, name in enumerate(bench.NAMES, 1)
    }
    lines = bench._table("pairs", found, dict.fromkeys(bench.NAMES[1:], 5.4))
    assert lines[2].startswith("| no motion | 4.00 | 1.00 |")
    assert lines[3].startswith("| DIS medium | 2.00 | 0.50 |")
    assert lines[2].endswith("| - |")
    assert lines[3].endswith("| 5 |")


def test_pairs_of_a_folder(tmp_path):
    for end in "ab":
        cv2.imwrite(str(tmp_path / f"one-{end}.png"), np.zeros((20, 30), np.uint8))
    np.savez(tmp_path / "one-flow.npz", flow=np.full((20, 30, 2), 6.0, np.float16))
    lines = bench._exact_lines(tmp_path, dict.fromkeys(bench.NAMES, bench._nothing))
    length = f"{6.0 * 2**0.5:.2f}"
    assert lines[-2:] == [
        f"| {name} | " + " | ".join([length] * 10) + " |" for name in ("one", "mean")
    ]
