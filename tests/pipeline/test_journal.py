"""Stored progress: kept, continued, protected, and never trusted blindly."""

import errno
import itertools
import json
import os
import socket
import subprocess
import sys

import av
import numpy as np
import pytest

from hueshift_jax.errors import JournalError, UnwritableMediaError, UsageError
from hueshift_jax.pipeline import durable, frames, journal, recorder, segments
from hueshift_jax.pipeline.controls import Controls
from hueshift_jax.pipeline.lock import Lock
from hueshift_jax.pipeline.stored import StoredSegment
from hueshift_jax.video.probe import probe
from tests.pipeline.doubles import FakeColorizer, color, describe, lumas, make_film

CUTS = (14, 40)
COUNT = 60


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch):
    """Segments of 10 frames, so that one shot has several."""
    from hueshift_jax.pipeline import carry, colorize

    for module in (frames, carry, colorize, segments):
        monkeypatch.setattr(module, "SEGMENT_FRAMES", 10)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_film(path, lumas(COUNT, 48, 64, cuts=CUTS))
    return path


@pytest.fixture(scope="module")
def unbroken(film, tmp_path_factory):
    """The video packets of a run that nobody disturbed."""
    with pytest.MonkeyPatch.context() as patch:
        from hueshift_jax.pipeline import carry, colorize

        for module in (frames, carry, colorize, segments):
            patch.setattr(module, "SEGMENT_FRAMES", 10)
        output = tmp_path_factory.mktemp("unbroken") / "out.mp4"
        color(film, output)
    return packets(output)


def packets(path):
    with av.open(str(path)) as container:
        return [(p.pts, p.dts, bytes(p)) for p in container.demux(video=0) if p.size]


class Stop(BaseException):
    """The power fails."""


# -- continuing


def test_segments_end_with_shots_or_when_full(film, tmp_path, monkeypatch):
    monkeypatch.setattr(journal.Journal, "finished", lambda self: None)
    color(film, tmp_path / "out.mp4")
    oks = sorted((tmp_path / "out.mp4.hueshift").glob("*.ok"))
    assert [json.loads(ok.read_text())["frames"] for ok in oks] == [10, 4, 10, 10, 6, 10, 10]


def test_a_finished_job_keeps_only_its_chroma(film, tmp_path, unbroken):
    done = color(film, tmp_path / "out.mp4")
    assert (done.frames, done.new_frames, done.already) == (COUNT, COUNT, False)
    kept = sorted(p.name for p in (tmp_path / "out.mp4.hueshift").iterdir())
    assert kept == [*(f"chroma-{n:06d}.npz" for n in range(7)), "job.json", "shots.csv"]
    assert packets(tmp_path / "out.mp4") == unbroken


@pytest.mark.parametrize("target", ["os.replace", "os.fsync"])
def test_a_stop_at_any_write_loses_nothing(film, tmp_path, unbroken, monkeypatch, target):
    """The process ends at its n-th rename or sync, n growing until the job goes through."""
    real = getattr(os, target.partition(".")[2])
    output = tmp_path / "out.mp4"
    for stops in itertools.count(1):
        calls = itertools.count(1)

        def stopping(*args, calls=calls, last=stops, **kwargs):
            if next(calls) == last:
                raise Stop
            return real(*args, **kwargs)

        monkeypatch.setattr(target, stopping)
        before = encoded(tmp_path)
        try:
            done = color(film, output)
        except Stop:
            assert not output.exists() or packets(output) == unbroken
            assert before <= encoded(tmp_path)
            continue
        finally:
            monkeypatch.undo()
            shorten(monkeypatch)
        break
    assert stops > 3
    assert done.frames == COUNT
    assert packets(output) == unbroken


def shorten(monkeypatch):
    from hueshift_jax.pipeline import carry, colorize

    for module in (frames, carry, colorize, segments):
        monkeypatch.setattr(module, "SEGMENT_FRAMES", 10)


def encoded(folder):
    return {p.name for p in folder.glob("out.mp4.hueshift/*.ok")}


def stop_after(monkeypatch, segments):
    """Ends the run when so many segments are confirmed."""
    real = journal.Journal.confirm

    def confirm(self, number, *args):
        real(self, number, *args)
        if number + 1 == segments:
            raise Stop

    monkeypatch.setattr(journal.Journal, "confirm", confirm)


@pytest.mark.parametrize("segments", range(1, 8))
@pytest.mark.parametrize("remembers", [False, True])
def test_continuing_after_each_segment(film, tmp_path, monkeypatch, segments, remembers):
    whole = tmp_path / "whole.mp4"
    color(film, whole, FakeColorizer(remembers=remembers))
    with monkeypatch.context() as patch:
        stop_after(patch, segments)
        with pytest.raises(Stop):
            color(film, tmp_path / "out.mp4", FakeColorizer(remembers=remembers))
    fake = FakeColorizer(remembers=remembers)
    done = color(film, tmp_path / "out.mp4", fake)
    assert done.new_frames == COUNT - [10, 14, 24, 34, 40, 50, 60][segments - 1]
    pace = 4  # calls that only measure the expected frames per second
    assert fake.calls <= done.new_frames + pace
    assert packets(tmp_path / "out.mp4") == packets(whole)


def damage_segment(folder):
    path = sorted(folder.glob("seg-*.nut"))[1]
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def damage_chroma(folder):
    path = sorted(folder.glob("chroma-*.npz"))[1]
    path.write_bytes(path.read_bytes()[:-40])


def lose_chroma(folder):
    sorted(folder.glob("chroma-*.npz"))[1].unlink()


def lose_ok(folder):
    sorted(folder.glob("seg-*.ok"))[1].unlink()


def empty_job(folder):
    (folder / "job.json").write_text("")


@pytest.mark.parametrize(
    ("harm", "kept"),
    [(damage_segment, 30), (lose_ok, 30), (damage_chroma, 10), (lose_chroma, 10), (empty_job, 0)],
)
def test_damaged_progress_is_made_anew(film, tmp_path, unbroken, monkeypatch, harm, kept):
    """A segment that is lost takes the rest of its shot along; chroma, all that follows."""
    with monkeypatch.context() as patch:
        stop_after(patch, 4)
        with pytest.raises(Stop):
            color(film, tmp_path / "out.mp4")
    harm(tmp_path / "out.mp4.hueshift")
    done = color(film, tmp_path / "out.mp4")
    assert done.new_frames == COUNT - kept
    assert packets(tmp_path / "out.mp4") == unbroken


# -- settings


def test_the_same_again_is_finished(film, tmp_path):
    color(film, tmp_path / "out.mp4")
    fake = FakeColorizer()
    assert color(film, tmp_path / "out.mp4", fake).already
    assert fake.calls == 0


def test_other_colors_do_not_ask_the_network(film, tmp_path):
    color(film, tmp_path / "out.mp4")
    before = packets(tmp_path / "out.mp4")
    fake = FakeColorizer()
    done = color(film, tmp_path / "out.mp4", fake, controls=Controls(saturation=1.6))
    assert (done.new_frames, fake.calls) == (COUNT, 0)
    assert [p[:2] for p in packets(tmp_path / "out.mp4")] == [p[:2] for p in before]
    assert packets(tmp_path / "out.mp4") != before
    direct = tmp_path / "direct.mp4"
    color(film, direct, controls=Controls(saturation=1.6))
    assert packets(direct) == packets(tmp_path / "out.mp4")


def test_other_colors_in_the_middle_keep_the_chroma(film, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 4)
        with pytest.raises(Stop):
            color(film, tmp_path / "out.mp4")
    fake = FakeColorizer()
    color(film, tmp_path / "out.mp4", fake, controls=Controls(saturation=1.2))
    assert 0 < fake.calls <= COUNT - 34


@pytest.mark.parametrize(
    "change", [{"colorizer": FakeColorizer(name="other")}, {"seed": 1}, {"end_s": 2.0}]
)
def test_other_settings_start_anew(film, tmp_path, monkeypatch, change):
    with monkeypatch.context() as patch:
        stop_after(patch, 4)
        with pytest.raises(Stop):
            color(film, tmp_path / "out.mp4")
    done = color(film, tmp_path / "out.mp4", **change)
    assert done.new_frames == done.frames


def test_no_resume_starts_anew(film, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 4)
        with pytest.raises(Stop):
            color(film, tmp_path / "out.mp4")
    assert color(film, tmp_path / "out.mp4", resume=False).new_frames == COUNT


def test_a_changed_input_starts_anew(tmp_path, monkeypatch):
    path = tmp_path / "film.mp4"
    make_film(path, lumas(COUNT, 48, 64, cuts=CUTS))
    with monkeypatch.context() as patch:
        stop_after(patch, 4)
        with pytest.raises(Stop):
            color(path, tmp_path / "out.mp4")
    make_film(path, lumas(COUNT, 48, 64, cuts=(30,)))
    done = color(path, tmp_path / "out.mp4")
    assert done.new_frames == COUNT


# -- protection


def test_a_foreign_result_is_not_replaced(film, tmp_path):
    output = tmp_path / "out.mp4"
    output.write_bytes(b"precious")
    with pytest.raises(UsageError, match="--overwrite"):
        color(film, output)
    assert output.read_bytes() == b"precious"
    assert color(film, output, overwrite=True).frames == COUNT


def test_a_touched_result_is_not_replaced(film, tmp_path):
    output = tmp_path / "out.mp4"
    color(film, output)
    os.utime(output, (1, 1))
    with pytest.raises(UsageError, match="--overwrite"):
        color(film, output, controls=Controls(saturation=2))


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_the_input_is_never_the_result(film, tmp_path, link):
    alias = tmp_path / "out.mp4"
    link(film, alias)
    before = film.read_bytes()
    with pytest.raises(UsageError, match="input itself"):
        color(film, alias, overwrite=True)
    assert film.read_bytes() == before


def test_no_folder(film, tmp_path):
    with pytest.raises(UnwritableMediaError, match="does not exist"):
        color(film, tmp_path / "nowhere" / "out.mp4")


def test_a_full_disk_keeps_finished_segments(film, tmp_path, unbroken, monkeypatch):
    real = recorder.SegmentWriter.write
    written = itertools.count()

    def write(self, planes):
        if next(written) == 37:
            error = UnwritableMediaError("out.mp4 cannot be written: the disk is full.")
            raise error from OSError(errno.ENOSPC, "full")
        real(self, planes)

    with monkeypatch.context() as patch:
        patch.setattr(recorder.SegmentWriter, "write", write)
        with pytest.raises(UnwritableMediaError, match=r"full; about \d+ MB more are needed"):
            color(film, tmp_path / "out.mp4")
    folder = tmp_path / "out.mp4.hueshift"
    assert not list(folder.glob("*.part*"))
    assert len(encoded(tmp_path)) == 4
    assert not (tmp_path / "out.mp4").exists()
    color(film, tmp_path / "out.mp4")
    assert packets(tmp_path / "out.mp4") == unbroken


def test_nothing_is_left_of_a_job_that_did_not_begin(tmp_path):
    class Broken(FakeColorizer):
        def working_size(self, height, width):
            raise ValueError("no")

    make_film(tmp_path / "film.mp4", lumas(2))
    with pytest.raises(ValueError, match="no"):
        color(tmp_path / "film.mp4", tmp_path / "out.mp4", Broken())
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]


# -- lock


def owner(**changes):
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True
    )
    return {"pid": int(dead.stdout), "host": socket.gethostname(), "started": "0", **changes}


def test_a_running_job_is_left_alone(tmp_path):
    with Lock(tmp_path / "lock"):
        taken = durable.read_json(tmp_path / "lock")
        durable.write_json(tmp_path / "lock", {**taken, "since": "earlier"})
        with pytest.raises(JournalError, match="being worked on"), Lock(tmp_path / "lock"):
            pass


def test_a_lock_is_given_back(tmp_path):
    with Lock(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize("content", [owner(), owner(pid=os.getpid()), owner(pid="x"), {}])
def test_what_the_dead_left_is_taken_over(tmp_path, content):
    (tmp_path / "lock").write_text(json.dumps(content))
    with Lock(tmp_path / "lock"):
        assert durable.read_json(tmp_path / "lock")["pid"] == os.getpid()


def test_another_host_is_believed(tmp_path):
    (tmp_path / "lock").write_text(json.dumps(owner(host="elsewhere")))
    with pytest.raises(JournalError, match="elsewhere"), Lock(tmp_path / "lock"):
        pass


# -- parts


def test_stored_segments_come_back(tmp_path):
    rng = np.random.default_rng(0)
    chroma = [
        frames.quantize(
            rng.normal(0, 20, (4, 6, 2)), rng.random((4, 6)), np.uint8(rng.random((4, 6)))
        )
        for _ in range(3)
    ]
    segment = StoredSegment(True, (5, 7, 9), tuple(chroma), (np.float32([1, 2]),))
    segment.save(tmp_path / "x.npz")
    again = StoredSegment.load(tmp_path / "x.npz")
    assert (again.starts_shot, again.pts) == (True, (5, 7, 9))
    np.testing.assert_array_equal(again.leaves[0], [1, 2])
    for before, after in zip(chroma, again.chroma, strict=True):
        np.testing.assert_array_equal(before.ab, after.ab)
        np.testing.assert_array_equal(before.confidence, after.confidence)


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UnwritableMediaError, match="disk is full"):
        durable.write(tmp_path / "x", b"data")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_gray_stands_on_the_left(rotation):
    info = describe("x", 6, 8, rotation=rotation)
    chroma = np.full((3, 4), 90, np.uint8)
    planes = recorder.Planes(0, 1, np.zeros((6, 8), np.uint8), chroma, chroma)
    beside = recorder.beside_gray(planes, info)
    wide = recorder.side_by_side_info(info)
    assert beside.luma.shape == (wide.height, wide.width)
    shown = frames.upright(beside.cb, rotation)
    half = shown.shape[1] // 2
    assert (shown[:, :half] == 128).all()
    assert (shown[:, half:] == 90).all()


def test_side_by_side_and_frames(film, tmp_path):
    options = {"side_by_side": True, "frames_folder": tmp_path / "frames", "end_s": 0.4}
    done = color(film, tmp_path / "out.mp4", **options)
    assert done.frames == 10
    beside = probe(tmp_path / "out.side-by-side.mp4")
    assert (beside.height, beside.width) == (48, 128)
    names = sorted(p.name for p in (tmp_path / "frames").iterdir())
    assert names == [f"{n:06d}.png" for n in range(1, 11)]
