"""A film that goes in comes out with the same tones, tags, times, shape and sound."""

import itertools
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from hueshift_jax.video.frame import ColorSpec, Planes, to_eight_bit, ycbcr_scale
from hueshift_jax.video.probe import probe
from hueshift_jax.video.reader import Reader
from hueshift_jax.video.writer import Encoding, SegmentWriter, assemble
from tests.video.clips import (
    FAST,
    LOSSLESS,
    packets,
    read_all,
    recolor,
    times_s,
    write_film,
    write_segment,
)

MATRICES = {"bt601": (6, 6, 6), "bt709": (1, 1, 1), "bt2020": (9, 14, 9)}


def _facts(color: ColorSpec) -> tuple:
    return color.matrix, color.full_range, color.primaries, color.transfer, color.matrix_tag


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
def test_luma_and_tags_survive(tmp_path, matrix, full, bits):
    pix_fmt = "yuv420p" if bits == 8 else "yuv420p10le"
    tags = (2 if full else 1, *MATRICES[matrix])
    film = write_film(tmp_path / "in.mp4", pix_fmt=pix_fmt, tags=tags, times=4)
    info, frames = read_all(film)
    assert info.color.bit_depth == bits
    assert _facts(info.color) == (matrix, full, *tags[1:])
    exact_info, exact = read_all(recolor(film, tmp_path))
    assert _facts(exact_info.color) == _facts(info.color)
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(frames, exact, strict=True))
    near = Encoding(crf=1, preset="ultrafast", threads=1)
    near_info, lossy = read_all(recolor(film, tmp_path, encoding=near))
    assert _facts(near_info.color) == _facts(info.color)
    for a, b in zip(frames, lossy, strict=True):
        wanted = to_eight_bit(a.luma, bits, full_range=full).astype(int)
        assert np.abs(wanted - b.luma).max() <= 1


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_tags_are_in_the_container(tmp_path, suffix):
    film = write_film(tmp_path / "in.mp4", tags=(2, 9, 14, 9), times=2)
    with av.open(str(recolor(film, tmp_path, suffix=suffix))) as source:
        context = source.streams.video[0].codec_context
        tags = (context.color_range, context.color_primaries, context.color_trc, context.colorspace)
    assert tags == (2, 9, 14, 9)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
def test_bars_decode_to_their_colors(tmp_path, matrix, full):
    film = write_film(
        tmp_path / "in.mp4", size=(32, 96), times=1, tags=(2 if full else 1, *MATRICES[matrix])
    )
    info = probe(film)
    bars = np.repeat(np.float64([[255, 0, 0], [0, 255, 0], [0, 0, 255]]), 32, axis=0) / 255
    planes = _planes_of_rows(bars, 32, info.color)
    with SegmentWriter(tmp_path / "s.nut", info, LOSSLESS) as writer:
        writer.write(planes)
    output = tmp_path / "out.mp4"
    assemble([tmp_path / "s.nut"], info, output)
    with av.open(str(output)) as source:
        decoded = next(source.decode(video=0)).to_ndarray(format="rgb24")
    for place in (10, 48, 86):
        assert np.abs(decoded[16, place] - 255 * bars[place]).max() <= 2


def _planes_of_rows(rgb: np.ndarray, height: int, color: ColorSpec) -> Planes:
    """Planes with every row equal to `rgb` (w, 3), by the matrices printed in the standards."""
    printed = {"bt601": (0.299, 0.587, 0.114), "bt709": (0.2126, 0.7152, 0.0722)}
    weights = printed.get(color.matrix, (0.2627, 0.678, 0.0593))
    luma = rgb @ weights
    cb = (rgb[:, 2] - luma) / (2 - 2 * weights[2])
    cr = (rgb[:, 0] - luma) / (2 - 2 * weights[0])
    scale = ycbcr_scale(color, 8)

    def codes(values, zero, span, count):
        row = np.clip(np.round(zero + span * values), 0, 255).astype(np.uint8)
        return np.tile(row, (count, 1))

    return Planes(
        pts=0,
        duration=1,
        luma=codes(luma, scale.black, scale.luma_span, height),
        cb=codes(cb[::2], scale.neutral, scale.chroma_span, height // 2),
        cr=codes(cr[::2], scale.neutral, scale.chroma_span, height // 2),
    )


TIMINGS = {
    "variable": ([0, 2, 6, 7, 14], Fraction(1, 2)),
    "ntsc": (range(8), Fraction(1001, 30000)),
    "late start": (range(3, 9), Fraction(1, 2)),
    "ninety kilohertz": ([n * 3003 for n in range(8)], Fraction(1, 90000)),
}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("timing", TIMINGS)
def test_times_survive(tmp_path, timing, suffix):
    times, time_base = TIMINGS[timing]
    film = write_film(
        tmp_path / f"in{suffix}",
        times=times,
        time_base=time_base,
        rate=1 / time_base if time_base < 1 else Fraction(2),
        options={"preset": "veryfast", "qp": "0"},
        container_options={"avoid_negative_ts": "disabled"},
    )
    info, frames = read_all(film)
    result_info, result = read_all(recolor(film, tmp_path, encoding=Encoding(), split=3))
    wanted = [pts * time_base for pts in times]
    tick = info.time_base + result_info.time_base if suffix == ".mkv" else 0
    for before, after, wish in zip(times_s(info, frames), times_s(result_info, result), wanted):
        assert abs(before - after) <= tick
        assert abs(before - wish) <= Fraction(1, 1000)
    assert len(result) == len(frames) == len(wanted)


def test_exotic_ticks_are_exact_in_mp4(tmp_path):
    info = replace(probe(write_film(tmp_path / "in.mp4")), time_base=Fraction(7, 11111))
    with Reader(probe(info.path)) as reader:
        frames = [replace(f, pts=int(97 * f.index**1.5)) for f in reader]
    segment = write_segment(tmp_path / "s.nut", info, frames)
    assemble([segment], info, tmp_path / "out.mp4")
    result_info, result = read_all(tmp_path / "out.mp4")
    assert times_s(result_info, result) == times_s(info, frames)


def test_last_frame_keeps_its_duration(tmp_path):
    film = write_film(tmp_path / "in.mp4", times=5, time_base=Fraction(1, 25))
    stretched = _with_last_duration(film, tmp_path / "long.mp4", seconds=2)
    before, after = probe(stretched), probe(recolor(stretched, tmp_path))
    assert before.duration_s == pytest.approx(after.duration_s, abs=1e-4)
    assert after.duration_s > 2


def _with_last_duration(film, path, *, seconds):
    with av.open(str(film)) as source, av.open(str(path), "w") as sink:
        stream = source.streams.video[0]
        copy = sink.add_stream_from_template(stream)
        found = [p for p in source.demux(stream) if p.size]
        found[-1].duration = round(seconds / stream.time_base)
        for packet in found:
            packet.stream = copy
            sink.mux(packet)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_negative_start_keeps_sync(tmp_path, suffix):
    film = write_film(tmp_path / "in.mp4", sounds=["aac"], times=25)
    info = probe(film)
    with Reader(info) as reader:
        frames = [replace(f, pts=f.pts - 512) for f in reader]
    segment = write_segment(tmp_path / "s.nut", replace(info, start_pts=-512), frames)
    output = tmp_path / f"out{suffix}"
    assemble([segment], replace(info, start_pts=-512), output)
    result_info, result = read_all(output)
    assert len(result) == 25
    assert result_info.start_pts >= 0
    sound_before = packets(film, "audio")[0][2] - frames[0].pts * info.time_base
    sound_after = packets(output, "audio")[0][2] - times_s(result_info, result)[0]
    assert abs(sound_before - sound_after) <= Fraction(1, 1000)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_rotation_survives(tmp_path, rotation, suffix):
    film = write_film(tmp_path / "in.mp4", rotation=rotation, times=2)
    assert probe(film).rotation == rotation
    assert probe(recolor(film, tmp_path, suffix=suffix)).rotation == rotation


@pytest.mark.parametrize("aspect", [Fraction(16, 15), Fraction(10, 11), Fraction(64, 45)])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_pixel_shape_survives(tmp_path, aspect, suffix):
    film = write_film(tmp_path / "in.mp4", aspect=aspect, times=2)
    assert probe(film).sample_aspect_ratio == aspect
    assert probe(recolor(film, tmp_path, suffix=suffix)).sample_aspect_ratio == aspect


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (101, 77), (2, 3)])
def test_sizes_survive(tmp_path, size, count):
    film = write_film(tmp_path / "in.mkv", codec="ffv1", pix_fmt="gray", size=size, times=count)
    _, frames = read_all(film)
    for encoding in (LOSSLESS, FAST):
        output = recolor(film, tmp_path, suffix=".mp4", encoding=encoding)
        result_info, result = read_all(output)
        assert (result_info.height, result_info.width) == size
        assert len(result) == count
        exact = [np.array_equal(a.luma, b.luma) for a, b in zip(frames, result)]
        assert all(exact) or not encoding.lossless


def test_odd_sizes_keep_their_color(tmp_path):
    film = write_film(tmp_path / "in.mkv", codec="ffv1", pix_fmt="gray", size=(5, 7), times=1)
    info = probe(film)
    plane = np.full((3, 4), 90, np.uint8)
    with SegmentWriter(tmp_path / "s.nut", info, LOSSLESS) as writer:
        writer.write(Planes(0, 40, np.full((5, 7), 120, np.uint8), plane, plane + 70))
    with av.open(str(tmp_path / "s.nut")) as source:
        y, cb, cr = next(source.decode(video=0)).to_ndarray(format="yuv444p")
    assert (np.unique(y), np.unique(cb), np.unique(cr)) == (120, 90, 160)


CONTAINERS = {
    "a.mp4": ("libx264", "yuv420p", ["aac"], ".mp4"),
    "b.mov": ("mpeg4", "yuv420p", ["aac"], ".mov"),
    "c.mkv": ("ffv1", "yuv422p", ["libopus"], ".mkv"),
    "d.avi": ("mpeg4", "yuv420p", ["libmp3lame"], ".mp4"),
    "e.webm": ("libvpx-vp9", "yuv420p", ["libopus"], ".mp4"),
    "f.mpg": ("mpeg2video", "yuv420p", ["mp2"], ".mp4"),
    "g.ts": ("libx264", "yuv420p", ["aac"], ".mp4"),
    "h.mov": ("prores_ks", "yuv422p10le", ["pcm_s16le"], ".mov"),
    "i.mkv": ("libx264", "yuv444p", ["flac"], ".mkv"),
    "j.avi": ("mjpeg", "yuvj420p", ["pcm_s16le"], ".mkv"),
    "k.gif": ("gif", "gray", [], ".mp4"),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_and_codecs(tmp_path, name):
    codec, pix_fmt, sounds, suffix = CONTAINERS[name]
    film = write_film(tmp_path / name, codec=codec, pix_fmt=pix_fmt, sounds=sounds, times=12)
    info, frames = read_all(film)
    output = recolor(film, tmp_path, split=5)
    assert output.suffix == suffix
    result_info, result = read_all(output)
    assert len(result) == len(frames) == 12
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(frames, result))
    offset = times_s(result_info, result[:1])[0] - times_s(info, frames[:1])[0]
    for before, after in zip(times_s(info, frames), times_s(result_info, result)):
        assert abs(before + offset - after) <= max(Fraction(1, 1000), result_info.time_base)
    _assert_same_sound(film, output, offset)


def _assert_same_sound(film, output, offset=0):
    before, after = packets(film, "audio"), packets(output, "audio")
    assert len(before) == len(after)
    for (track, data, time), (other_track, other_data, other_time) in zip(before, after):
        assert track == other_track
        assert data == other_data or (film.suffix == ".ts" and data.endswith(other_data))
        assert abs(time + offset - other_time) <= Fraction(1, 900)


@pytest.mark.parametrize(
    ("name", "sounds"),
    [
        ("a.mp4", ["aac", "libmp3lame"]),
        ("b.mkv", ["libopus", "aac"]),
        ("c.mp4", ["ac3"]),
        ("d.mkv", ["pcm_s16le"]),
    ],
)
@pytest.mark.parametrize("sound_s", [0.3, 4.0])
def test_sound_is_copied_byte_for_byte(tmp_path, name, sounds, sound_s):
    film = write_film(tmp_path / name, sounds=sounds, times=25, sound_s=sound_s)
    output = recolor(film, tmp_path, split=10)
    info, result = probe(film), probe(output)
    first = [i.start_pts * i.time_base for i in (info, result)]
    _assert_same_sound(film, output, first[1] - first[0])
    assert [a.language for a in result.audio] == ["eng", "deu"][: len(sounds)]
    assert result.duration_s == pytest.approx(info.duration_s, abs=0.04)


def test_sound_is_interleaved(tmp_path):
    film = write_film(tmp_path / "in.mp4", sounds=["aac"], times=100)
    with av.open(str(recolor(film, tmp_path, suffix=".mkv"))) as source:
        kinds = [source.streams[p.stream_index].type for p in source.demux() if p.size]
    longest = max(len(list(group)) for _, group in itertools.groupby(kinds))
    assert longest < 20


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_trimming_moves_sound_and_picture_alike(tmp_path, suffix):
    film = write_film(tmp_path / "in.mp4", sounds=["aac"], times=100)
    info = probe(film)
    output = recolor(film, tmp_path, suffix=suffix, start_s=1.0, end_s=3.0)
    result_info, result = read_all(output)
    _, source_frames = read_all(film, start_s=1.0, end_s=3.0)
    assert len(result) == 50
    moved = times_s(result_info, result)[0] - times_s(info, source_frames)[0]
    if suffix == ".mp4":
        assert moved == -1
    sound = {data: time for _, data, time in packets(film, "audio")}
    copied = packets(output, "audio")
    assert 93 <= len(copied) <= 96
    assert all(abs(sound[data] + moved - time) <= Fraction(1, 900) for _, data, time in copied)


def test_segments_join_into_the_same_frames(tmp_path):
    film = write_film(tmp_path / "in.mp4", times=30)
    info, frames = read_all(film)
    whole = write_segment(tmp_path / "whole.nut", info, frames, Encoding())
    parts = [
        write_segment(tmp_path / "a.nut", info, frames[:13], Encoding()),
        write_segment(tmp_path / "b.nut", info, frames[13:], Encoding()),
    ]
    results = []
    for name, segments in (("one.mp4", [whole]), ("two.mp4", parts)):
        assert assemble(segments, info, tmp_path / name) == []
        results.append(read_all(tmp_path / name)[1])
    assert [f.pts for f in results[0]] == [f.pts for f in results[1]] == [f.pts for f in frames]
    coded = [luma for path in parts for luma in _decode(path)]
    assert all(np.array_equal(a.luma, b) for a, b in zip(results[1], coded, strict=True))


def _decode(path):
    with av.open(str(path)) as source:
        for frame in source.decode(video=0):
            yield frame.to_ndarray()[: frame.height]


def test_same_frames_give_the_same_bytes(tmp_path):
    info, frames = read_all(write_film(tmp_path / "in.mp4", times=12))
    paths = [write_segment(tmp_path / n, info, frames, Encoding()) for n in ("a.nut", "b.nut")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_twelve_bit_gray_becomes_ten_bit_lossless(tmp_path):
    film = write_film(tmp_path / "in.mkv", codec="ffv1", pix_fmt="gray12le", times=2)
    info, frames = read_all(film)
    assert (info.color.bit_depth, info.gray, info.color.full_range) == (12, True, True)
    result_info, result = read_all(recolor(film, tmp_path))
    assert result_info.color.bit_depth == 10
    assert np.abs(frames[0].luma / 4095 - result[0].luma / 1023).max() < 0.6 / 1023


def test_joined_recordings_keep_all_their_sound(tmp_path):
    film = write_film(tmp_path / "in.ts", times=75, size=(16, 16), sounds=["libmp3lame"])
    joined = tmp_path / "joined.ts"
    joined.write_bytes(film.read_bytes() * 2)
    output = recolor(joined, tmp_path)
    assert len(packets(output, "audio")) == 2 * len(packets(film, "audio"))
    info, frames = read_all(output)
    last_sound = packets(output, "audio")[-1][2]
    assert abs(times_s(info, frames)[-1] - last_sound) < Fraction(1, 5)
