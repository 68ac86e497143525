"""`hueshift bench systems` stores what it measures and keeps the rest."""

import pytest

from hueshift_jax import api
from hueshift_jax.cli import bench, bench_road
from hueshift_jax.cli.run import run
from hueshift_jax.systems import SYSTEMS, measured
from hueshift_jax.video.picture import write_picture
from tests.metrics.scenes import lab_frames, to_rgb
from tests.pipeline.doubles import FakeColorizer


def call(*words):
    """Exit code."""
    return run(bench.main, ["systems", *map(str, words)])


def test_quality_then_speed(monkeypatch, tmp_path, capsys):
    colorizer = FakeColorizer()
    monkeypatch.setattr(api, "choose", lambda *args, **kwargs: colorizer)
    monkeypatch.setattr(bench_road, "speed", lambda name: 12.34)
    for number, rgb in enumerate(to_rgb(lab_frames(2))):
        write_picture(tmp_path / f"{number}.png", rgb)
    output = tmp_path / "m.json"
    named = ("--clips", tmp_path, "--named", "two pictures", "--pictures", "--output", output)
    assert call(*named) == 0, capsys.readouterr().err
    record = measured.load(output)
    assert (record.named, record.clips) == ("two pictures", 2)
    assert len(record.references) == 4
    assert record.references["gray"]["colorfulness_ratio"] == 0.0
    for name, entry in SYSTEMS.items():
        assert record.quality(name, entry.weights_digest)["ciede2000"] > 0.0
    assert record.speeds == {}
    assert call("--speed", "--output", output) == 0
    after = measured.load(output)
    assert after.systems == record.systems
    assert {speed.frames_per_s for speed in after.speeds.values()} == {12.3}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ((), "name what to measure"),
        (("--clips", "a"), "go together"),
        (("--named", "a", "--speed"), "go together"),
    ],
)
def test_what_is_refused(argv, message, capsys):
    assert call(*argv) == 2
    assert message in capsys.readouterr().err
