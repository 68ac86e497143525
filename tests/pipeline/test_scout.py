"""A first look: times and shots."""

import pytest

from hueshift_jax.pipeline.scout import Layout, Part, frames_of, known_layout, scout
from hueshift_jax.pipeline.shot_list import Entry, ShotList
from tests.pipeline.doubles import lumas, make_film

SIZE = 32, 64


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("scout") / "film.mkv"
    return make_film(path, lumas(24, cuts=(8, 16)))


def test_times_and_shots(film):
    layout = scout(Part(film, SIZE))
    assert layout.pts == tuple(range(0, 960, 40))
    assert layout.starts == (0, 8, 16)
    assert layout.sound
    assert [layout.shot_of(n) for n in (0, 7, 8, 23)] == [
        range(8),
        range(8),
        range(8, 16),
        range(16, 24),
    ]


def test_the_part_that_is_colored(film):
    layout = scout(Part(film, SIZE, start_s=0.4, end_s=0.8))
    assert layout.pts == tuple(range(400, 800, 40))
    assert layout.starts == (0, 6)


def test_nearest_and_exact():
    layout = Layout((0, 40, 80, 200), (0,), True)
    assert [layout.nearest(pts) for pts in (-9, 19, 20, 21, 150, 999)] == [0, 0, 0, 1, 3, 3]
    assert [layout.number_of(pts) for pts in (80, 81, 999)] == [2, None, None]


def test_frames_of_one_shot(film):
    part = Part(film, SIZE)
    layout = scout(part)
    frames = list(frames_of(part, layout, layout.shot_of(10)))
    assert [frame.pts for frame in frames] == list(range(320, 640, 40))
    assert [frame.index for frame in frames] == list(range(8, 16))


def test_the_film_is_read_once(film, tmp_path, monkeypatch):
    part = Part(film, SIZE)
    first = known_layout(part, tmp_path, {"size": 1})
    monkeypatch.setattr("hueshift_jax.pipeline.scout.scout", lambda part: Layout((), (), False))
    assert known_layout(part, tmp_path, {"size": 1}) == first
    assert known_layout(part, tmp_path, {"size": 2}).pts == ()
    (tmp_path / "layout.json").write_text("{}")
    assert known_layout(part, tmp_path, {"size": 1}).pts == ()


def test_a_list_of_shots_takes_the_place_of_detection(film, tmp_path):
    shots = ShotList([Entry(5, None), Entry(9, None)], film)
    part = Part(film, SIZE, shots=shots)
    assert scout(part).starts == (0, 5, 9)
    assert known_layout(part, tmp_path, {}).starts == (0, 5, 9)
    assert known_layout(Part(film, SIZE), tmp_path, {}).starts != (0, 5, 9)
