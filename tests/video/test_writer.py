"""Failures of writing, and where a film may be written."""

import os
import resource
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from hueshift_jax.errors import UnsupportedMediaError, UnwritableMediaError
from hueshift_jax.video import mux, timeline
from hueshift_jax.video.files import unwritable
from hueshift_jax.video.frame import Planes
from hueshift_jax.video.probe import MediaInfo, StreamInfo, probe
from hueshift_jax.video.reader import Reader
from hueshift_jax.video.writer import (
    CAN_WRITE_ROTATION,
    Encoding,
    SegmentWriter,
    assemble,
    container_for,
)
from tests.video.clips import LOSSLESS, read_all, recolor, write_film, write_segment


@pytest.fixture
def film(tmp_path) -> MediaInfo:
    return probe(write_film(tmp_path / "in.mp4", times=6, sounds=["aac"]))


@pytest.fixture
def segment(tmp_path, film) -> Path:
    with Reader(film) as reader:
        return write_segment(tmp_path / "s.nut", film, reader)


@pytest.fixture
def small_disk():
    """No file may grow beyond 2000 bytes, which reports an error as a full disk does."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def _noise(count, height=48, width=64):
    rng = np.random.default_rng(0)
    for n in range(count):
        luma = rng.integers(16, 235, (height, width), dtype=np.uint8)
        chroma = np.full((height // 2, width // 2), 128, np.uint8)
        yield Planes(n * 512, 512, luma, chroma, chroma)


def _write_noise(path, film):
    with SegmentWriter(path, film, LOSSLESS) as writer:
        for planes in _noise(20):
            writer.write(planes)


def test_full_disk_while_encoding(tmp_path, film, small_disk):
    with pytest.raises(UnwritableMediaError, match="largest size"):
        _write_noise(tmp_path / "s.nut", film)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_full_disk_while_assembling(tmp_path, film, segment, name, small_disk):
    with pytest.raises(UnwritableMediaError, match=name):
        assemble([segment], film, tmp_path / name)


def test_missing_folder(tmp_path, film, segment):
    with pytest.raises(UnwritableMediaError, match="folder does not exist"):
        _write_noise(tmp_path / "no" / "s.nut", film)
    with pytest.raises(UnwritableMediaError, match="folder does not exist"):
        assemble([segment], film, tmp_path / "no" / "out.mp4")


def test_reasons_are_words(tmp_path):
    assert str(unwritable(Path("a"), OSError(28, "x"))) == "a cannot be written: the disk is full."
    assert "permission" in str(unwritable(Path("a"), PermissionError(13, "x")))
    assert "strange" in str(unwritable(Path("a"), ValueError("strange")))


def test_flush_failing_at_the_end(tmp_path, film, monkeypatch):
    def fail(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hueshift_jax.video.writer.sync", fail)
    with pytest.raises(UnwritableMediaError, match="disk is full"):
        _write_noise(tmp_path / "s.nut", film)


def test_writer_left_by_an_error_does_not_hide_it(tmp_path, film):
    def fail():
        with SegmentWriter(tmp_path / "s.nut", film, Encoding()) as writer:
            writer.write(next(_noise(1)))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()


def test_nothing_written_makes_no_file(tmp_path, film):
    with SegmentWriter(tmp_path / "s.nut", film, Encoding()):
        pass
    assert not (tmp_path / "s.nut").exists()


def test_planes_of_the_wrong_size(tmp_path, film):
    with (
        SegmentWriter(tmp_path / "s.nut", film, Encoding()) as writer,
        pytest.raises(ValueError, match="chroma"),
    ):
        writer.write(next(_noise(1, 50, 64)))


def test_segments_start_with_an_idr_and_count_up(tmp_path, film):
    with SegmentWriter(tmp_path / "s.nut", film, Encoding()) as writer:
        for planes in _noise(7):
            writer.write(planes)
        assert writer.frames == 7
    with av.open(str(tmp_path / "s.nut")) as source:
        found = [p.is_keyframe for p in source.demux(video=0) if p.size]
    assert (len(found), found[0]) == (7, True)


def test_nothing_to_assemble(tmp_path, film):
    with pytest.raises(UnwritableMediaError, match="no encoded frame"):
        assemble([], film, tmp_path / "out.mp4")


def test_segments_that_overlap(tmp_path, film, segment):
    with pytest.raises(UnwritableMediaError, match="same time"):
        assemble([segment, segment], film, tmp_path / "out.mp4")


def test_segments_of_two_encodings(tmp_path, film, segment):
    with Reader(film) as reader:
        later = [replace(frame, pts=frame.pts + 512 * 6) for frame in reader]
    other = write_segment(tmp_path / "t.nut", film, later, Encoding(preset="slow"))
    with pytest.raises(UnwritableMediaError, match="different settings"):
        assemble([segment, other], film, tmp_path / "out.mp4")


def test_segment_that_was_lost(tmp_path, film):
    with pytest.raises(UnwritableMediaError, match=r"gone\.nut"):
        assemble([tmp_path / "gone.nut"], film, tmp_path / "out.mp4")


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_result_that_is_not_whole(tmp_path, film, segment, name, monkeypatch):
    plan = timeline.plan([segment], film)
    longer = replace(plan, pts=(*plan.pts, plan.last + 100_000))
    monkeypatch.setattr(mux, "plan", lambda *_: longer)
    with pytest.raises(UnwritableMediaError, match="not whole after writing: 7 frames"):
        assemble([segment], film, tmp_path / name)


def test_overwriting_a_longer_file(tmp_path, film, segment):
    output = tmp_path / "out.mp4"
    output.write_bytes(os.urandom(200_000))
    assemble([segment], film, output)
    assert len(read_all(output)[1]) == 6
    assert output.stat().st_size < 100_000


def test_sound_that_does_not_fit_when_assembling(tmp_path):
    info = probe(write_film(tmp_path / "in.mkv", times=3, sounds=["pcm_s16le"]))
    with Reader(info) as reader:
        segment = write_segment(tmp_path / "s.nut", info, reader)
    with pytest.raises(UnsupportedMediaError, match=r"use \.mp4, \.mov or \.mkv"):
        assemble([segment], info, tmp_path / "out.avi")
    with pytest.raises(UnsupportedMediaError, match=r"pcm_s16le.*use \.mkv"):
        assemble([segment], info, tmp_path / "out.mp4")


def test_sound_that_no_container_holds_is_named(tmp_path):
    film = write_film(tmp_path / "in.asf", codec="mpeg4", times=3, sounds=["wmav2"])
    info = probe(film)
    with Reader(info) as reader:
        segment = write_segment(tmp_path / "s.nut", info, reader)
    assert container_for(info, None)[0] == ".mkv"
    lines = assemble([segment], info, tmp_path / "out.mkv")
    assert lines[0].startswith("Not carried over: audio stream #1 (wmav2")
    assert lines[0].endswith("which .mkv cannot hold.")


def _with(info, name, *codecs):
    audio = tuple(StreamInfo(n + 1, "audio", codec, "") for n, codec in enumerate(codecs))
    return replace(info, path=Path(name), audio=audio)


@pytest.mark.parametrize(
    ("name", "codecs", "suffix", "said"),
    [
        ("a.mp4", ["aac"], ".mp4", None),
        ("a.MOV", ["pcm_s16le"], ".mov", None),
        ("a.mkv", ["vorbis", "dca"], ".mkv", None),
        ("a.mp4", ["aac", "pcm_s16le"], ".mkv", ".mp4 cannot hold"),
        ("a.mov", ["opus"], ".mp4", ".mov cannot hold"),
        ("a.avi", ["mp3float"], ".mp4", ".avi is not written"),
        ("a.avi", ["pcm_s16le"], ".mkv", ".avi is not written"),
        ("a.webm", ["vorbis"], ".mkv", ".webm is not written"),
        ("a", [], ".mp4", "without suffix"),
    ],
)
def test_container_is_chosen(film, name, codecs, suffix, said):
    chosen, line = container_for(_with(film, name, *codecs), None)
    assert chosen == suffix
    assert line is None if said is None else said in line


def test_container_of_pictures(film):
    assert container_for(replace(film, kind="frames", audio=()), None) == (".mp4", None)


def test_named_container_is_checked(film):
    assert container_for(_with(film, "a.mkv", "aac"), Path("b.MP4")) == (".mp4", None)
    with pytest.raises(UnsupportedMediaError, match=r"#1 \(pcm_s16le\) of a\.mkv; use \.mkv"):
        container_for(_with(film, "a.mkv", "pcm_s16le"), Path("b.mp4"))
    with pytest.raises(UnsupportedMediaError, match=r"b\.wmv"):
        container_for(film, Path("b.wmv"))


def test_other_streams_are_named(tmp_path):
    film = tmp_path / "in.mkv"
    with av.open(str(film), "w") as sink:
        stream = sink.add_stream("libx264", rate=25, width=16, height=16)
        words = sink.add_mux_stream("srt")
        words.metadata["language"] = "eng"
        for _ in range(3):
            sink.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        sink.mux(stream.encode(None))
        packet = av.Packet(b"hello")
        packet.stream, packet.pts, packet.dts, packet.duration = words, 0, 0, 100
        sink.mux(packet)
    info = probe(film)
    with Reader(info) as reader:
        segment = write_segment(tmp_path / "s.nut", info, reader)
    lines = assemble([segment], info, tmp_path / "out.mkv")
    assert lines == ["Not carried over: subtitle stream #1 (srt, eng)."]


def test_rotation_that_cannot_be_written_is_said(film, segment, tmp_path, monkeypatch):
    assert CAN_WRITE_ROTATION
    monkeypatch.setattr(mux, "CAN_WRITE_ROTATION", False)
    lines = assemble([segment], replace(film, rotation=90), tmp_path / "out.mp4")
    assert lines == ["The mark that the film is turned could not be written."]
    assert probe(tmp_path / "out.mp4").rotation == 0


def test_titles_and_chapters_are_kept(tmp_path):
    film = tmp_path / "in.mkv"
    plain = write_film(tmp_path / "plain.mkv", times=25)
    with av.open(str(plain)) as source, av.open(str(film), "w") as sink:
        copy = sink.add_stream_from_template(source.streams.video[0])
        sink.metadata["title"] = "The Bridge"
        chapter = {"id": 1, "start": 0, "end": 500, "time_base": av.time_base and copy.time_base}
        sink.set_chapters([{**chapter, "metadata": {"title": "One"}}])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = copy
                sink.mux(packet)
    for suffix in (".mkv", ".mp4"):
        with av.open(str(recolor(film, tmp_path, suffix=suffix))) as result:
            assert result.metadata["title"] == "The Bridge"
            assert [c["metadata"]["title"] for c in result.chapters()] == ["One"]


def test_gone_source_is_reported(tmp_path, film, segment):
    film.path.unlink()
    with pytest.raises(OSError, match="does not exist"):
        assemble([segment], film, tmp_path / "out.mp4")
