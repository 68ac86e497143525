"""The record of an evaluation."""

import csv
import io
import json

import numpy as np
import pytest

from hueshift_jax.errors import EvaluationError
from hueshift_jax.metrics import evaluate, table
from hueshift_jax.metrics.clips import pair
from hueshift_jax.metrics.evaluate import Setup
from hueshift_jax.metrics.measure import Instruments
from hueshift_jax.video.picture import write_picture
from tests.metrics.scenes import lab_frames, recolored, to_rgb


def write(folder, frames):
    folder.mkdir(parents=True)
    for number, rgb in enumerate(frames):
        write_picture(folder / f"{number}.png", rgb)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    for seed, clip in enumerate(("one", "two")):
        lab = lab_frames(5, (24, 32), seed)
        write(root / "truth" / clip, to_rgb(lab))
        write(root / "half" / clip, recolored(lab, 0.5))
        write(root / "gray" / clip, np.repeat(recolored(lab, 0.0)[..., :1], 3, -1))
    return root


@pytest.fixture(scope="module")
def found(folders):
    setup = Setup(
        Instruments(differences={"lpips": lambda x, y: float(np.abs(x - 1.0 * y).mean())}),
        {"fd_mean": lambda rgb: rgb.reshape(-1, 3).mean(0)},
        references=True,
        protocol={"fd_mean": "mean colors"},
    )
    results = {name: folders / name for name in ("half", "gray")}
    return evaluate.evaluate(pair(folders / "truth", results), setup)


def test_means_are_over_frames_then_over_clips(found):
    half = found.systems["half"]
    for name in ("psnr", "ciede2000", "cdc", "lpips"):
        clips = [clip.figures[name] for clip in half.clips.values()]
        assert half.mean[name] == pytest.approx(np.mean(clips))
    for clip in half.clips.values():
        assert clip.frames == 5
        assert clip.size == (24, 32)
        assert clip.figures["psnr"] == pytest.approx(np.mean(clip.curves["psnr"]))
    low, high = half.intervals["psnr"]
    assert low <= half.mean["psnr"] <= high


def test_ratios_of_means(found):
    mean = found.systems["half"].mean
    assert mean["cdc_ratio"] == mean["cdc"] / mean["cdc_truth"]
    assert mean["delta_colorfulness"] == mean["colorfulness_truth"] - mean["colorfulness"]


def test_references_are_beside_every_score(found):
    assert list(found.references) == ["gray", "training-mean ab", "own-mean ab (oracle)", "truth"]
    gray, ours = found.references["gray"].mean, found.systems["gray"].mean
    assert gray["ciede2000"] == pytest.approx(ours["ciede2000"], abs=0.2)
    assert found.references["truth"].mean["psnr"] == np.inf
    assert found.references["truth"].mean["fd_mean"] == pytest.approx(0.0, abs=1e-6)
    oracle = found.references["own-mean ab (oracle)"].mean
    assert oracle["ciede2000"] < gray["ciede2000"]


def test_json(found):
    written = json.loads(json.dumps(evaluate.as_json(found), allow_nan=False))
    assert list(written["systems"]) == ["half", "gray"]
    assert written["references"]["truth"]["mean"]["psnr"] == evaluate.EQUAL
    assert written["protocol"]["fd_mean"] == "mean colors"
    assert written["protocol"]["frames"] == 10
    assert written["systems"]["half"]["clips"]["one"]["size"] == [24, 32]


def test_one_result_stands_at_the_top(folders):
    single = evaluate.evaluate(pair(folders / "truth" / "one", {"x": folders / "half" / "one"}))
    written = evaluate.as_json(single)
    assert written["mean"]["psnr"] == single.systems["x"].mean["psnr"]
    assert written["clips"]["one"]["cdc"] == written["mean"]["cdc"]
    assert "intervals" not in written["clips"]["one"]
    assert "references" not in written


def test_single_pictures_have_no_cdc_and_it_is_said(folders):
    pairs = pair(folders / "truth" / "one", {"x": folders / "half" / "one"}, as_pictures=True)
    written = evaluate.as_json(evaluate.evaluate(pairs))
    assert len(written["clips"]) == 5
    assert written["mean"]["cdc"] is None
    assert written["clips_measured"]["cdc"] == 0


def test_frames(found):
    file = io.StringIO()
    evaluate.write_frames(found, file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert len(rows) == 6 * 2 * 5
    first = next(row for row in rows if row["system"] == "half")
    assert float(first["psnr"]) == found.systems["half"].clips["one"].curves["psnr"][0]
    assert first["flicker"] == ""
    assert {row["frame"] for row in rows} == set("01234")


def test_the_table(found):
    lines = table.markdown(found).splitlines()
    assert len(lines) == 2 + 6
    assert "CIEDE2000" in lines[0]
    assert lines[0].index("CIEDE2000") < lines[0].index("PSNR")
    assert "warp" not in lines[0]
    assert lines[-1].startswith("| gray |")
    assert "[" in lines[-1]
    assert "| 100.00" in lines[5]


def test_every_frame_is_told(folders):
    seen = []
    evaluate.evaluate(
        pair(folders / "truth", {"x": folders / "half"}),
        tell=lambda clip, measured: seen.append((clip, measured.number)),
    )
    assert seen == [(clip, n) for clip in ("one", "two") for n in range(5)]


def test_nothing_is_averaged_over_what_is_missing(folders, tmp_path):
    write(tmp_path / "half" / "one", [np.zeros((24, 32, 3), np.uint8)] * 5)
    write(tmp_path / "half" / "two", [np.zeros((24, 30, 3), np.uint8)] * 5)
    with pytest.raises(EvaluationError, match="two: frame 0 of x is 30x24"):
        evaluate.evaluate(pair(folders / "truth", {"x": tmp_path / "half"}))
