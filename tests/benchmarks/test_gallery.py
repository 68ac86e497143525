"""What `benchmarks/gallery.py` shows."""

import importlib

import cv2
import numpy as np
import pytest

from hueshift_jax.video.picture import read_picture_rgb, write_picture
from tests.architecture.source import ROOT

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(ROOT / "benchmarks"))
    pictures = importlib.import_module("color_pictures")
    sheets = importlib.import_module("sheets")
    gallery = importlib.import_module("gallery")


class Tint:
    """The same chroma everywhere."""

    def working_size(self, height, width):
        return 32, 32

    def start(self, height, width):
        return ()

    def __call__(self, memory, luma, key):
        return memory, np.full((*luma.shape, 2), 20.0, np.float32), np.ones(luma.shape)


def picture(name, group="", size=(48, 64), level=(120, 90, 60)):
    return pictures.Picture(name, group, np.full((*size, 3), level, np.uint8))


def test_a_row_goes_from_gray_to_the_truth():
    rows = gallery.rows_of([picture("one")], {"before": Tint(), "after": Tint()})
    name, shown = rows[0]
    assert name == "one"
    assert list(shown) == ["gray", "before", "after", "truth"]
    assert np.ptp(shown["gray"].astype(int), axis=-1).max() <= 1
    assert (shown["after"][..., 0] > shown["after"][..., 2]).all()
    np.testing.assert_array_equal(shown["truth"], picture("one").rgb)


def test_peers_are_shown_with_the_true_lightness(tmp_path):
    write_picture(tmp_path / "07-original.webp", picture("").rgb)
    for system, level in (("deoldify-video", (200, 200, 200)), ("ddcolor-artistic", (10, 40, 90))):
        write_picture(tmp_path / f"07-{system}.webp", picture("", level=level).rgb)
    [(name, shown)] = gallery.rows_of_peers(tmp_path, Tint())
    assert name == "07"
    assert list(shown) == ["gray", "ours", "DeOldify (video)", "DDColor", "truth"]
    np.testing.assert_allclose(shown["DeOldify (video)"], shown["gray"], atol=3)
    assert (shown["DDColor"][..., 2] > shown["DDColor"][..., 0]).all()


def test_films_are_shown_by_their_middles():
    frames = [picture(f"{film} {n}", film) for film in "ab" for n in range(5)]
    assert [frame.name for frame in gallery.middles(frames)] == ["a 2", "b 2"]


def test_pictures_are_named_or_spaced():
    some = [picture(str(n)) for n in range(30)]
    assert len(gallery.chosen(some, [])) == gallery.EACH
    assert [one.name for one in gallery.chosen(some, ["3", "29", "film 1"])] == ["3", "29"]
    with pytest.raises(ValueError, match="there are 0, 1, 2"):
        gallery.chosen(some, ["nobody"])


def test_whole_pictures_go_into_their_tiles():
    assert sheets.fitted(picture("", size=(100, 400)).rgb, (150, 220)).shape == (55, 220, 3)
    assert sheets.fitted(picture("", size=(400, 100)).rgb, (150, 220)).shape == (150, 38, 3)
    rows = [sheets.Row("wide", [picture("", size=(100, 400)).rgb] * 2)]
    assert sheets.sheet(["a", "b"], rows, (150, 220)).shape == (16 + 16 + 55 + 2, 444, 3)


def test_sheets_keep_to_their_limit(tmp_path):
    rng = np.random.default_rng(0)
    noise = cv2.resize(rng.integers(0, 256, (80, 120, 3), np.uint8), (480, 320))
    free = sheets.write_sheet(tmp_path / "free.webp", noise)
    kept = sheets.write_sheet(tmp_path / "kept.webp", noise, free // 2)
    assert kept <= free // 2
    assert (tmp_path / "kept.webp").stat().st_size == kept
    assert read_picture_rgb(tmp_path / "kept.webp").shape == noise.shape
    with pytest.raises(ValueError, match="does not fit into 100 bytes"):
        sheets.write_sheet(tmp_path / "kept.webp", noise, 100)
