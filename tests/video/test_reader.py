"""Frames in order, whatever the file has suffered."""

import contextlib
import time
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from hueshift_jax.errors import HueShiftError, UnreadableMediaError, UnsupportedMediaError
from hueshift_jax.video.clock import Clock
from hueshift_jax.video.picture import write_picture
from hueshift_jax.video.probe import probe
from hueshift_jax.video.reader import Damage, Reader
from tests.video.clips import pattern, read_all, write_film


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "c.ts", "d.avi"])
@pytest.mark.parametrize("skip", [1, 7, 19, 20, 30])
def test_skip_gives_the_same_following_frames(tmp_path, name, skip):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    info = probe(write_film(tmp_path / name, codec=codec, times=20))
    with Reader(info) as reader:
        whole = list(reader)
    with Reader(info, skip=skip) as reader:
        rest = list(reader)
    assert len(rest) == max(0, 20 - skip)
    for a, b in zip(whole[skip:], rest):
        assert (a.index, a.pts, a.duration) == (b.index, b.pts, b.duration)
        assert np.array_equal(a.luma, b.luma)


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "c.ts", "d.mpg"])
@pytest.mark.parametrize("trim", [(0, 1), (0.5, 1.5), (5.2, 6), (7.9, None), (3.04, 3.08)])
def test_trim_is_exact(tmp_path, name, trim):
    codec = "mpeg2video" if name.endswith("mpg") else "libx264"
    options = {"preset": "veryfast", "g": "30"} if codec == "libx264" else {"g": "12", "bf": "2"}
    info, frames = read_all(
        write_film(tmp_path / name, codec=codec, times=200, size=(16, 16), options=options)
    )
    start_s, end_s = trim
    with Reader(info, start_s=start_s, end_s=end_s) as reader:
        part = list(reader)
    end_s = 100 if end_s is None else end_s
    seconds = [float((f.pts - info.start_pts) * info.time_base) for f in frames]
    wanted = [f for f, s in zip(frames, seconds) if start_s - 1e-6 <= s < end_s - 1e-6]
    assert [f.pts for f in part] == [f.pts for f in wanted]
    assert [f.index for f in part] == list(range(len(wanted)))
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(part, wanted))


def test_trim_and_skip_combine(tmp_path):
    info, frames = read_all(write_film(tmp_path / "in.mp4", times=150, size=(16, 16)))
    with Reader(info, start_s=4, skip=3) as reader:
        part = list(reader)
    assert [(f.index, f.pts) for f in part] == [(f.index - 100, f.pts) for f in frames[103:]]


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "c.ts"])
def test_a_known_time_leaves_skipped_frames_undecoded(tmp_path, name, monkeypatch):
    options = {"preset": "veryfast", "g": "30"}
    info, frames = read_all(write_film(tmp_path / name, times=200, size=(16, 16), options=options))
    decoded = []
    real = Reader._decode
    monkeypatch.setattr(
        Reader, "_decode", lambda *args: (decoded.append(f.pts) or f for f in real(*args))
    )
    with Reader(info, skip=150, after_pts=frames[149].pts) as reader:
        rest = list(reader)
    assert [(f.index, f.pts) for f in rest] == [(f.index, f.pts) for f in frames[150:]]
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(rest, frames[150:]))
    assert len(decoded) <= 50 + 25 + 30 or name == "c.ts"


def test_a_time_that_no_frame_has_is_not_relied_on(tmp_path):
    info, frames = read_all(write_film(tmp_path / "a.mp4", times=150, size=(16, 16)))
    with Reader(info, skip=120, after_pts=frames[119].pts + 1) as reader:
        assert [(f.index, f.pts) for f in reader] == [(f.index, f.pts) for f in frames[120:]]


def test_files_without_an_index_are_read_through(tmp_path):
    film = write_film(tmp_path / "in.mkv", times=150, size=(16, 16))
    info, frames = read_all(film)
    wrong = replace(info, time_base=info.time_base)
    with Reader(wrong, start_s=5.9) as reader:
        assert [f.pts for f in reader] == [f.pts for f in frames if f.pts >= 5900]


def test_iterating_again_goes_on(tmp_path):
    info = probe(write_film(tmp_path / "in.mp4", times=4))
    with Reader(info) as reader:
        assert next(iter(reader)).index == 0
        assert [f.index for f in reader] == [1, 2, 3]
        assert list(reader) == []


def test_closing_ends_iteration(tmp_path):
    info = probe(write_film(tmp_path / "in.mp4", times=40))
    with Reader(info) as reader:
        next(iter(reader))
    assert list(reader) == []


def _join(path, films):
    """The streams of transport streams one after another, as recorders do."""
    path.write_bytes(b"".join(film.read_bytes() for film in films))
    return path


def test_size_change_keeps_the_frames_before_it(tmp_path):
    films = [
        write_film(tmp_path / f"{n}.ts", times=25, size=size)
        for n, size in enumerate([(48, 64), (32, 64)])
    ]
    info = probe(_join(tmp_path / "joined.ts", films))
    kept = []
    with Reader(info) as reader, pytest.raises(UnsupportedMediaError, match=r"64x32 at 1\.00 s"):
        kept.extend(iter(reader))
    assert len(kept) == 25


def test_depth_change_is_refused(tmp_path):
    info = probe(write_film(tmp_path / "in.mp4", times=2))
    wrong = replace(info, color=replace(info.color, bit_depth=10))
    with Reader(wrong) as reader, pytest.raises(UnsupportedMediaError, match="8 bits"):
        list(reader)


def test_joined_recordings_go_on_in_time(tmp_path):
    film = write_film(tmp_path / "in.ts", times=100, size=(16, 16))
    info, frames = read_all(_join(tmp_path / "joined.ts", [film, film]))
    assert len(frames) >= 199
    steps = np.diff([frame.pts for frame in frames]).astype(object)
    assert steps.min() > 0
    assert set(steps * info.time_base) == {Fraction(1, 25)}


def test_clock():
    clock = Clock(Fraction(1, 100), Fraction(25))
    given = [None, 4, 4, 8, None, 16, 1000, 20, 24]
    assert [clock.next(pts, 4) for pts in given] == [0, 4, 5, 8, 12, 16, 1000, 1004, 1008]
    assert clock.repairs == 4
    assert Clock(Fraction(1, 100), Fraction(25), 7).next(None, 0) == 7


def test_raw_streams_without_times(tmp_path):
    raw = write_film(tmp_path / "in.h264", times=12)
    info, frames = read_all(raw)
    assert len(frames) == 12
    assert len({round(step) for step in np.diff([f.pts for f in frames])}) == 1
    assert probe(raw).average_rate == info.average_rate


def _damaged(data, rng, kind):
    if kind == "cut":
        return data[: rng.integers(1, len(data))]
    flipped = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 100)):
        flipped[place] ^= 1 << rng.integers(8)
    return bytes(flipped)


@pytest.mark.parametrize("kind", ["cut", "flip"])
@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "c.ts"])
def test_damaged_files_give_frames_or_a_clear_error(tmp_path, name, kind):
    whole = write_film(
        tmp_path / name, times=50, options={"preset": "veryfast", "g": "10"}, sounds=["aac"]
    ).read_bytes()
    rng = np.random.default_rng(1)
    path = tmp_path / f"damaged-{name}"
    results = []
    for _ in range(20):
        path.write_bytes(_damaged(whole, rng, kind))
        started = time.monotonic()
        results.append(_try_reading(path))
        assert time.monotonic() - started < 30
    assert sum(count > 0 for count in results) > 4 or name == "a.mp4"


def _try_reading(path):
    frames = []
    with contextlib.suppress(HueShiftError), Reader(probe(path)) as reader:
        frames.extend(iter(reader))
        assert isinstance(reader.damage, Damage)
    times = [frame.pts for frame in frames]
    assert times == sorted(set(times))
    return len(frames)


def _spoil(film, wanted):
    """Overwrites the beginnings of those pictures of an AVI file whose number is wanted."""
    data = bytearray(film.read_bytes())
    place, end = data.index(b"00dc", data.index(b"movi")), data.index(b"idx1")
    number = 0
    while 0 <= place < end:
        if wanted(number):
            data[place + 8 : place + 24] = bytes(16)
        number += 1
        place = data.find(b"00dc", place + 4)
    film.write_bytes(data)


@pytest.fixture
def intra_film(tmp_path):
    return write_film(tmp_path / "in.avi", codec="zlib", pix_fmt="bgr24", times=150, size=(16, 16))


def test_damage_is_counted(intra_film):
    _spoil(intra_film, lambda number: number in (20, 21, 90))
    with Reader(probe(intra_film)) as reader:
        frames = list(reader)
    assert reader.damage == Damage(undecodable_packets=3)
    assert reader.damage
    assert [f.index for f in frames] == list(range(147))
    assert [f.pts for f in frames][18:22] == [18, 19, 22, 23]
    assert not Damage()


def test_reading_stops_after_too_many_failures(intra_film):
    _spoil(intra_film, lambda number: number > 9)
    with Reader(probe(intra_film)) as reader:
        assert len(list(reader)) == 10
    assert reader.damage == Damage(undecodable_packets=100, stopped_early=True, missing_s=5.6)


def test_film_that_lost_its_frames_since(intra_film):
    info = probe(intra_film)
    _spoil(intra_film, lambda number: True)
    with Reader(info) as reader, pytest.raises(UnreadableMediaError, match="no frame"):
        list(reader)
    with pytest.raises(UnreadableMediaError, match="no frame"):
        probe(intra_film)


def test_demuxer_errors_are_survived(tmp_path, monkeypatch):
    info = probe(write_film(tmp_path / "in.mp4", times=5))
    reader = Reader(info)

    class Failing:
        def demux(self, stream):
            raise av.error.InvalidDataError(1, "broken")

    assert list(reader._packets(Failing(), None)) == [None]
    assert reader.damage.stopped_early


def test_folder_is_read_in_counting_order(tmp_path):
    for n in (1, 2, 10):
        gray = np.full((6, 8, 3), 10 * n, np.uint8)
        write_picture(tmp_path / f"ü{n}.png", gray)
    (tmp_path / "ü5.png").write_bytes(b"damaged")
    info = probe(tmp_path)
    with Reader(info) as reader:
        frames = list(reader)
    assert [(f.index, f.pts, int(f.luma[0, 0])) for f in frames] == [
        (0, 0, 10),
        (1, 1, 20),
        (3, 3, 100),
    ]
    assert reader.damage.undecodable_packets == 1
    with Reader(info, skip=1, end_s=3.5 / 24) as reader:
        assert [f.index for f in reader] == [1, 3]
    with Reader(info, skip=2, after_pts=1) as reader:
        assert [f.index for f in reader] == [3]
    with Reader(info, skip=3, after_pts=3) as reader:
        assert list(reader) == []
    with Reader(info, start_s=1 / 24, end_s=3 / 24) as reader:
        assert [(f.index, f.pts) for f in reader] == [(0, 1)]


def test_folder_of_two_sizes(tmp_path):
    for n in (6, 8):
        write_picture(tmp_path / f"{n}.png", np.zeros((n, 8, 3), np.uint8))
    with Reader(probe(tmp_path)) as reader, pytest.raises(UnsupportedMediaError, match="8x8"):
        list(reader)


def test_picture_that_was_lost_since(tmp_path):
    write_picture(tmp_path / "a.png", np.zeros((6, 8, 3), np.uint8))
    info = probe(tmp_path / "a.png")
    info.path.unlink()
    with Reader(info) as reader, pytest.raises(UnreadableMediaError, match="no picture"):
        list(reader)


def test_single_picture(tmp_path):
    cv2.imwrite(str(tmp_path / "a.jpg"), pattern(0, 16, 16))
    _, frames = read_all(tmp_path / "a.jpg")
    assert [(f.index, f.pts, f.duration) for f in frames] == [(0, 0, 1)]
    assert frames[0].chroma_excursion < 0.5
