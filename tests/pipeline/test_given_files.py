"""Pictures that a person gives are read and checked."""

import numpy as np
import pytest

from hueshift_jax.errors import UnreadableMediaError, UsageError
from hueshift_jax.pipeline.given_files import Keyframe, Paths, colors_of, read_gifts
from hueshift_jax.video.picture import write_picture
from tests.pipeline.doubles import describe

SHOWN = 48, 64


def colorful(height=48, width=64, seed=0):
    rgb = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.repeat(np.repeat(rgb, 8, 0), 8, 1)


def picture(folder, name="frame.png", rgb=None):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    write_picture(path, colorful() if rgb is None else rgb)
    return path


def gifts(folder, **paths):
    return read_gifts(Paths(**paths), describe(folder / "film.mp4", 48, 64, duration_s=4.0), SHOWN)


def test_nothing_is_nothing(tmp_path):
    assert not Paths()
    assert gifts(tmp_path).keyframes == ()


def test_a_picture_and_its_time(tmp_path):
    path = picture(tmp_path)
    (keyframe,) = gifts(tmp_path, keyframes=((1.5, path),)).keyframes
    assert (keyframe.seconds, keyframe.number) == (1.5, None)
    np.testing.assert_array_equal(keyframe.rgb, colorful())
    assert keyframe.digest != Keyframe(colorful(seed=1), "").digest


def test_a_folder_names_frames_from_0_or_as_exported(tmp_path):
    for name in ("ref_000123.png", "ref_7.jpg", "000008.png"):
        picture(tmp_path, f"keys/{name}")
    found = gifts(tmp_path, keyframes=((None, tmp_path / "keys"),)).keyframes
    assert sorted(keyframe.number for keyframe in found) == [7, 7, 123]


def test_large_pictures_are_kept_small(tmp_path):
    path = picture(tmp_path, rgb=colorful(480, 640))
    (keyframe,) = gifts(tmp_path, keyframes=((0.0, path),)).keyframes
    assert keyframe.rgb.shape == (256, 341, 3)


def test_references_may_have_any_shape(tmp_path):
    picture(tmp_path, "many/a.png", colorful(16, 64))
    picture(tmp_path, "many/b.png")
    found = gifts(tmp_path, references=(tmp_path / "many", picture(tmp_path)))
    assert [rgb.shape[:2] for rgb in found.references] == [(16, 64), (48, 64), (48, 64)]
    assert found.references_digest.count(",") == 2


@pytest.mark.parametrize(
    ("name", "rgb", "words"),
    [
        ("wide.png", colorful(24, 64), "wide.png is 64x24, the film 64x48"),
        ("gray.png", np.full((48, 64, 3), 90, np.uint8), "gray.png is gray all over"),
    ],
)
def test_pictures_that_do_not_fit(tmp_path, name, rgb, words):
    with pytest.raises(UsageError, match=words):
        gifts(tmp_path, keyframes=((0.0, picture(tmp_path, name, rgb)),))


def test_names_and_times_that_do_not_fit(tmp_path):
    with pytest.raises(UsageError, match=r"4 s is beyond the end of .* at 4\.00 s"):
        gifts(tmp_path, keyframes=((4.0, picture(tmp_path)),))
    with pytest.raises(UsageError, match="no folder has this name"):
        gifts(tmp_path, keyframes=((None, tmp_path / "nowhere"),))
    with pytest.raises(UnreadableMediaError, match="does not exist"):
        gifts(tmp_path, keyframes=((1.0, tmp_path / "nothing.png"),))
    picture(tmp_path, "keys/face.png")
    with pytest.raises(UsageError, match="names no frame"):
        gifts(tmp_path, keyframes=((None, tmp_path / "keys"),))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no pictures"):
        gifts(tmp_path, references=(tmp_path / "empty",))


def test_a_whole_picture_counts_everywhere():
    ab, weight = colors_of(colorful(), 6, 8)
    assert ab.shape == (6, 8, 2)
    assert np.all(weight == 1)


def test_what_is_not_painted_does_not_count():
    rgb = np.full((48, 64, 3), 120, np.uint8)
    rgb[:, 32:] = (200, 90, 60)
    ab, weight = colors_of(rgb, 6, 8)
    assert np.all(weight[:, :4] == 0)
    assert np.all(weight[:, 5:] > 0.9)
    assert np.all((weight[:, 4] > 0.3) & (weight[:, 4] < 1))
    assert np.ptp(ab[:, 4:], axis=(0, 1)).max() < 0.01
