"""A change of what is given for one shot is a change of one shot."""

import itertools
import json
import os
import shutil

import numpy as np
import pytest

from hueshift_jax.errors import JournalError
from hueshift_jax.pipeline import (
    carry,
    colorize,
    events,
    frames,
    journal,
    progress,
    recorder,
    segments,
)
from hueshift_jax.pipeline.controls import Controls
from hueshift_jax.pipeline.progress import FOREVER, Progress, Seal, Segment, Stretch
from hueshift_jax.pipeline.stored import StoredSegment
from hueshift_jax.video.reader import Damage
from tests.pipeline.doubles import FakeColorizer, color, lumas, make_film
from tests.pipeline.test_journal import Stop, packets, stop_after

SHOT = 5
SHOTS = 10
COUNT = SHOT * SHOTS
TICKS = 512


class Given:
    """Tints given from some frames of a film on, to the end of the shot, in `tints`."""

    def __init__(self, tints=()):
        self.tints = dict(tints)

    def mark(self, first_pts, last_pts):
        inside = {n: t for n, t in self.tints.items() if first_pts <= n * TICKS <= last_pts}
        return json.dumps(inside) if inside else ""

    def tint(self, pts):
        index = pts // TICKS
        return sum(t for n, t in self.tints.items() if n // SHOT == index // SHOT)


def shorten(patch, given=None):
    """Segments of 3 frames, so two a shot; tints are laid over what the smoother says."""
    for module in (frames, carry, colorize, segments):
        patch.setattr(module, "SEGMENT_FRAMES", 3)
    if given is not None:
        real = segments.Divider.divide

        def divide(self, shot, starts):
            tinted = (
                frames.ColorFrame(f.frame, f.chroma, f.ab + np.float32(given.tint(f.frame.pts)))
                for f in shot
            )
            return real(self, tinted, starts)

        patch.setattr(segments.Divider, "divide", divide)


def run(source, output, tints=(), fake=None, **options):
    """Colors with tints given by the frame where they begin."""
    given = Given(tints)
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch, given)
        return color(source, output, fake, mark=given.mark, **options)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_film(path, lumas(COUNT, 48, 64, cuts=range(SHOT, COUNT, SHOT)))
    return path


@pytest.fixture(scope="module")
def _made(film, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    run(film, folder / "out.mp4", {17: 12})
    return folder


@pytest.fixture
def made(_made, tmp_path):
    """A folder with a result for which something was given in shot 3, and its journal."""
    shutil.copytree(_made, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="module")
def fresh(film, tmp_path_factory):
    """The packets of a run from nothing with some tints."""
    known = {}

    def packets_with(tints):
        key = tuple(tints.items())
        if key not in known:
            output = tmp_path_factory.mktemp("fresh") / "out.mp4"
            run(film, output, tints)
            known[key] = packets(output)
        return known[key]

    return packets_with


def files(folder):
    """Name to content and time of every encoded segment."""
    found = folder.glob("out.mp4.hueshift/seg-*")
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in found}


def names_of(shot):
    return {f"seg-{n:06d}.{kind}" for n in range(2 * shot, 2 * shot + 2) for kind in ("nut", "ok")}


def changed(before, after):
    return {name for name in before | after if before.get(name) != after.get(name)}


def notes(told):
    return [event.text for event in told if isinstance(event, events.Note)]


# -- one shot of ten


@pytest.mark.parametrize(("frame", "shot"), [(17, 3), (0, 0), (49, 9)])
def test_a_change_in_one_shot_encodes_this_shot_only(film, made, fresh, monkeypatch, frame, shot):
    before, old = files(made), packets(made / "out.mp4")
    written = []
    real = recorder.SegmentWriter.write
    monkeypatch.setattr(
        recorder.SegmentWriter,
        "write",
        lambda self, planes: (written.append(planes.pts), real(self, planes)),
    )
    told, fake = [], FakeColorizer()
    tints = {17: 12, frame: -9}
    done = run(film, made / "out.mp4", tints, fake, told=told)
    assert written == [TICKS * n for n in range(SHOT * shot, SHOT * shot + SHOT)]
    assert (done.frames, done.new_frames, fake.calls) == (COUNT, SHOT, 0)
    assert notes(told) == ["1 of 10 shots has changed and is made anew."]
    assert changed(before, files(made)) == names_of(shot)
    new = packets(made / "out.mp4")
    others = [n for n in range(COUNT) if n // SHOT != shot]
    assert [new[n] for n in others] == [old[n] for n in others]
    assert new[SHOT * shot] != old[SHOT * shot]
    assert new == fresh(tints)


def test_two_shots_are_counted(film, made, fresh):
    before, told = files(made), []
    tints = {6: 5, 36: 7, 17: 12}
    assert run(film, made / "out.mp4", tints, told=told).new_frames == 2 * SHOT
    assert notes(told) == ["2 of 10 shots have changed and are made anew."]
    assert changed(before, files(made)) == names_of(1) | names_of(7)
    advances = [event for event in told if isinstance(event, events.Advance)]
    assert all(COUNT - 2 * SHOT < event.done <= event.total == COUNT for event in advances)
    assert advances[-1].done == COUNT
    assert packets(made / "out.mp4") == fresh(tints)


def test_the_same_again_is_finished(film, made):
    assert run(film, made / "out.mp4", {17: 12}).already


def test_what_is_given_no_longer_is_a_change(film, made, fresh):
    told = []
    assert run(film, made / "out.mp4", told=told).new_frames == SHOT
    assert notes(told) == ["1 of 10 shots has changed and is made anew."]
    assert not files(made)
    assert packets(made / "out.mp4") == fresh({})


def test_after_an_automatic_run_all_is_encoded_once_more(film, tmp_path, fresh):
    run(film, tmp_path / "out.mp4")
    assert not files(tmp_path)
    told, fake = [], FakeColorizer()
    done = run(film, tmp_path / "out.mp4", {17: 12}, fake, told=told)
    assert (done.new_frames, fake.calls) == (COUNT, 0)
    said = "All shots are encoded once more; from now on only those that change."
    assert notes(told) == [said]
    assert len(files(tmp_path)) == 2 * 2 * SHOTS
    assert packets(tmp_path / "out.mp4") == fresh({17: 12})
    assert run(film, tmp_path / "out.mp4", {17: 13}).new_frames == SHOT


def test_other_controls_encode_all_from_stored_chroma(film, made):
    told, fake = [], FakeColorizer()
    options = {"controls": Controls(saturation=1.4), "told": told}
    done = run(film, made / "out.mp4", {17: 12}, fake, **options)
    assert (done.new_frames, fake.calls) == (COUNT, 0)
    assert notes(told) == ["The colors are made anew from the stored chroma."]
    assert len(files(made)) == 2 * 2 * SHOTS
    again = run(film, made / "out.mp4", {17: 12, 1: 4}, controls=Controls(saturation=1.4))
    assert again.new_frames == SHOT


def test_other_settings_begin_anew(film, made):
    told = []
    options = {"seed": 1, "overwrite": True, "told": told}
    assert run(film, made / "out.mp4", {17: 12}, **options).new_frames == COUNT
    assert notes(told) == ["Other settings than before (seed); starting anew."]


def test_both_films_of_a_shot_are_made_anew(tmp_path):
    make_film(tmp_path / "film.mp4", lumas(10, 48, 64, cuts=[5]))
    source, beside = tmp_path / "film.mp4", "{}.side-by-side.mp4"
    run(source, tmp_path / "out.mp4", {7: 12}, side_by_side=True)
    assert run(source, tmp_path / "out.mp4", {7: 14}, side_by_side=True).new_frames == SHOT
    run(source, tmp_path / "new.mp4", {7: 14}, side_by_side=True)
    both = [packets(tmp_path / beside.format(name)) for name in ("out", "new")]
    assert both[0] == both[1]


def test_stored_progress_of_other_frames_is_refused(film, made):
    path = made / "out.mp4.hueshift" / "chroma-000010.npz"
    content = StoredSegment.load(path)
    moved = tuple(pts + 1 for pts in content.pts)
    StoredSegment(content.starts_shot, moved, content.chroma, content.leaves).save(path)
    with pytest.raises(JournalError, match=r"other frames than .*; add --no-resume"):
        run(film, made / "out.mp4", {17: 13})


# -- interrupted


@pytest.mark.parametrize("target", ["os.replace", "os.fsync", "os.unlink"])
def test_a_stop_at_any_write_while_one_shot_is_made_anew(film, made, fresh, monkeypatch, target):
    real = getattr(os, target.partition(".")[2])
    tints = {17: -20}
    before = files(made)
    old = packets(made / "out.mp4")
    for stops in itertools.count(1):
        calls = itertools.count(1)

        def stopping(*args, calls=calls, last=stops, **kwargs):
            if next(calls) == last:
                raise Stop
            return real(*args, **kwargs)

        monkeypatch.setattr(target, stopping)
        try:
            done = run(film, made / "out.mp4", tints)
        except Stop:
            assert packets(made / "out.mp4") in (old, fresh(tints))
            continue
        finally:
            monkeypatch.undo()
        break
    assert stops > 3
    assert done.frames == COUNT
    assert packets(made / "out.mp4") == fresh(tints)
    assert changed(before, files(made)) == names_of(3)


@pytest.mark.parametrize("confirmed", [1, 2, 5])
def test_shots_that_ended_before_a_stop_are_kept_if_later_ones_change(
    film, tmp_path, fresh, monkeypatch, confirmed
):
    """A shot that was interrupted might have had what was given later, and is made anew."""
    with monkeypatch.context() as patch:
        stop_after(patch, confirmed)
        with pytest.raises(Stop):
            run(film, tmp_path / "out.mp4", {17: 12})
    done = run(film, tmp_path / "out.mp4", {17: 12, 43: 9})
    assert done.frames - done.new_frames == confirmed // 2 * SHOT
    assert packets(tmp_path / "out.mp4") == fresh({17: 12, 43: 9})


def test_a_change_before_the_place_of_an_interruption(film, tmp_path, monkeypatch):
    fake = {"fake": FakeColorizer(remembers=True)}
    with monkeypatch.context() as patch:
        stop_after(patch, 13)
        with pytest.raises(Stop):
            run(film, tmp_path / "out.mp4", {17: 12}, **fake)
    told = []
    done = run(film, tmp_path / "out.mp4", {17: 12, 5: 2}, told=told, **fake)
    assert notes(told)[:1] == ["1 of 7 shots has changed and is made anew."]
    assert COUNT - done.new_frames == 5 * SHOT + 3
    run(film, tmp_path / "whole.mp4", {17: 12, 5: 2}, **fake)
    assert packets(tmp_path / "out.mp4") == packets(tmp_path / "whole.mp4")


def test_an_interrupted_change_goes_on(film, made, fresh, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 7)
        with pytest.raises(Stop):
            run(film, made / "out.mp4", {17: -20})
    told = []
    assert run(film, made / "out.mp4", {17: -20}, told=told).new_frames == 2
    assert notes(told) == [f"Continuing with what is missing; {COUNT - 2} frames are there."]
    assert packets(made / "out.mp4") == fresh({17: -20})


def test_a_change_that_is_taken_back_before_it_was_made(film, made, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(recorder.SegmentWriter, "write", stop)
        with pytest.raises(Stop):
            run(film, made / "out.mp4", {17: -20})
    assert run(film, made / "out.mp4", {17: 12}).already
    assert run(film, made / "out.mp4", {17: 12, 0: 1}).new_frames == 2 * SHOT


def stop(*args):
    raise Stop


# -- parts


def stored(*shots_):
    """Segments of ten frames a tick apart: for each shot the seals, None where not encoded."""
    made, first = [], 0
    for seals in shots_:
        for place, seal in enumerate(seals):
            made.append(Segment(10, place == 0, first, first + 9, seal))
            first += 10
    return tuple(made)


WHOLE = Seal("", 9)


@pytest.mark.parametrize(
    ("segments", "complete", "expected"),
    [
        ((), False, [(0, 0, True)]),
        ((), True, []),
        (([WHOLE], [WHOLE]), True, []),
        (([WHOLE], [WHOLE]), False, [(2, 2, True)]),
        (([WHOLE], [None]), False, [(1, 2, True)]),
        (([WHOLE], [None]), True, [(1, 2, False)]),
        (([None, None], [WHOLE], [None]), True, [(0, 2, False), (3, 4, False)]),
        (([None, None], [WHOLE], [WHOLE]), False, [(0, 2, False), (4, 4, True)]),
    ],
)
def test_stretches(segments, complete, expected):
    found = Progress(stored(*segments), complete).stretches()
    assert found == [Stretch(*values) for values in expected]


def test_counts():
    done = Progress(stored([WHOLE, None], [WHOLE], [None]))
    assert (done.frames, done.encoded_frames, done.frames_before(3)) == (40, 20, 30)
    assert [done.shot_of(n) for n in range(6)] == [0, 0, 2, 3, 3, 3]
    assert Progress().shot_of(0) == 0
    assert progress.shots(done.segments) == [range(2), range(2, 3), range(3, 4)]
    assert progress.shots(()) == []


def keyframe(at, text="k"):
    return lambda first, last: text if first <= at <= last else ""


@pytest.mark.parametrize(
    ("mark", "complete", "alive", "changes"),
    [
        (progress.unmarked, True, [1, 1, 0, 0, 0], 2),
        (keyframe(25), True, [1, 1, 1, 1, 0], 1),
        (keyframe(25), False, [1, 1, 1, 1, 0], 1),
        (keyframe(25, "other"), True, [1, 1, 0, 0, 0], 2),
        (keyframe(5), True, [0, 0, 0, 0, 0], 3),
        (keyframe(45), True, [1, 1, 0, 0, 1], 1),
        (keyframe(60), True, [1, 1, 0, 0, 1], 1),
    ],
)
def test_seals_are_compared_over_the_span_they_stand_for(mark, complete, alive, changes):
    """The first shot was sealed with nothing, as open; the others with a keyframe each."""
    found = stored([Seal(), Seal("", 19)], [Seal("k", 39)] * 2, [Seal("k")])
    kept, count = progress.checked(found, mark, complete=complete)
    assert [segment.seal is not None for segment in kept] == [bool(n) for n in alive]
    assert count == changes


def test_a_shot_is_kept_up_to_its_first_gap():
    found = stored([WHOLE, None, WHOLE], [WHOLE])
    kept, count = progress.checked(found, progress.unmarked, complete=True)
    assert [segment.seal is not None for segment in kept] == [True, False, False, True]
    assert count == 0


def test_a_segment_comes_back():
    segment = Segment(3, True, -5, 7, Seal("mark", FOREVER))
    assert Segment.from_json(json.loads(json.dumps(segment.as_json()))) == segment


def test_damage_is_remembered(film, made):
    with journal.Journal(made / "out.mp4.hueshift") as kept:
        state = json.loads((made / "out.mp4.hueshift" / "job.json").read_text())
        job = journal.Job(*(state[n] for n in ("source", "network", "appearance", "given")))
        found = kept.begin(job, mark=Given({17: 12}).mark)
    assert (found.complete, found.damage, found.stretches()) == (True, Damage(), [])
