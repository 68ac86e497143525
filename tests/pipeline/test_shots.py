"""Films of several shots, from file to file: nothing leaks, color stays, bars are black."""

import csv
import dataclasses
import itertools
import shutil
from typing import ClassVar

import numpy as np
import pytest

from hueshift_jax.errors import UsageError
from hueshift_jax.pipeline import build, events, frames, journal, segments
from hueshift_jax.pipeline.compose import Composer
from hueshift_jax.pipeline.controls import Controls
from hueshift_jax.pipeline.facts import ShotFacts
from hueshift_jax.pipeline.film import ColorizeOptions, Film
from hueshift_jax.pipeline.frames import look
from hueshift_jax.pipeline.rules import Rules, until_change
from hueshift_jax.pipeline.shot_list import Entry, ShotList
from hueshift_jax.pipeline.shots import Past, split
from hueshift_jax.video.frame import NO_BARS, Bars
from hueshift_jax.video.probe import probe
from hueshift_jax.video.reader import Reader
from hueshift_jax.video.writer import Encoding
from tests.pipeline.doubles import (
    SD,
    FakeColorizer,
    color,
    describe,
    frame,
    lumas,
    make_film,
    scene,
)

SIZE = (96, 128)
CUTS = (14, 34)
COUNT = 50
LOSSLESS = Encoding(preset="ultrafast", lossless=True, threads=1)


def colored_planes(seed):
    """Cb and Cr with much color that has nothing to do with luma."""
    height, width = SIZE[0] // 2, SIZE[1] // 2
    blobs = (scene(seed + n, height, width)[:height, :width] for n in (50, 60))
    return tuple(np.round(108 + 40 * plane).astype(np.uint8) for plane in blobs)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Three shots, of which the second is in color."""
    path = tmp_path_factory.mktemp("mixed") / "mixed.mp4"
    neutral = (np.full((SIZE[0] // 2, SIZE[1] // 2), 128, np.uint8),) * 2
    chroma = [neutral] * CUTS[0] + [colored_planes(0)] * (CUTS[1] - CUTS[0])
    make_film(path, lumas(COUNT, *SIZE, cuts=CUTS), chroma)
    return path


@pytest.fixture(scope="module")
def finished(mixed, tmp_path_factory):
    """It, colored, and what was said."""
    output = tmp_path_factory.mktemp("finished") / "out.mkv"
    return output, told(mixed, output, controls=Controls(saturation=2))


def copied(finished, folder):
    """A finished film with its progress, to go on with."""
    output = folder / "out.mkv"
    shutil.copytree(journal.folder_for(finished[0]), journal.folder_for(output))
    shutil.copy2(finished[0], output)
    return output


def read(path):
    with Reader(probe(path), chroma=True) as reader:
        return list(reader)


def listed(output):
    with open(journal.folder_for(output) / "shots.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def told(source, output, **options):
    said = []
    settings = ColorizeOptions(encoding=LOSSLESS, **options)
    Film(probe(source), output, FakeColorizer(), settings, said.append).color()
    return [event.text for event in said if isinstance(event, events.Note)]


# -- nothing leaks over a cut


class _Seen(Composer):
    """Keeps the chroma of all frames, in order."""

    seen: ClassVar[list] = []

    def __call__(self, frame):
        self.seen.append(frame.ab)
        return super().__call__(frame)


def shown(monkeypatch, path, output, **options):
    with monkeypatch.context() as patch:
        patch.setattr(build, "Composer", _Seen)
        patch.setattr(_Seen, "seen", seen := [])
        colorizer = FakeColorizer(remembers=options.pop("remembers", False))
        color(path, output, colorizer, **options)
    return seen


@pytest.mark.parametrize("options", [{"remembers": True}, {"temporal": "none"}, {}])
def test_the_first_frame_after_a_cut_is_that_of_its_shot_alone(tmp_path, monkeypatch, options):
    planes = list(lumas(COUNT, *SIZE, cuts=CUTS))
    make_film(tmp_path / "film.mp4", planes)
    whole = shown(monkeypatch, tmp_path / "film.mp4", tmp_path / "out.mp4", **options)
    for begin, end in itertools.pairwise((*CUTS, COUNT)):
        make_film(tmp_path / "shot.mp4", planes[begin:end])
        output = tmp_path / f"shot-{begin}.mp4"
        alone = shown(monkeypatch, tmp_path / "shot.mp4", output, **options)
        assert np.abs(whole[begin] - alone[0]).max() <= 1e-3
        assert np.abs(whole[end - 1] - alone[-1]).max() <= 1e-3


# -- shots in color already


def test_a_shot_in_color_is_kept_exactly(mixed, finished):
    output, notes = finished
    expected = "1 of 3 shots is in color already and is kept; --keep-color no colors it too."
    assert expected in notes
    assert [row["color"] for row in listed(output)] == ["colored", "kept", "colored"]
    for before, after in zip(read(mixed), read(output), strict=True):
        same = [np.array_equal(*pair) for pair in zip(before.chroma, after.chroma, strict=True)]
        assert all(same) == (CUTS[0] <= before.index < CUTS[1])
        np.testing.assert_array_equal(before.luma, after.luma)


def test_all_shots_are_colored_if_wanted(mixed, tmp_path):
    output = tmp_path / "out.mkv"
    assert not any("in color" in note for note in told(mixed, output, keep_color="no"))
    assert {row["color"] for row in listed(output)} == {"colored"}
    before, after = read(mixed)[20], read(output)[20]
    assert not np.array_equal(before.chroma[0], after.chroma[0])


def test_kept_shots_stay_when_colors_are_made_anew(mixed, finished, tmp_path):
    output = copied(finished, tmp_path)
    notes = told(mixed, output, controls=Controls(saturation=0))
    assert "The colors are made anew from the stored chroma." in notes
    before, after = read(mixed)[20], read(output)[20]
    np.testing.assert_array_equal(before.chroma[0], after.chroma[0])
    assert (read(output)[40].chroma[0] == 128).all()


def test_an_interrupted_kept_shot_goes_on(mixed, tmp_path, monkeypatch):
    for module in (frames, segments):
        monkeypatch.setattr(module, "SEGMENT_FRAMES", 8)
    settings = {"controls": Controls(saturation=2), "temporal": "none"}
    real = journal.Journal.confirm

    class Stop(BaseException):
        """The power fails."""

    def confirm(self, number, *args):
        real(self, number, *args)
        if number == 2:
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(journal.Journal, "confirm", confirm)
        with pytest.raises(Stop):
            told(mixed, tmp_path / "out.mkv", **settings)
    told(mixed, tmp_path / "out.mkv", **settings)
    kept = slice(*CUTS)
    pairs = zip(read(mixed)[kept], read(tmp_path / "out.mkv")[kept], strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one.chroma[0], other.chroma[0])
    assert [row["frames"] for row in listed(tmp_path / "out.mkv")] == ["14", "20", "16"]


def test_a_film_in_color_is_kept_as_a_whole(tmp_path):
    make_film(tmp_path / "film.mp4", lumas(9, *SIZE), [colored_planes(0)] * 9)
    notes = told(tmp_path / "film.mp4", tmp_path / "out.mkv")
    assert "The film is in color already and is kept; --keep-color no colors it." in notes


# -- a person's list of shots


def test_a_list_takes_the_place_of_detection(mixed, tmp_path):
    output, path = tmp_path / "out.mkv", tmp_path / "cuts.csv"
    path.write_text("first_frame,color\n0,\n20,colored\n34,kept\n")
    told(mixed, output, cuts=path)
    rows = listed(output)
    assert [(row["first_frame"], row["found"], row["color"]) for row in rows] == [
        ("0", "start", "colored"),
        ("20", "given", "colored"),
        ("34", "given", "kept"),
    ]


def test_another_list_starts_anew_and_says_so(mixed, finished, tmp_path):
    output, path = copied(finished, tmp_path), tmp_path / "cuts.csv"
    path.write_text("20\n")
    notes = told(mixed, output, cuts=path)
    assert "Other settings than before (cuts); starting anew." in notes
    assert len(listed(output)) == 2


def test_what_was_written_gives_the_same_film(mixed, finished, tmp_path):
    output, _ = finished
    again, path = tmp_path / "again.mkv", journal.folder_for(output) / "shots.csv"
    told(mixed, again, cuts=path, controls=Controls(saturation=2))
    for one, other in zip(read(output), read(again), strict=True):
        np.testing.assert_array_equal(one.chroma[0], other.chroma[0])
    assert [row["found"] for row in listed(again)] == ["start", "given", "given"]


def test_a_list_beyond_the_film_is_refused(mixed, tmp_path):
    (tmp_path / "cuts.csv").write_text("500\n")
    with pytest.raises(UsageError, match="lies beyond the film, which has 50 frames"):
        told(mixed, tmp_path / "out.mkv", cuts=tmp_path / "cuts.csv")


def test_a_given_list_goes_on_in_the_middle():
    shots = ShotList([Entry(5, None), Entry(None, 0.4)], describe("film.mp4", *SIZE))
    seen = [look(frame(index, luma), SD, 0, (32, 64)) for index, luma in enumerate(lumas(20))]
    for begin in (1, 5, 6, 10, 11):
        past = Past((seen[begin - 1].thumb,), pts=seen[begin - 1].frame.pts)
        found = []
        for shot in split(seen[begin:], past, given=shots):
            found += [view.frame.index for view in itertools.islice(shot.views, 1) if shot.starts]
            assert shot.facts.found == ("given" if shot.starts else "start")
            for _ in shot.views:
                pass
        assert found == [n for n in (5, 10) if n >= begin]


# -- black bars


def test_bars_are_neutral_and_the_network_does_not_see_them(tmp_path):
    planes = [luma.copy() for luma in lumas(20, *SIZE)]
    for plane in planes:
        plane[:13], plane[84:] = 16, 16
    make_film(tmp_path / "film.mp4", planes)
    grays = []

    class Watching(FakeColorizer):
        def __call__(self, memory, luma, key):
            grays.append(np.asarray(luma))
            return super().__call__(memory, luma, key)

    color(tmp_path / "film.mp4", tmp_path / "out.mkv", Watching(), encoding=LOSSLESS)
    for one in read(tmp_path / "out.mkv"):
        for plane in one.chroma:
            assert (plane[:7] == 128).all()
            assert (plane[42:] == 128).all()
            assert np.mean(plane[7:42] != 128) > 0.5
    assert min(gray[:, :4].mean() for gray in grays[-5:]) > 0.1


def test_a_picture_where_the_bars_were_has_its_colors():
    planes = [luma.copy() for luma in lumas(20, *SIZE)]
    for plane in planes[:16]:
        plane[:12], plane[84:] = 16, 16
    views = [look(frame(index, luma), SD, 0, (192, 256)) for index, luma in enumerate(planes)]
    shot = next(split(views, rules=Rules(SD)))
    bars = [view.frame.bars for view in shot.views]
    assert bars == [Bars(12, 12)] * 16 + [NO_BARS] * 4


# -- rules


def test_first_frames_end_where_they_change():
    thumbs = [look(frame(0, luma), SD, 0, (192, 256)).thumb for luma in lumas(12, *SIZE, cuts=(5,))]
    assert until_change(thumbs) == 5
    assert until_change(thumbs[:3]) == 3


def test_a_person_knows_better_but_not_against_no():
    pair = colored_planes(0)
    shot = [dataclasses.replace(frame(0, luma), chroma=pair) for luma in lumas(3, *SIZE)]
    assert Rules(SD, "auto").judge("cut", shot, ShotFacts()).kept
    assert not Rules(SD, "auto").judge("cut", shot, ShotFacts(), kept=False).kept
    assert Rules(SD, "auto").judge("cut", shot[:0] + shot, ShotFacts(), kept=True).kept
    assert not Rules(SD, "no").judge("cut", shot, ShotFacts(), kept=True).kept
    assert Rules().judge("cut", shot, ShotFacts()) == ShotFacts("cut")
