"""Given colors from the options to the film."""

import dataclasses

import numpy as np
import pytest

from hueshift_jax.errors import UsageError
from hueshift_jax.pipeline import carry, colorize, frames, segments
from hueshift_jax.pipeline.film import ColorizeOptions, Film
from hueshift_jax.pipeline.given_files import Paths
from hueshift_jax.pipeline.progress import FOREVER
from hueshift_jax.video.color_frames import color_frames
from hueshift_jax.video.picture import write_picture
from hueshift_jax.video.writer import Encoding
from tests.pipeline.doubles import FakeColorizer, lumas, make_film
from tests.pipeline.test_journal import Stop, packets, stop_after

SHOT = 5


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("given") / "film.mkv"
    return make_film(path, lumas(3 * SHOT, cuts=(SHOT, 2 * SHOT)))


def painted(folder, name, rgb, index):
    """Frame `index` under one color, brightness kept."""
    gray = list(lumas(3 * SHOT, cuts=(SHOT, 2 * SHOT)))[index].astype(float)
    gray = (gray[..., None] - 16) / 219 * np.float64(rgb) / np.mean(rgb)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    write_picture(path, np.uint8(np.clip(255 * gray, 0, 255)))
    return path


def job(film, output, see=None, start_s=None, **given):
    encoding = Encoding(preset="ultrafast", threads=1, lossless=True)
    options = ColorizeOptions(encoding=encoding, start_s=start_s, given=Paths(**given))
    return Film(film, output, FakeColorizer(), options, lambda event: None, see=see)


def redness(path):
    """Of each frame: how much more red it is than blue."""
    shown = np.stack(list(color_frames(path))).astype(float)
    return (shown[..., 0] - shown[..., 2]).mean((1, 2))


def test_a_keyframe_colors_its_shot_and_no_other(film, tmp_path):
    plain, red = tmp_path / "plain.mkv", tmp_path / "red.mkv"
    job(film, plain).color()
    picture = painted(tmp_path, "red.png", (220, 90, 60), SHOT + 2)
    job(film, red, keyframes=(((SHOT + 2) / 25, picture),)).color()
    before, after = redness(plain), redness(red)
    inside = slice(SHOT, 2 * SHOT)
    assert np.all(after[inside] > before[inside] + 20)
    np.testing.assert_array_equal(np.delete(after, np.r_[inside]), np.delete(before, np.r_[inside]))


def test_a_change_of_one_keyframe_keeps_the_other_shots(film, tmp_path):
    output = tmp_path / "film.mkv"
    keys = tmp_path / "keys"
    painted(tmp_path, "keys/ref_000001.png", (220, 90, 60), 1)
    painted(tmp_path, "keys/ref_000006.png", (220, 90, 60), 6)
    folder = output.with_name("film.mkv.hueshift")

    def segments():
        job(film, output, keyframes=((None, keys),)).color()
        return [path.read_bytes() for path in sorted(folder.glob("seg-*.nut"))]

    first = segments()
    painted(tmp_path, "keys/ref_000006.png", (60, 90, 220), 6)
    second = segments()
    assert [a == b for a, b in zip(first, second, strict=True)] == [True, False, True]
    values = redness(output)
    assert values[1] > 20
    assert np.all(values[SHOT : 2 * SHOT] < -20)


def test_an_interruption_inside_a_shot_changes_nothing(film, tmp_path, monkeypatch):
    for module in (frames, carry, colorize, segments):
        monkeypatch.setattr(module, "SEGMENT_FRAMES", 2)
    keys = ((0.12, painted(tmp_path, "red.png", (220, 90, 60), 3)),)
    whole, broken = tmp_path / "whole.mkv", tmp_path / "broken.mkv"
    job(film, whole, keyframes=keys).color()
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(Stop):
            job(film, broken, keyframes=keys).color()
    job(film, broken, keyframes=keys).color()
    assert packets(broken) == packets(whole)


def test_points_color_their_shot(film, tmp_path):
    points = tmp_path / "points.csv"
    points.write_text("time,x,y,color\n0.04,50%,50%,#c04020\n0.04,10,10,#c04020\n")
    plain, output = tmp_path / "plain.mkv", tmp_path / "points.mkv"
    job(film, plain).color()
    job(film, output, points=(points,)).color()
    more = redness(output) - redness(plain)
    assert np.all(more[:SHOT] > 10)
    assert not more[SHOT:].any()


def test_references_color_every_shot(film, tmp_path):
    def see(gray):
        level = gray[::8, ::8].astype(np.float32)[..., None] / 40
        seen = np.concatenate([np.cos(level), np.sin(level)], axis=-1)
        return seen / np.linalg.norm(seen, axis=-1, keepdims=True)

    plain, output = tmp_path / "plain.mkv", tmp_path / "like.mkv"
    job(film, plain).color()
    picture = painted(tmp_path, "like.png", (220, 90, 60), 2)
    job(film, output, see=see, references=(picture,)).color()
    assert np.all(redness(output) > redness(plain) + 8)


def test_references_need_features(film, tmp_path):
    picture = painted(tmp_path, "like.png", (220, 90, 60), 2)
    with pytest.raises(UsageError, match="knows no features"):
        job(film, tmp_path / "like.mkv", references=(picture,)).color()


def test_a_frame_that_is_not_there(film, tmp_path):
    painted(tmp_path, "keys/ref_000099.png", (220, 90, 60), 2)
    with pytest.raises(UsageError, match="there is no frame 99; the last one is 14"):
        job(film, tmp_path / "film.mkv", keyframes=((None, tmp_path / "keys"),)).color()


def test_marks_stand_for_what_is_given(film, tmp_path):
    picture = painted(tmp_path, "red.png", (220, 90, 60), 6)
    other = painted(tmp_path, "blue.png", (60, 90, 220), 6)
    output = tmp_path / "film.mkv"
    output.with_name("film.mkv.hueshift").mkdir()
    given = [
        job(film, output, keyframes=((time, path),))._given
        for time, path in ((0.24, picture), (0.24, other), (0.25, picture), (0.28, picture))
    ]
    whole = [each.mark(-FOREVER, FOREVER) for each in given]
    assert len(set(whole)) == 4
    marks = [each.mark(200, 360) for each in given]
    assert marks[0] == marks[2] != marks[1]
    assert len({*marks, ""}) == 4
    assert [each.mark(0, 160) for each in given] == [""] * 4
    assert given[0].mark(200, FOREVER) == marks[0]
    assert job(film, output)._given is None


def test_what_is_given_outside_of_the_part_is_left_aside(film, tmp_path):
    picture = painted(tmp_path, "red.png", (220, 90, 60), 6)
    found = job(film, tmp_path / "film.mkv", start_s=0.4, keyframes=((0.24, picture),))._given
    (tmp_path / "film.mkv.hueshift").mkdir()
    assert found.mark(400, 560) == ""
    unknown = dataclasses.replace(film, duration_s=None)
    found = job(unknown, tmp_path / "film.mkv", keyframes=((9.0, picture),))._given
    with pytest.raises(UsageError, match="9 s is not within the part"):
        found.mark(0, 560)
