"""What `benchmarks/temporal.py` says of numbers."""

import importlib.util

import numpy as np
import pytest

from hueshift_jax.metrics.measure import ClipMeter, Instruments
from tests.architecture.source import ROOT


def script(name):
    """A file of `benchmarks` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def rng():
    """Random numbers."""
    return np.random.default_rng(0)


bars = script("temporal_bars")
clips = script("temporal_clips")
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(ROOT / "benchmarks"))
    given = script("temporal_given")


def figures(error, *, flicker=0.5, cdc=0.001, psnr=25.0, colorfulness=20.0):
    return {
        "chroma_flow_error": error,
        "chroma_flow_error_truth": 0.1,
        "chroma_flow_error_excess": error - 0.1,
        "flicker": flicker,
        "flicker_truth": 0.4,
        "cdc": cdc,
        "cdc_truth": 0.001,
        "cdc_ratio": cdc / 0.001,
        "psnr": psnr,
        "ciede2000": 9.0,
        "colorfulness": colorfulness,
        "colorfulness_truth": 25.0,
        "warp_error": 1.0,
        "warp_error_truth": 1.0,
    }


def film(none, auto, **changed):
    return {"none": figures(none), "auto": figures(auto, **changed)}


def judged(scores):
    return {
        verdict.figure.split(",")[0].split(" (")[0]: verdict for verdict in bars.verdicts(scores)
    }


def test_films_are_divided_by_the_sign_of_their_excess():
    scores = {"above": film(0.3, 0.1), "below": film(0.05, 0.06), "even": film(0.1, 0.1)}
    assert bars.divided(scores) == (["above"], ["below", "even"])
    unsaid = {"gray": film(0.3, 0.1)}
    unsaid["gray"]["none"]["chroma_flow_error_excess"] = None
    assert bars.divided(unsaid) == ([], [])


def test_the_excess_is_judged_by_ratios_of_means():
    # The means are 0.3 and 0.1: down by two thirds, though one film by a half only.
    scores = {"a": film(0.5, 0.2), "b": film(0.3, 0.2), "c": film(0.0, 0.05)}
    above, others = bars.verdicts(scores)[:2]
    assert above.none == pytest.approx(0.3)
    assert above.auto == pytest.approx(0.1)
    assert above.between == "-67%"
    assert above.met
    assert others.none == pytest.approx(-0.1)
    assert others.met is False


@pytest.mark.parametrize(
    ("changed", "figure"),
    [
        ({"flicker": 1.0}, "flicker in static areas"),
        ({"cdc": 0.0013}, "CDC / truth's"),
        ({"psnr": 24.9}, "PSNR dB"),
        ({"colorfulness": 18.9}, "colorfulness"),
    ],
)
def test_each_bar_is_missed_by_itself(changed, figure):
    missed = judged({"a": film(0.5, 0.2, **changed)})
    assert [name for name, verdict in missed.items() if verdict.met is False] == [figure]
    assert judged({"a": film(0.5, 0.2)})[figure].met


def test_tables_have_a_row_for_each():
    scores = {"a": film(0.5, 0.2), "b": film(0.05, 0.05)}
    found = bars.verdicts(scores)
    assert len(bars.table(found)) == 2 + len(found)
    rows = bars.film_table(scores, {"a": "40", "b": "40, 2 shots"})
    assert rows[2].startswith("| a | 40 | 0.400 -> 0.100 | -75% | 0.50 -> 0.50 (0.40) |")
    assert "| -0.050 -> -0.050 | +0.000 |" in rows[3]


def test_no_figure_knows_of_a_cut(rng):
    shots = [rng.integers(0, 256, (16, 24, 3), dtype=np.uint8) for _ in range(2)]
    frames = [shot for shot in shots for _ in range(6)]
    cut = clips.Shots(["auto"], [0, 6])
    uncut = ClipMeter(["auto"], Instruments())
    for frame in frames:
        cut.add(frame, {"auto": frame})
        uncut.add(frame, {"auto": frame})
    assert cut.compute("auto")["cdc"] == 0.0
    assert uncut.compute("auto")["cdc"] > 0.0
    assert cut.curves["auto"]["flicker"][6] is None
    assert len(cut.curves["auto"]["psnr"]) == 12


def test_films_of_one_shot_are_their_shot(rng):
    frames = rng.integers(0, 256, (6, 16, 24, 3), dtype=np.uint8)
    shots, meter = clips.Shots(["auto"], [0]), ClipMeter(["auto"], shots_instruments())
    for frame in frames:
        shots.add(frame, {"auto": frame[::-1].copy()})
        meter.add(frame, {"auto": frame[::-1].copy()})
    ours, theirs = shots.compute("auto"), meter.compute("auto")
    assert ours.keys() == theirs.keys()
    assert all(ours[name] == pytest.approx(theirs[name]) for name in theirs if theirs[name])


def shots_instruments():
    return Instruments(flow=clips.DisFlow())


def test_cuts_are_read_beside_the_film():
    assert clips.starts_in("first_frame\n5\n9\n", 8) == (0, 5)


def given_scores(*levels):
    """One film, each way at a constant PSNR."""
    curves = {
        name: {figure: [level] * given.FRAMES for figure in given.FIGURES}
        for name, level in zip(given.names(), levels, strict=True)
    }
    return {"film": curves}


def test_what_is_given_is_held_to_its_bars():
    assert all(given.bars(given_scores(20.0, 25.0, 26.0, 20.5, 21.0, 22.5)).values())
    assert not any(given.bars(given_scores(20.0, 23.0, 22.0, 21.0, 21.0, 21.5)).values())


def test_given_frames_do_not_count():
    curves = given_scores(20.0, 25.0, 26.0, 20.5, 21.0, 22.5)["film"]
    for name in (given.FIRST, given.BOTH):
        curves[name]["psnr"][0] = curves[name]["psnr"][-1] = 99.0
    assert given.mean(curves, given.BOTH, "psnr") == 26.0
    assert given.mean(curves, given.FIRST, "psnr") > 25.0


def test_more_points_begin_with_the_fewer(rng):
    frame = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    few, many = (given.points_text(frame, count).splitlines() for count in (4, 16))
    assert len(few) == 5
    assert many[:5] == few


def test_points_have_the_color_of_their_place():
    frame = np.full((48, 64, 3), (10, 200, 255), np.uint8)
    assert given.points_text(frame, 1).endswith("#0ac8ff\n")
