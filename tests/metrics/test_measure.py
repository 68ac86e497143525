"""Figures of clips: what they must and must not reward."""

import math
import tracemalloc

import numpy as np
import pytest

from hueshift_jax.errors import EvaluationError
from hueshift_jax.metrics import image
from hueshift_jax.metrics.distribution import Consistency
from hueshift_jax.metrics.measure import ClipMeter, Instruments, derived, look, side_by_side
from hueshift_jax.metrics.ssim import ssim
from hueshift_jax.ops.dis_flow import DisFlow
from tests.metrics.scenes import lab_frames, recolored, to_rgb


@pytest.fixture(scope="module")
def scene():
    return lab_frames(size=(120, 160))


@pytest.fixture(scope="module")
def results(scene):
    shifts = np.random.default_rng(5).normal(0, 3, (len(scene), 1, 1, 2))
    return {
        "truth": to_rgb(scene),
        "gray": np.repeat(recolored(scene, 0.0)[..., :1], 3, -1),
        "inverted": recolored(scene, -1.0),
        "half": recolored(scene, 0.5),
        "shifted": recolored(scene, 1.0, shifts),
    }


@pytest.fixture(scope="module")
def meter(results):
    meter = ClipMeter(list(results), Instruments(DisFlow(), as_published=True))
    for number, truth in enumerate(results["truth"]):
        meter.add(truth, {name: frames[number] for name, frames in results.items()})
    return meter


@pytest.fixture(scope="module")
def figures(meter, results):
    return {name: meter.compute(name) for name in results}


def test_the_truth_is_perfect(figures):
    found = figures["truth"]
    assert found["psnr"] == math.inf
    assert found["ssim"] == found["ssim_uniform"] == 1.0
    for name in ("ciede2000", "cast", "delta_colorfulness", "cdc_excess", "warp_error_excess"):
        assert found[name] == 0.0
    for name in ("cdc_ratio", "flicker_ratio", "warp_error_ratio", "chroma_flow_error_ratio"):
        assert found[name] == 1.0


def test_gray_has_no_color_and_hides_behind_steadiness(figures):
    found = figures["gray"]
    assert found["colorfulness"] == found["colorfulness_unsigned"] == 0.0
    assert found["chroma_flow_error"] is None
    assert found["chroma_flow_error_ratio"] is None
    assert found["flicker_ratio"] <= 1.0


def test_inverted_hues_are_worst(figures):
    worst = max(figures, key=lambda name: figures[name]["ciede2000"])
    assert worst == "inverted"
    assert figures["inverted"]["psnr"] == min(f["psnr"] for f in figures.values())
    assert figures["inverted"]["psnr_as_published"] > figures["inverted"]["psnr"]


@pytest.mark.parametrize("name", ["cdc", "flicker", "chroma_flow_error"])
def test_colors_that_jump_are_seen(figures, name):
    assert figures["shifted"][name] >= 4.0 * figures["truth"][name]
    assert figures["shifted"]["warp_error"] > figures["truth"]["warp_error"]


def test_half_of_the_chroma(figures):
    assert figures["half"]["colorfulness_ratio"] == pytest.approx(0.5, abs=0.03)
    assert figures["half"]["psnr"] > figures["gray"]["psnr"]


def test_figures_are_those_of_the_plain_functions(results, figures):
    truth, half = results["truth"], results["half"]
    pairs = list(zip(half, truth))
    expected = {
        "psnr": [image.psnr(x, y) for x, y in pairs],
        "ssim": [ssim(x / 255.0, y / 255.0) for x, y in pairs],
        "colorfulness": [image.colorfulness(x) for x in half],
        "ciede2000": [image.ciede2000(_lab(x), _lab(y)).mean() for x, y in pairs],
        "cast": [image.cast(_lab(x).mean((0, 1)), _lab(y).mean((0, 1))) for x, y in pairs],
    }
    for name, values in expected.items():
        assert figures["half"][name] == pytest.approx(np.mean(values), abs=2e-5), name
    state = Consistency()
    for frame in half:
        state = state.merge(Consistency.of(frame))
    assert figures["half"]["cdc"] == state.compute()


def _lab(rgb):
    return np.moveaxis(np.asarray(look(rgb).lab, np.float64), 0, -1)


def test_a_picture_has_no_figures_of_time(results):
    meter = ClipMeter(["x"], Instruments())
    meter.add(results["truth"][0], {"x": results["half"][0]})
    found = meter.compute("x")
    assert found["cdc"] is found["cdc_ratio"] is None
    assert "flicker" not in found
    assert "warp_error" not in found


def test_other_results_change_nothing(results, figures):
    meter = ClipMeter(["x"], Instruments(DisFlow(), as_published=True))
    for truth, frame in zip(results["truth"], results["shifted"]):
        meter.add(truth, {"x": frame})
    assert meter.compute("x") == figures["shifted"]


def test_memory_does_not_grow(results):
    meter = ClipMeter(["x"], Instruments())

    def held(count):
        for number in range(count):
            meter.add(results["truth"][number % 6], {"x": results["half"][number % 6]})
        return tracemalloc.get_traced_memory()[0]

    held(2)
    tracemalloc.start()
    first = held(8)
    assert held(40) - first < 20_000, "a single frame has 57,600 bytes"
    tracemalloc.stop()


def test_ratios_to_nothing():
    found = derived({"cdc": 0.1, "cdc_truth": 0.0, "flicker": None, "flicker_truth": 1.0})
    assert found["cdc_ratio"] is None
    assert found["cdc_excess"] == 0.1
    assert found["flicker_ratio"] is None


@pytest.mark.parametrize(
    ("truth", "result", "message"),
    [
        ((5, 12, 16), (4, 12, 16), "x has 4 frames, but the truth has 5"),
        ((5, 12, 16), (7, 12, 16), "x has 7 frames, but the truth has 5"),
        ((5, 12, 16), (5, 14, 16), "frame 0 of x is 16x14, but that of the truth is 16x12"),
        ((5, 10, 16), (5, 10, 16), "clip is 16x10; at least 11x11"),
    ],
)
def test_lengths_and_sizes(truth, result, message):
    truth, result = (iter(np.zeros((*shape, 3), np.uint8)) for shape in (truth, result))
    with pytest.raises(EvaluationError, match=message):
        list(side_by_side(truth, {"x": result}, "clip"))
