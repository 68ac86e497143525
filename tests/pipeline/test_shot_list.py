"""Lists of shots as people write them, and as they are written."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hueshift_jax.errors import UsageError
from hueshift_jax.pipeline.facts import ShotFacts
from hueshift_jax.pipeline.shot_list import Row, as_csv, clock, read_shot_list
from hueshift_jax.video.frame import Bars, Frame
from tests.pipeline.doubles import describe

INFO = describe(Path("film.mp4"), 48, 64, frame_count_estimate=100, duration_s=4.0)


def write(tmp_path, text):
    path = tmp_path / "cuts.csv"
    path.write_text(text)
    return path


def starts(shots, pts_of=lambda index: 512 * index):
    """Which of 100 frames at 25 frames/s begin shots."""
    found = []
    for index in range(1, 100):
        frame = Frame(index, pts_of(index), 512, np.zeros((2, 2), np.uint8), 0.0)
        if shots.begins(frame, pts_of(index - 1)):
            found.append(index)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0\n30\n55\n", [30, 55]),
        ("first_frame_of_new_shot\n30\n55\n", [30, 55]),
        ("# mine\n\n1.2\n0:02.2\n0:00:03\n", [30, 55, 75]),
        ("1.2s\n1.21\n", [30, 31]),
        ("30, 0:01.200\n55, 0:02.200\n", [30, 55]),
        ("shot,first_frame,time,frames,found,color\n1,0,0,30,start,\n2,,0:01.2,9,cut,kept\n", [30]),
        ("time;x\n", None),
        ("Time\n1.2\n", [30]),
    ],
)
def test_beginnings(tmp_path, text, expected):
    path = write(tmp_path, text)
    if expected is None:
        with pytest.raises(UsageError, match="neither a frame's number nor a time"):
            read_shot_list(path, INFO)
    else:
        assert starts(read_shot_list(path, INFO)) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no shot"),
        ("30\n12\n", "line 2: this shot does not begin after"),
        ("30\n30\n", "line 2: this shot does not begin after"),
        ("30\nsoon\n", "line 2: 'soon' is neither"),
        ("30\n-4\n", "'-4' is neither"),
        ("100\n", "frame 100 lies beyond the film, which has 100 frames"),
        ("0:05.0\n", "0:00:05.000 lies beyond the film, which ends at 0:00:04.000"),
        ("1,2,3\n", "3 columns need a header"),
        ("x,1.2\n", "'x' is not the number of a frame"),
        ("first_frame,color\n30,blue\n", "'blue' is no color"),
        ("first_frame,color\n,kept\n", "neither a first frame nor a time"),
    ],
)
def test_wrong_lists_are_refused_in_one_sentence(tmp_path, text, words):
    with pytest.raises(UsageError, match=words) as caught:
        read_shot_list(write(tmp_path, text), INFO)
    assert len(str(caught.value).splitlines()) == 1


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_shot_list(tmp_path / "none.csv", INFO)
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="it is no text"):
        read_shot_list(tmp_path / "x.csv", INFO)


def test_times_hold_at_any_rate_and_numbers_become_times_in_a_part(tmp_path):
    path = write(tmp_path, "first_frame,time\n30,0:01.200\n50,\n")
    shots = read_shot_list(path, INFO, from_start=False)
    assert starts(shots, lambda index: 512 * (index + 10)) == [20, 40]
    film = describe(Path("film.mp4"), 48, 64, start_pts=9000, average_rate=Fraction(24000, 1001))
    path.write_text("1.2\n")
    assert starts(read_shot_list(path, film), lambda index: 9000 + 512 * index) == [30]


def test_what_is_said_of_colors(tmp_path):
    path = write(tmp_path, "first_frame,color\n0,colored\n30,kept\n55,\n")
    shots = read_shot_list(path, INFO)
    frames = [Frame(i, 512 * i, 512, np.zeros((2, 2), np.uint8), 0.0) for i in (0, 30, 55, 60)]
    found = [shots.kept(f, None if f.index == 0 else f.pts - 512) for f in frames]
    assert found == [False, True, None, None]


def test_what_is_written_can_be_read(tmp_path):
    rows = [
        Row(0, 0, 30, ShotFacts()),
        Row(30, 30 * 512, 25, ShotFacts("cut", True, Bars(2, 2))),
        Row(55, 55 * 512, 45, ShotFacts("dissolve")),
    ]
    text = as_csv(rows, INFO)
    assert text.splitlines() == [
        "shot,first_frame,time,frames,found,color",
        "1,0,0:00:00.000,30,start,colored",
        "2,30,0:00:01.200,25,cut,kept",
        "3,55,0:00:02.200,45,dissolve,colored",
    ]
    assert starts(read_shot_list(write(tmp_path, text), INFO)) == [30, 55]
    part = as_csv(rows, INFO, from_start=False)
    assert part.splitlines()[2] == "2,,0:00:01.200,25,cut,kept"
    assert starts(read_shot_list(write(tmp_path, part), INFO)) == [30, 55]


def test_other_lists_are_told_apart(tmp_path):
    first, second = (read_shot_list(write(tmp_path, text), INFO) for text in ("30\n", "31\n"))
    assert first.digest() != second.digest()
    assert first.digest() == read_shot_list(write(tmp_path, "30\n"), INFO).digest()


def test_clock():
    assert [clock(s) for s in (0, 59.9996, 3725.25)] == [
        "0:00:00.000",
        "0:01:00.000",
        "1:02:05.250",
    ]
