"""What is found, and what is refused in one clear sentence."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from hueshift_jax.errors import UnreadableMediaError, UnsupportedMediaError
from hueshift_jax.video import source
from hueshift_jax.video.picture import write_picture
from hueshift_jax.video.probe import StreamInfo, probe, pts_at
from hueshift_jax.video.source import open_source
from tests.video.clips import pattern, write_film


def test_facts_of_a_film(tmp_path):
    film = write_film(tmp_path / "in.mp4", sounds=["aac"], times=10, aspect=Fraction(16, 15))
    info = probe(film)
    assert (info.kind, info.codec, info.pix_fmt) == ("film", "h264", "yuv420p")
    assert (info.width, info.height, info.rotation) == (64, 48, 0)
    assert info.average_rate == 25
    assert info.frame_count_estimate == 10
    assert info.duration_s == pytest.approx(0.4)
    assert info.audio == (StreamInfo(1, "audio", "aac", "eng"),)
    assert (info.other, info.interlaced, info.gray) == ((), False, False)
    assert pts_at(info, 0.1) * info.time_base == Fraction(1, 10)


def test_folder_and_picture(tmp_path):
    for name in ("b10.png", "b2.png", "b1.png"):
        write_picture(tmp_path / name, np.zeros((6, 8, 3), np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    info = probe(tmp_path, frames_rate=Fraction(18))
    assert (info.kind, info.frame_count_estimate, info.width, info.height) == ("frames", 3, 8, 6)
    assert info.time_base == Fraction(1, 18)
    info = probe(tmp_path / "b2.png")
    assert (info.kind, info.frame_count_estimate, info.codec) == ("picture", 1, "png")


def test_interlaced_is_seen(tmp_path):
    film = write_film(
        tmp_path / "in.mkv", options={"qp": "0", "x264-params": "interlaced=1:tff=1"}, times=2
    )
    assert probe(film).interlaced


def _sound_only(path):
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("pcm_s16le", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), "s16", "stereo")
        frame.sample_rate = 48000
        sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path


UNREADABLE = {
    "missing.mp4": None,
    "empty.mp4": b"",
    "text.mp4": b"once upon a time there was a film\n" * 50,
    "zeros.mkv": bytes(5000),
    "no-picture.png": b"\x89PNG but not really",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files(tmp_path, name):
    if UNREADABLE[name] is not None:
        (tmp_path / name).write_bytes(UNREADABLE[name])
    with pytest.raises(UnreadableMediaError, match=name):
        probe(tmp_path / name)


def test_folder_without_pictures(tmp_path):
    with pytest.raises(UnreadableMediaError, match="holds no pictures"):
        probe(tmp_path)


def test_header_without_frames(tmp_path):
    whole = write_film(tmp_path / "in.mkv", times=3).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: whole.index(b"\x1f\x43\xb6\x75")])
    with pytest.raises(UnreadableMediaError, match=r"cut\.mkv"):
        probe(tmp_path / "cut.mkv")


def test_frames_that_cannot_be_decoded(tmp_path):
    film = write_film(tmp_path / "in.mp4", codec="mpeg4", times=150)
    data = bytearray(film.read_bytes())
    start = data.index(b"mdat") + 4
    data[start : data.index(b"moov") - 4] = b"\xff" * (data.index(b"moov") - 4 - start)
    film.write_bytes(data)
    with pytest.raises(UnreadableMediaError, match="no frame"):
        probe(film)


PLAYLISTS = {
    "list.m3u8": b"#EXTM3U\n#EXTINF:1,\nother.ts\n",
    "list.ffconcat": b"ffconcat version 1.0\nfile other.mp4\n",
    "hls.mp4": b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n",
    "concat.mp4": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "session.mp4": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
    "dash.mp4": b"<?xml version='1.0'?>\n<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'/>",
    "address": None,
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_playlists_and_addresses_are_refused(tmp_path, name, monkeypatch):
    monkeypatch.setattr(source.av, "open", lambda *_, **__: pytest.fail("it was opened"))
    path = tmp_path / name
    if PLAYLISTS[name] is None:
        path = "https://example.org/film.mp4"
    else:
        path.write_bytes(PLAYLISTS[name])
    with pytest.raises(UnsupportedMediaError, match=r"playlist|address"):
        probe(path)


def test_unknown_playlists_do_not_reach_the_demuxer(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "check_source", lambda path: None)
    write_film(tmp_path / "other.mp4", times=2)
    listing = tmp_path / "list.mp4"
    listing.write_bytes(b"ffconcat version 1.0\nfile other.mp4\n")
    with pytest.raises(UnreadableMediaError):
        open_source(listing)


def test_devices_are_refused():
    with pytest.raises(UnsupportedMediaError, match="neither a file"):
        probe("/dev/null")


def test_sound_only_is_refused(tmp_path):
    with pytest.raises(UnsupportedMediaError, match="only audio"):
        probe(_sound_only(tmp_path / "song.wav"))


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_refused(tmp_path, transfer, name):
    film = write_film(tmp_path / "in.mp4", tags=(1, 9, transfer, 9), times=2)
    with pytest.raises(UnsupportedMediaError, match=name):
        probe(film)


def test_giant_frames_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("hueshift_jax.video.probe._MAX_PIXELS", 1000)
    with pytest.raises(UnsupportedMediaError, match="64x48"):
        probe(write_film(tmp_path / "in.mp4", times=2))


def test_unreadable_permission(tmp_path, monkeypatch):
    film = write_film(tmp_path / "in.mp4", times=2)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UnreadableMediaError, match="Permission denied"):
        probe(film)
    monkeypatch.undo()
    monkeypatch.setattr(source.av, "open", refuse)
    with pytest.raises(UnreadableMediaError, match="permission denied"):
        probe(film)


def test_cover_pictures_are_not_the_film(tmp_path):
    film = write_film(tmp_path / "in.mkv", times=3)
    covered = tmp_path / "covered.mp4"
    with av.open(str(film)) as source_file, av.open(str(covered), "w") as sink:
        cover = sink.add_stream("png", rate=1, width=16, height=16)
        cover.pix_fmt = "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        copy = sink.add_stream_from_template(source_file.streams.video[0])
        sink.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))))
        for packet in source_file.demux(video=0):
            if packet.size:
                packet.stream = copy
                sink.mux(packet)
    info = probe(covered)
    assert (info.width, len(info.other)) == (64, 1)


def test_sixteen_bit_picture_size(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), pattern(0, 6, 8, 16))
    assert probe(tmp_path / "a.png").color.bit_depth == 8
