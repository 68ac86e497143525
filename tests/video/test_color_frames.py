"""Every frame of a film in color, or a word about the one that is lost."""

import numpy as np
import pytest

from hueshift_jax.errors import UnreadableMediaError
from hueshift_jax.video.color_frames import color_frames, every_frame
from tests.video.clips import write_film


@pytest.fixture
def film(tmp_path):
    return write_film(tmp_path / "film.mkv", times=12, size=(48, 64))


def test_all_frames(film):
    found = list(every_frame(film))
    assert len(found) == 12
    for ours, theirs in zip(found, color_frames(film), strict=True):
        assert ours.shape == (48, 64, 3)
        np.testing.assert_array_equal(ours, theirs)


def test_turned_as_it_is_seen(tmp_path):
    path = write_film(tmp_path / "film.mp4", times=2, size=(48, 64), rotation=90)
    assert next(every_frame(path)).shape == (64, 48, 3)


def test_damage_is_an_error(film):
    data = bytearray(film.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.integers(len(data) // 3, 2 * len(data) // 3, 200):
        data[place] = rng.integers(256)
    film.write_bytes(data)
    with pytest.raises(UnreadableMediaError, match=r"film\.mkv"):
        list(every_frame(film))


def test_a_film_that_was_cut_off(film):
    data = film.read_bytes()
    film.write_bytes(data[: len(data) // 2])
    with pytest.raises(UnreadableMediaError, match=r"film\.mkv"):
        list(every_frame(film))
