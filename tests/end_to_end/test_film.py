"""A film in, a film out: the same frames, times, geometry and sound."""

from fractions import Fraction

import av
import numpy as np
import pytest

from hueshift_jax.pipeline import recorder
from hueshift_jax.video.probe import probe
from hueshift_jax.video.reader import Reader
from hueshift_jax.video.writer import Encoding
from tests.pipeline.doubles import color
from tests.video.clips import write_film

LOSSLESS = Encoding(preset="ultrafast", lossless=True, threads=1)

FILMS = {
    "sound": {"sounds": ("aac",)},
    "vfr": {"times": (0, 1, 3, 4, 9, 11, 12), "time_base": Fraction(1, 25)},
    "10-bit": {"pix_fmt": "yuv420p10le"},
    "portrait": {"rotation": 90},
    "odd": {"size": (77, 101), "pix_fmt": "yuv444p"},
    "wide pixels": {"aspect": Fraction(16, 15)},
    "one frame": {"times": 1},
}


def frames_of(path):
    with Reader(probe(path)) as reader:
        return list(reader)


def sound_of(path):
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        return [(p.pts, bytes(p)) for p in container.demux(audio=0) if p.size]


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_everything_but_color_is_kept(tmp_path, name, suffix):
    source = write_film(tmp_path / f"film{suffix}", **FILMS[name])
    output = tmp_path / f"out{suffix}"
    color(source, output, encoding=LOSSLESS)
    before, after = probe(source), probe(output)
    assert (after.width, after.height) == (before.width, before.height)
    assert after.rotation == before.rotation
    assert after.sample_aspect_ratio == before.sample_aspect_ratio
    assert after.color.full_range == before.color.full_range
    old, new = frames_of(source), frames_of(output)
    tick = float(max(before.time_base, after.time_base))
    for one, other in zip(old, new, strict=True):
        np.testing.assert_array_equal(one.luma, other.luma)
        assert abs(float(one.pts * before.time_base - other.pts * after.time_base)) <= tick
    assert [data for _, data in sound_of(source)] == [data for _, data in sound_of(output)]
    assert new[0].chroma_excursion > 1


def test_luma_reaches_the_encoder_untouched(tmp_path, monkeypatch):
    source = write_film(tmp_path / "film.mp4")
    handed = []
    real = recorder.SegmentWriter.write

    def spy(self, planes):
        handed.append(planes.luma.copy())
        real(self, planes)

    monkeypatch.setattr(recorder.SegmentWriter, "write", spy)
    color(source, tmp_path / "out.mp4")
    for frame, luma in zip(frames_of(source), handed, strict=True):
        np.testing.assert_array_equal(frame.luma, luma)


def test_a_part_of_a_film(tmp_path):
    source = write_film(tmp_path / "film.mp4", times=50)
    done = color(source, tmp_path / "out.mp4", start_s=0.4, end_s=1.2)
    assert done.frames == 20
    assert probe(tmp_path / "out.mp4").start_pts == 0
