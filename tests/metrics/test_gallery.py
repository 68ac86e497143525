"""Which frames are shown."""

import base64

import cv2
import numpy as np
import pytest

from hueshift_jax.errors import EvaluationError
from hueshift_jax.metrics import evaluate, gallery
from hueshift_jax.metrics.clips import pair
from hueshift_jax.metrics.evaluate import Setup
from hueshift_jax.video.picture import write_picture
from tests.metrics.scenes import lab_frames, recolored, to_rgb


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Two clips of one result; frame 3 of the first is the worst, frame 1 of the second best."""
    root = tmp_path_factory.mktemp("sets")
    for seed, clip in enumerate(("one", "two")):
        lab = lab_frames(6, (24, 32), seed)
        result = recolored(lab, 0.6)
        result[3] = recolored(lab, -1.0)[3] if clip == "one" else result[3]
        result[1] = to_rgb(lab)[1] if clip == "two" else result[1]
        for name, frames in (("truth", to_rgb(lab)), ("made", result)):
            (root / name / clip).mkdir(parents=True)
            for number, rgb in enumerate(frames):
                write_picture(root / name / clip / f"{number}.png", rgb)
    pairs = pair(root / "truth", {"made": root / "made"})
    return evaluate.evaluate(pairs, Setup(references=True))


def picture(address):
    """rgb_u8 of an address that holds a picture."""
    kind, _, data = address.partition(",")
    assert kind == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), 1)[..., ::-1]


def test_the_worst_and_the_best(found):
    chosen = gallery.choose(found)
    assert "worst of made" in chosen[gallery.Place("one", 3)]
    assert "best of made" in chosen[gallery.Place("two", 1)]
    assert len(chosen) <= 12


def test_of_many_clips_one_frame_each_of_few_clips_frames_apart(found):
    clips = dict.fromkeys("abcdef", found.systems["made"].clips["one"])
    places = [gallery.Place(clip, number) for clip in clips for number in range(6)]
    assert gallery._apart(places, clips, 3) == places[:18:6]
    numbers = [place.number for place in gallery._apart(places[:6], {"a": clips["a"]}, 4)]
    assert numbers == [0, 2, 4]


def test_pictures_are_those_frames(found):
    shown = {one.place: one for one in gallery.gather(found)}
    assert set(shown) == set(gallery.choose(found))
    one = shown[gallery.Place("two", 1)]
    truth, made, gray = (picture(p) for p in (one.truth, one.results["made"], one.gray))
    assert truth.shape == (24, 32, 3)
    assert np.array_equal(truth, made)
    assert np.ptp(gray.astype(int), axis=-1).max() <= 2


def test_the_number_of_pictures_is_bounded(found, monkeypatch):
    monkeypatch.setattr(gallery, "MOST_PICTURES", 6)
    assert len(gallery.choose(found)) == 2
    monkeypatch.setattr(gallery, "MOST_PICTURES", 1)
    assert len(gallery.choose(found)) == 1


def test_large_frames_are_reduced():
    assert picture(gallery._inline(np.zeros((600, 1500, 3), np.uint8))).shape == (205, 512, 3)


def test_a_frame_that_is_gone(found, monkeypatch):
    def nothing(path):
        raise EvaluationError(f"{path} is gone.")

    monkeypatch.setattr("hueshift_jax.metrics.clips.read_picture_rgb", nothing)
    with pytest.raises(EvaluationError, match="is gone"):
        gallery.gather(found)
