"""`hueshift saliency`: what becomes of pictures, folders and films, and what it refuses."""

import cv2
import numpy as np
import pytest

from hueshift_jax.cli import run, saliency
from hueshift_jax.errors import UnreadableMediaError, UnwritableMediaError, UsageError
from hueshift_jax.pipeline.saliency import saliency_maps
from hueshift_jax.systems import pfan
from tests.data.pictures import encoded, picture
from tests.video import clips


class Bright:
    """Finds what is bright, at half the working size."""

    shapes = ()

    def working_size(self, height, width):
        return (32, 64) if width > height else (64, 32)

    def __call__(self, luma):
        assert luma.shape[1:] in ((32, 64), (64, 32))
        self.shapes = (*self.shapes, luma.shape)
        return luma[:, ::2, ::2]


@pytest.fixture
def detector(monkeypatch):
    found = Bright()
    found.asked = []

    def load(path, **changes):
        found.asked.append(changes)
        return found

    monkeypatch.setattr(pfan, "load_detector", load)
    return found


def call(*argv):
    return saliency.main([str(word) for word in argv])


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_maps_have_the_size_of_the_pictures():
    gray = np.zeros((45, 80), np.uint8)
    gray[:, 40:] = 200
    (found,) = saliency_maps([gray], Bright())
    assert found.shape == gray.shape
    np.testing.assert_allclose(found[:, :36], 0.0, atol=1e-6)
    np.testing.assert_allclose(found[:, 44:], 200 / 255, atol=1e-6)


def test_a_picture_becomes_a_picture(tmp_path, detector, capsys):
    (tmp_path / "a.jpg").write_bytes(encoded(picture(0), ".jpg"))
    assert call(tmp_path / "a.jpg", "--output", tmp_path / "maps", "--size", 64) == 0
    found = read(tmp_path / "maps" / "a.png")
    assert (found.shape, found.dtype) == ((40, 56), np.uint8)
    assert detector.asked == [{"short_side": 64}]
    assert "1 map" in capsys.readouterr().out


def test_a_folder_keeps_its_names(tmp_path, detector):
    for name, size in (("b", (40, 56)), ("a", (40, 56)), ("c", (56, 40))):
        path = tmp_path / "in" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(picture(1, *size)))
    assert call(tmp_path / "in", "--output", tmp_path / "maps") == 0
    names = sorted(path.name for path in (tmp_path / "maps" / "in").iterdir())
    assert names == ["a.png", "b.png", "c.png"]
    assert read(tmp_path / "maps" / "in" / "c.png").shape == (56, 40)
    assert detector.asked == [{}]


def test_a_film_becomes_a_folder_of_frames(tmp_path, detector):
    film = clips.write_film(tmp_path / "film.mp4")
    assert call(film, "--output", tmp_path / "maps") == 0
    frames = sorted((tmp_path / "maps" / "film").iterdir())
    assert len(frames) == 10
    assert frames[0].name == "000000.png"
    assert {shape[0] for shape in detector.shapes} == {8}


def test_what_is_refused(tmp_path, detector):
    (tmp_path / "a.png").write_bytes(encoded(picture(0)))
    (tmp_path / "a.jpg").write_bytes(encoded(picture(0), ".jpg"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.png").write_bytes(b"no picture")
    out = tmp_path / "maps"
    with pytest.raises(UsageError, match="two inputs"):
        call(tmp_path / "a.png", tmp_path / "a.jpg", "--output", out)
    with pytest.raises(UsageError, match="two pictures"):
        call(tmp_path, "--output", out)
    with pytest.raises(UsageError, match="would replace it"):
        call(tmp_path / "a.png", "--output", tmp_path, "--overwrite")
    with pytest.raises(UnreadableMediaError, match="does not exist"):
        call(tmp_path / "none.png", "--output", out)
    with pytest.raises(UnreadableMediaError, match="holds no pictures"):
        call(tmp_path / "empty", "--output", out)
    with pytest.raises(UnreadableMediaError, match="not a picture"):
        call(tmp_path / "bad.png", "--output", out)
    with pytest.raises(UnwritableMediaError, match="cannot be made"):
        call(tmp_path / "a.png", "--output", tmp_path / "a.jpg" / "maps")


def test_results_are_not_replaced_unasked(tmp_path, detector, capsys):
    (tmp_path / "a.png").write_bytes(encoded(picture(0)))
    words = ["saliency", str(tmp_path / "a.png"), "--output", str(tmp_path / "maps")]
    assert run.run(run.dispatch, words) == 0
    assert run.run(run.dispatch, words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run.run(run.dispatch, [*words, "--overwrite"]) == 0
