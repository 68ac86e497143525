"""What belongs to what."""

import cv2
import numpy as np
import pytest

from hueshift_jax.errors import EvaluationError
from hueshift_jax.metrics.clips import Clip, find, pair
from tests.video.clips import write_film


def pictures(folder, *names, size=(12, 16)):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.full((*size, 3), 90, np.uint8))
    return folder


def films(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        write_film(folder / name, times=2)
    return folder


def test_one_picture_and_one_film(tmp_path):
    pictures(tmp_path, "a.png", "b.jpg")
    (found,) = pair(tmp_path / "a.png", {"x": tmp_path / "b.jpg"})
    assert found.name == "a"
    assert found.results["x"].pictures == (tmp_path / "b.jpg",)
    films(tmp_path, "c.mp4")
    assert find(tmp_path / "c.mp4")[""].film == tmp_path / "c.mp4"


def test_a_folder_of_pictures_is_one_clip_unless_told_otherwise(tmp_path):
    folder = pictures(tmp_path / "f", "10.png", "9.png", ".hidden.png")
    (clip,) = find(folder).values()
    assert [p.name for p in clip.pictures] == ["9.png", "10.png"]
    assert list(find(folder, as_pictures=True)) == ["9", "10"]


def test_folders_of_films_and_of_folders(tmp_path):
    folder = films(tmp_path / "t", "one.mp4", "two.mkv", "two.color.side-by-side.mp4")
    pictures(folder / "three", "0.png", "1.png")
    pictures(folder / "deep" / "four", "0.png")
    pictures(folder / "one.color.mp4.hueshift", "0.png")
    pictures(folder, "alone.png")
    assert set(find(folder)) == {"one", "two", "alone", "three", "deep/four"}


def test_results_are_found_by_name(tmp_path):
    truth = films(tmp_path / "t", "a.mp4", "b.mp4")
    result = films(tmp_path / "r", "b.color.mp4", "a.color.mkv")
    found = pair(truth, {"ours": result})
    assert [(p.name, p.results["ours"].path.name) for p in found] == [
        ("a", "a.color.mkv"),
        ("b", "b.color.mp4"),
    ]


def test_a_film_and_its_frames(tmp_path):
    frames = pictures(tmp_path / "frames", "1.png", "2.png", size=(48, 64))
    film = films(tmp_path, "a.mp4") / "a.mp4"
    (found,) = pair(film, {"x": frames})
    assert len(list(found.truth.frames())) == len(list(found.results["x"].frames())) == 2


def test_frames_of_quite_other_names_go_by_order(tmp_path):
    truth = pictures(tmp_path / "t", "00000.jpg", "00001.jpg")
    result = pictures(tmp_path / "r", "frame1.png", "frame2.png")
    assert len(pair(truth, {"x": result})) == 1


@pytest.mark.parametrize(
    ("truth", "result", "message"),
    [
        (["a.png", "b.png"], ["a.png"], r"1 frames and .* has 2; only one of them has b"),
        (["0.png", "1.png"], ["1.png", "2.png"], "name their frames differently: 0, 2"),
        (["a.png"], [], "holds no pictures and no films"),
        ([], ["a.png"], "holds no pictures and no films"),
        (["x/a.png", "y/a.png"], ["x/a.png", "z/a.png"], "has no counterpart of y in"),
        (["x/a.png", "y/a.png"], ["x/a.png", "y/a.png", "z/a.png"], "no counterpart of z"),
    ],
)
def test_what_does_not_fit(tmp_path, truth, result, message):
    for side, names in (("t", truth), ("r", result)):
        (tmp_path / side).mkdir()
        for name in names:
            folder, _, file = name.rpartition("/")
            pictures(tmp_path / side / folder, file)
    with pytest.raises(EvaluationError, match=message):
        pair(tmp_path / "t", {"x": tmp_path / "r"})


def test_what_is_not_there_or_doubled(tmp_path):
    with pytest.raises(EvaluationError, match="does not exist"):
        find(tmp_path / "nowhere")
    folder = films(tmp_path / "f", "a.mp4", "a.mkv")
    with pytest.raises(EvaluationError, match="have the same name"):
        find(folder)


def test_many_missing_names_are_cut_short(tmp_path):
    truth = pictures(tmp_path / "t", *(f"{n}.png" for n in range(9)))
    result = pictures(tmp_path / "r", "0.png")
    with pytest.raises(EvaluationError, match="1, 2, 3, 4, 5 and 3 more"):
        pair(truth, {"x": result})


def test_unreadable_frames_are_named(tmp_path):
    folder = pictures(tmp_path, "0.png", "1.png")
    (folder / "1.png").write_bytes(b"no picture")
    frames = Clip("f", folder, pictures=(folder / "0.png", folder / "1.png")).frames()
    next(frames)
    with pytest.raises(EvaluationError, match=r"1\.png"):
        next(frames)
    film = films(tmp_path / "film", "a.mp4") / "a.mp4"
    film.write_bytes(film.read_bytes()[:300])
    with pytest.raises(EvaluationError, match=r"a\.mp4"):
        list(Clip("a", film, film=film).frames())
